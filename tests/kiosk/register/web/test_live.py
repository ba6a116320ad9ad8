"""The stream that tells open pages what has changed."""

import asyncio
from datetime import UTC, datetime

import pytest
from asgiref.sync import sync_to_async

from kiosk.register.models import Change
from kiosk.register.web import live
from kiosk.register.web.live import Feed, changes_after


def change(key: str) -> int:
    return int(Change.objects.create(at=datetime.now(UTC), kind="lesson", key=key).pk)


@pytest.mark.usefixtures("config")
def test_many_pages_read_the_table_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A change is read for all pages that wait; one that was away before reads what it missed."""
    before = change("earlier")
    read: list[int] = []

    def counted(number: int) -> list[live.Row]:
        rows = changes_after(number)
        if rows:
            read.append(number)
        return rows

    monkeypatch.setattr(live, "changes_after", counted)

    async def course() -> tuple[list[list[live.Row]], list[live.Row]]:
        feed = Feed()
        assert await feed.wait(before - 1, 10)  # it has begun to read
        waiting = [asyncio.create_task(feed.wait(before, 10)) for _ in range(20)]
        await sync_to_async(change)("now")
        await asyncio.gather(*waiting)
        return [await feed.since(before) for _ in range(20)], await feed.since(0)

    pages, away = asyncio.run(course())
    assert {tuple(key for _, _, key in rows) for rows in pages} == {("now",)}
    assert [key for _, _, key in away] == ["earlier", "now"]
    assert len(read) == 2
