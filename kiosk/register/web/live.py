"""Live updates: a stream of server-sent events that says what has changed, and nothing of it.

Each event has the number of a :class:`kiosk.register.models.Change` as its id, so a page that was
away gets what it missed: the browser sends the last id, and every change after it follows. The page
then fetches what it shows. One task of the process reads the table for all open pages.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Final, TypeAlias

from asgiref.sync import sync_to_async
from django.db.models import Max
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path

from kiosk.register.models import Change

POLL_S: Final = 0.25
"""How often the table is read: with the marker's pause, the longest part of "within a second"."""
PING_S: Final = 15.0
"""A comment is sent so often; it keeps proxies from closing the stream, and finds closed pages."""
BATCH: Final = 500
_RECENT: Final = 2_000


Row: TypeAlias = tuple[int, str, str]
"""Number, kind and key of a change."""


class Feed:
    """The newest changes, read once for all pages that wait for them."""

    def __init__(self) -> None:
        self._newest = 0
        self._recent: deque[Row] = deque()  # every change after the number before it
        self._before_recent = 0
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def wait(self, after: int, timeout_s: float) -> bool:
        """Return whether there is a change after a number, waiting for it up to a time."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._poll())
        try:
            async with asyncio.timeout(timeout_s):
                while self._newest <= after:
                    await self._news.wait()
        except TimeoutError:
            return False
        return True

    async def since(self, after: int) -> list[Row]:
        """Return the changes after a number; a page that was away for long needs the table."""
        if after >= self._before_recent:
            return [row for row in self._recent if row[0] > after]
        return await sync_to_async(changes_after)(after)

    async def _poll(self) -> None:
        if not self._newest:
            self._before_recent = await sync_to_async(newest_change)()
            self._tell(self._before_recent, [])
        while True:
            rows = await sync_to_async(changes_after)(self._newest)
            if rows:
                self._tell(rows[-1][0], rows)
            await asyncio.sleep(POLL_S)

    def _tell(self, newest: int, rows: list[Row]) -> None:
        self._recent.extend(rows)
        while len(self._recent) > _RECENT:
            self._before_recent = self._recent.popleft()[0]
        self._newest = newest
        self._news.set()
        self._news = asyncio.Event()


def newest_change() -> int:
    """Return the number of the newest change; 0 when there was none."""
    newest: int | None = Change.objects.aggregate(newest=Max("id"))["newest"]
    return newest or 0


def changes_after(number: int) -> list[Row]:
    """Return the first changes after a number, in order."""
    rows = Change.objects.filter(id__gt=number).order_by("id")
    return list(rows.values_list("id", "kind", "key")[:BATCH])


_feeds: dict[asyncio.AbstractEventLoop, Feed] = {}


async def changes(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """Stream what changes, for ``?kind=KIND`` and, if given, ``&key=KEY``."""
    user = await request.auser()
    if not user.is_authenticated:
        return HttpResponse(status=401)
    kinds, keys = request.GET.getlist("kind"), request.GET.getlist("key")
    last = request.headers.get("Last-Event-ID", "")
    after = int(last) if last.isdecimal() else await sync_to_async(newest_change)()
    feed = _feeds.setdefault(asyncio.get_running_loop(), Feed())
    response = StreamingHttpResponse(
        _stream(feed, after, kinds, keys), content_type="text/event-stream"
    )
    response.headers["X-Accel-Buffering"] = "no"
    return response


async def _stream(feed: Feed, after: int, kinds: list[str], keys: list[str]) -> AsyncIterator[str]:
    yield f"retry: 1000\nid: {after}\n\n"
    while True:
        if not await feed.wait(after, PING_S):
            yield ": still here\n\n"
            continue
        rows = await feed.since(after)
        after = rows[-1][0] if rows else after
        for kind, key in wanted(rows, kinds, keys):
            yield f"id: {after}\nevent: {kind}\ndata: {key}\n\n"


def wanted(rows: list[Row], kinds: list[str], keys: list[str]) -> list[tuple[str, str]]:
    """Return each kind and key of these changes that a page asks for, once."""
    return sorted(
        {
            (kind, key)
            for _, kind, key in rows
            if (not kinds or kind in kinds) and (not keys or not key or key in keys)
        }
    )


urlpatterns = [path("changes", changes, name="changes")]
