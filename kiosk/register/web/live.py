"""Live updates: a stream of server-sent events that says what has changed, and nothing of it.

The page then fetches what it shows. Each stream begins with the event ``connected``: what changed
while the page was on its way, or away, is fetched then. One task of the process reads the table of
changes for all open pages.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator
from typing import Final, TypeAlias

from asgiref.sync import sync_to_async
from django.db import DatabaseError, connection
from django.db.models import Max, Q
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path

from kiosk.register.models import Change

POLL_S: Final = 0.25
"""How often the table is read: with the marker's pause, the longest part of "within a second"."""
PING_S: Final = 15.0
"""A comment is sent so often; it keeps proxies from closing the stream, and finds closed pages."""
SETTLED_S: Final = 10.0
"""So long a missing number is asked for: its transaction may end after that of a later number."""
RETRY_MS: Final = 2_000
"""When a page connects again, more or less: htmx draws it, so not all come at once."""
BATCH: Final = 500
_RECENT: Final = 2_000
_log = logging.getLogger(__name__)

Row: TypeAlias = tuple[int, str, str]
"""Number, kind and key of a change."""


class Numbers:
    """Which changes were read, by number; numbers are not always committed in order."""

    def __init__(self, newest: int) -> None:
        self.newest = newest
        self._missing: dict[int, float] = {}

    def missing(self, now_s: float) -> list[int]:
        """Return the numbers below the newest that may still come."""
        self._missing = {n: end for n, end in self._missing.items() if now_s < end}
        return list(self._missing)

    def add(self, rows: list[Row], now_s: float) -> None:
        """Note the rows that were read, in order of their numbers."""
        for number, _, _ in rows:
            self._missing.pop(number, None)
            for skipped in range(max(self.newest + 1, number - BATCH), number):
                self._missing[skipped] = now_s + SETTLED_S
            self.newest = max(self.newest, number)


class Feed:
    """The newest changes, in the order in which they were seen, for all pages that wait."""

    def __init__(self) -> None:
        self._recent: deque[Row] = deque(maxlen=_RECENT)
        self._count = 0
        self._numbers: Numbers | None = None
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> int:
        """Return the position from which on every change will be told."""
        self._keep_polling()
        while self._numbers is None:
            await self._news.wait()
        return self._count

    async def wait(self, position: int, timeout_s: float) -> bool:
        """Return whether there is a change after a position, waiting for it up to a time."""
        self._keep_polling()
        try:
            async with asyncio.timeout(timeout_s):
                while self._count <= position:
                    await self._news.wait()
        except TimeoutError:
            return False
        return True

    def since(self, position: int) -> tuple[list[Row] | None, int]:
        """Return the changes after a position and the position after them; None: too many."""
        first = self._count - len(self._recent)
        rows = None if position < first else list(self._recent)[position - first :]
        return rows, self._count

    def _keep_polling(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._poll())

    async def _poll(self) -> None:
        is_well = True
        while True:
            try:
                if self._numbers is None:
                    self._numbers = Numbers(await sync_to_async(newest_change)())
                    self._tell([])
                now_s = time.monotonic()
                missing = self._numbers.missing(now_s)
                rows = await sync_to_async(changes_after)(self._numbers.newest, missing)
            except DatabaseError as exc:
                if is_well:
                    _log.error("live updates: %s; trying again", type(exc).__name__)
                is_well = False
                await sync_to_async(close_connection)()
            else:
                is_well = True
                self._numbers.add(rows, now_s)
                if rows:
                    self._tell(rows)
            await asyncio.sleep(POLL_S)

    def _tell(self, rows: list[Row]) -> None:
        self._recent.extend(rows)
        self._count += len(rows)
        self._news.set()
        self._news = asyncio.Event()


def close_connection() -> None:
    """Close this thread's connection to the database; the next query opens a new one."""
    connection.close()


def newest_change() -> int:
    """Return the number of the newest change; 0 when there was none."""
    newest: int | None = Change.objects.aggregate(newest=Max("id"))["newest"]
    return newest or 0


def changes_after(number: int, missing: list[int]) -> list[Row]:
    """Return the first changes after a number, and those of the missing ones that came."""
    rows = Change.objects.filter(Q(id__gt=number) | Q(id__in=missing)).order_by("id")
    return list(rows.values_list("id", "kind", "key")[:BATCH])


_feeds: dict[asyncio.AbstractEventLoop, Feed] = {}


async def changes(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """Stream what changes, for ``?kind=KIND`` and, if given, ``&key=KEY``."""
    user = await request.auser()
    # The stream stays, and PostgreSQL has a hundred connections for all pages.
    await sync_to_async(close_connection)()
    if not user.is_authenticated:
        return HttpResponse(status=401)
    kinds, keys = request.GET.getlist("kind"), request.GET.getlist("key")
    feed = _feeds.setdefault(asyncio.get_running_loop(), Feed())
    response = StreamingHttpResponse(stream(feed, kinds, keys), content_type="text/event-stream")
    response.headers["X-Accel-Buffering"] = "no"
    return response


async def stream(feed: Feed, kinds: list[str], keys: list[str]) -> AsyncIterator[str]:
    """Yield the events of one page; the stream ends for a page that fell too far behind."""
    position = await feed.begin()
    yield f"retry: {RETRY_MS}\nevent: connected\ndata: all\n\n"
    while True:
        if not await feed.wait(position, PING_S):
            yield ": still here\n\n"
            continue
        rows, position = feed.since(position)
        if rows is None:
            return
        for kind, key in wanted(rows, kinds, keys):
            yield f"event: {kind}\ndata: {key}\n\n"


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
