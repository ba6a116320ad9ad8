"""Live updates: a stream of server-sent events that says what has changed, and nothing of it.

The page then fetches what it shows. Each stream begins with the event ``connected``: what changed
while the page was on its way, or away, is fetched then. One task of the process reads the table of
changes for all open pages.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import contextmanager
from typing import Final, TypeAlias

from asgiref.sync import sync_to_async
from django.db import DatabaseError, connection
from django.db.models import BigIntegerField, Max, Q
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path

from kiosk.register.alphabet import forget_names
from kiosk.register.models import Change
from kiosk.register.prepared import Given, GivenMany, Prepared
from kiosk.register.web.student_rows import forget_rows

POLL_S: Final = 0.1
"""How often the table is read, by one short query for all open pages."""
PING_S: Final = 15.0
"""A comment is sent so often; it keeps proxies from closing the stream, and finds closed pages."""
SETTLED_S: Final = 10.0
"""So long a missing number is asked for: its transaction may end after that of a later number."""
RETRY_MS: Final = 2_000
"""When a page connects again, more or less: htmx draws it, so not all come at once."""
BATCH: Final = 500
_CHANGES: Final = Prepared(
    lambda: (
        Change.objects.filter(
            Q(id__gt=Given("newest", BigIntegerField()))
            | Q(id__among=GivenMany("missing", BigIntegerField()))
        )
        .order_by("id")
        .values_list("id", "kind", "key")[:BATCH]
    )
)
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


class Listener:
    """What an open page waits for, and what of it has changed.

    Args:
        kinds: The kinds of changes; empty for all.
        keys: The keys; empty for all.
    """

    def __init__(self, kinds: Collection[str], keys: Collection[str]) -> None:
        self._kinds = frozenset(kinds)
        self._keys = frozenset(keys)
        self._news: set[tuple[str, str]] = set()
        self._has_news = asyncio.Event()

    def tell(self, rows: list[Row]) -> None:
        """Note those of these changes that the page waits for."""
        for _, kind, key in rows:
            is_kind = not self._kinds or kind in self._kinds
            if is_kind and (not self._keys or not key or key in self._keys):
                self._news.add((kind, key))
                self._has_news.set()

    async def wait(self, timeout_s: float) -> list[tuple[str, str]]:
        """Return each kind and key that has changed, once; empty if none has within a time."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._has_news.wait()
        except TimeoutError:
            return []
        news = sorted(self._news)
        self._news.clear()
        self._has_news.clear()
        return news


class Feed:
    """Reads the changes for all pages that wait, and wakes those that they concern."""

    def __init__(self) -> None:
        self._listeners: set[Listener] = set()
        self._numbers: Numbers | None = None
        self._has_begun = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @contextmanager
    def listening(self, kinds: Collection[str], keys: Collection[str]) -> Iterator[Listener]:
        """Tell a page of changes as long as it is open."""
        listener = Listener(kinds, keys)
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    async def begin(self) -> None:
        """Return when every change from now on will be told."""
        self._keep_polling()
        await self._has_begun.wait()

    def _keep_polling(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._poll())

    async def _poll(self) -> None:
        is_well = True
        while True:
            try:
                if self._numbers is None:
                    self._numbers = Numbers(await sync_to_async(newest_change)())
                    self._has_begun.set()
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
                if any(kind == "erasure" for _, kind, _ in rows):
                    forget_rows()
                    forget_names()
                for listener in self._listeners:
                    listener.tell(rows)
            await asyncio.sleep(POLL_S)


def close_connection() -> None:
    """Close this thread's connection to the database; the next query opens a new one."""
    connection.close()


def newest_change() -> int:
    """Return the number of the newest change; 0 when there was none."""
    newest: int | None = Change.objects.aggregate(newest=Max("id"))["newest"]
    return newest or 0


def changes_after(number: int, missing: list[int]) -> list[Row]:
    """Return the first changes after a number, and those of the missing ones that came."""
    return _CHANGES.rows(newest=number, missing=missing)


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
    """Yield the events of one page, without end."""
    with feed.listening(kinds, keys) as listener:
        await feed.begin()
        yield f"retry: {RETRY_MS}\nevent: connected\ndata: all\n\n"
        while True:
            news = await listener.wait(PING_S)
            events = [f"event: {kind}\ndata: {key}\n\n" for kind, key in news]
            yield "".join(events) or ": still here\n\n"


urlpatterns = [path("changes", changes, name="changes")]
