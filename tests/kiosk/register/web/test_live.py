"""The stream that tells open pages what has changed."""

import asyncio
import re
from collections.abc import AsyncIterator, Coroutine
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError, connections
from django.test import RequestFactory

from kiosk.register.alphabet import folded, sort_key
from kiosk.register.erasing.erase import erase_subject
from kiosk.register.models import Account, Change
from kiosk.register.web import live, student_rows
from kiosk.register.web.class_state import Row
from kiosk.register.web.live import Feed, Numbers, changes_after, stream
from kiosk.register.web.student_rows import write_rows

pytestmark = pytest.mark.usefixtures("school")

T = TypeVar("T")


def change(key: str, number: int | None = None) -> int:
    row = Change.objects.create(id=number, at=datetime.now(UTC), kind="lesson", key=key)
    return int(row.pk)


def run(course: Coroutine[Any, Any, T]) -> T:
    """Run a course; the thread of its database calls gets a connection to this test's database."""

    def forget() -> None:
        connections.close_all()
        del connections["default"]

    async def whole() -> T:
        await sync_to_async(lambda: connections["default"])()
        await sync_to_async(forget)()
        return await course

    return asyncio.run(whole())


async def keys_told(events: AsyncIterator[str], count: int) -> list[str]:
    """Return what the next events of a stream are about, at least so many."""
    told: list[str] = []
    while len(told) < count:
        told += re.findall("data: (.*)", await asyncio.wait_for(anext(events), 10))
    return told


def test_many_pages_read_the_table_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A change is read once for all pages that wait; an earlier one is no news."""
    change("earlier")
    read: list[int] = []

    def counted(number: int, missing: list[int]) -> list[live.Row]:
        rows = changes_after(number, missing)
        if rows:
            read.append(number)
        return rows

    monkeypatch.setattr(live, "changes_after", counted)

    async def course() -> list[list[str]]:
        feed = Feed()
        pages = [stream(feed, [], []) for _ in range(20)]
        for page in pages:
            await anext(page)
        await sync_to_async(change)("now")
        return [await keys_told(page, 1) for page in pages]

    assert run(course()) == [["now"]] * 20
    assert len(read) == 1


def test_a_stream_begins_with_a_fetch() -> None:
    """What changed while a page was on its way is not missed: its first event makes it fetch."""
    change("on the way")

    async def course() -> str:
        return await anext(stream(Feed(), ["lesson"], []))

    assert "event: connected\n" in run(course())


def test_a_stream_holds_no_connection_to_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or two hundred open pages would take more than PostgreSQL has."""

    async def course() -> object:
        request = RequestFactory().get("/changes")
        known = sync_to_async(Account.objects.first)
        monkeypatch.setattr(request, "auser", known, raising=False)
        response = await live.changes(request)
        assert response.status_code == 200
        return await sync_to_async(lambda: connections["default"].connection)()

    assert run(course()) is None


def test_a_page_hears_what_it_asks_for() -> None:
    """A page of one lesson hears nothing of another's."""

    async def course() -> list[str]:
        page = stream(Feed(), ["lesson"], ["7b"])
        await anext(page)
        await sync_to_async(change)("8a")
        await sync_to_async(change)("7b")
        return await keys_told(page, 1)

    assert run(course()) == ["7b"]


def test_a_number_that_is_committed_late_is_told() -> None:
    """A transaction that took its number early and ended late is not passed over."""
    first = change("first")

    async def course() -> list[str]:
        page = stream(Feed(), [], [])
        await anext(page)
        await sync_to_async(change)("second", first + 2)
        told = await keys_told(page, 1)
        await sync_to_async(change)("late", first + 1)
        return told + await keys_told(page, 1)

    assert run(course()) == ["second", "late"]


def test_a_missing_number_is_given_up() -> None:
    """A number that a failed transaction took is not asked for without end."""
    numbers = Numbers(4)
    numbers.add([(7, "lesson", "")], 100.0)
    assert numbers.missing(100.0 + live.SETTLED_S - 0.1) == [5, 6]
    numbers.add([(6, "lesson", "")], 101.0)
    assert numbers.missing(101.0) == [5]
    assert numbers.missing(100.0 + live.SETTLED_S) == []
    assert numbers.newest == 7


def test_a_page_that_is_slow_hears_each_thing_once() -> None:
    """However much has changed meanwhile; so it keeps no more than what it asked for."""

    async def course() -> list[str]:
        feed = Feed()
        slow, quick = stream(feed, [], ["7b", "8a"]), stream(feed, [], ["end"])
        await anext(slow)
        await anext(quick)
        for key in ("7b", "8a", "7b", "9c", "7b", "end"):
            await sync_to_async(change)(key)
        await keys_told(quick, 1)
        return await keys_told(slow, 1)

    assert run(course()) == ["7b", "8a"]


def test_a_page_that_is_closed_is_forgotten() -> None:
    """Nothing is kept for it."""

    async def course() -> tuple[int, int]:
        feed = Feed()
        page = stream(feed, [], [])
        await anext(page)
        before = len(feed._listeners)
        await page.aclose()  # type: ignore[attr-defined] # a generator
        return before, len(feed._listeners)

    assert run(course()) == (1, 0)


def test_after_an_erasure_open_pages_fetch_rows_that_are_written_again() -> None:
    """Rows and spellings that are kept for the next update hold names, and so do the pages."""
    row = Row(
        subject_id="s-1",
        name="Alma Ibarra",
        status="present",
        version=1,
        is_corrected=False,
        minutes_late=0,
        is_doubtful=False,
        is_guest=False,
        points=0,
        is_stale=False,
        is_chosen=False,
        is_hidden=False,
    )

    async def course() -> tuple[str, int, int, int]:
        page = stream(Feed(), ["lesson"], ["7b"])
        await anext(page)
        write_rows([row], "/marks/", is_open=False)
        sort_key(row.name)
        folded(row.name)
        await sync_to_async(erase_subject)("s-1", datetime.now(UTC))
        told = await asyncio.wait_for(anext(page), 10)
        kept = (student_rows._write, sort_key, folded)
        rows, keys, words = (one.cache_info().currsize for one in kept)
        return told, rows, keys, words

    assert run(course()) == ("event: lesson\ndata: \n\n", 0, 0, 0)


def test_a_database_that_is_back_is_read_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An outage is said once, and what changed meanwhile is told after it."""
    fails = iter([True, True])

    def failing(number: int, missing: list[int]) -> list[live.Row]:
        if next(fails, False):
            raise OperationalError("server closed the connection")
        return changes_after(number, missing)

    monkeypatch.setattr(live, "changes_after", failing)

    async def course() -> list[str]:
        page = stream(Feed(), [], [])
        await anext(page)
        await sync_to_async(change)("meanwhile")
        return await keys_told(page, 1)

    assert run(course()) == ["meanwhile"]
    assert [record.getMessage() for record in caplog.records] == [
        "live updates: OperationalError; trying again"
    ]
