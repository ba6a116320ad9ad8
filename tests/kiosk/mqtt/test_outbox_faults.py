"""Faults that the outbox withstands."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from kiosk.errors import OutboxError
from kiosk.mqtt.outbox import Outbox
from tests.kiosk.mqtt.support import Log, kiosk_log


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite3"


@pytest.fixture
def log() -> Iterator[Log]:
    with kiosk_log() as handler:
        yield handler


def fill(outbox: Outbox, count: int) -> None:
    for _ in range(count):
        outbox.put(lambda n: (f"id-{n}", "t", f"event {n}".encode()))


def query(path: Path, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """Run one statement on the file, without the outbox."""
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(sql, values).fetchall()


# One bad row


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("payload = x'00'", "its checksum is wrong"),
        ("payload = 'text'", "its checksum is wrong"),
        ("topic = 'other'", "its checksum is wrong"),
        ("event_id = event_id || '!'", "its checksum is wrong"),
        ("checksum = 'text'", "its checksum is wrong"),
        ("topic = CAST(x'FF' AS TEXT)", "its checksum is wrong"),
    ],
)
def test_a_damaged_row_is_set_aside_and_the_others_go_on(
    path: Path, log: Log, change: str, why: str
) -> None:
    """It is kept in a table with its reason, one line says so, and it is never published."""
    with Outbox(path) as outbox:
        fill(outbox, 5)
        outbox.mark_delivered([1])
        for sequence in (1, 3):
            query(path, f"UPDATE events SET {change} WHERE sequence = {sequence}")
        assert [row.sequence for row in outbox.pending(2)] == [2, 4]
        assert [row.sequence for row in outbox.pending(9, 2)] == [4, 5]
        assert [row.sequence for row in outbox.stored(1, 9, 9)] == [2, 4, 5]
        assert outbox.counts().set_aside == 2
        assert (outbox.counts().kept, outbox.counts().undelivered) == (3, 3)
    assert query(path, "SELECT sequence, reason FROM set_aside ORDER BY 1") == [(1, why), (3, why)]
    assert log.count("are set aside") == 2  # when each was read
    assert log.count(why) == 2


@pytest.mark.parametrize("topic", ["", "a/+/b", "a/#", "a\0b", "x" * 65536])
def test_an_event_with_a_topic_that_nobody_can_publish_to_is_set_aside(
    path: Path, topic: str
) -> None:
    """Its checksum is right, and it would stop the publisher."""
    with Outbox(path) as outbox:
        outbox.put(lambda n: (f"id-{n}", topic, b"{}"))
        fill(outbox, 1)
        assert [row.sequence for row in outbox.pending(9)] == [2]
    assert query(path, "SELECT sequence, reason FROM set_aside") == [
        (1, "its topic is not one that can be published to")
    ]


def test_a_page_of_bad_rows_does_not_hide_the_good_ones(path: Path) -> None:
    """Reading goes on behind them."""
    with Outbox(path) as outbox:
        fill(outbox, 9)
        query(path, "UPDATE events SET payload = x'00' WHERE sequence < 8")
        assert [row.sequence for row in outbox.pending(2)] == [8, 9]


# Locked by another process


def test_a_locked_file_is_said_once_and_works_again(path: Path, log: Log) -> None:
    """While another process writes, storing fails; afterwards it works, and no number is lost."""
    with Outbox(path, busy_s=0.05) as outbox, closing(sqlite3.connect(path)) as other:
        fill(outbox, 1)
        other.execute("BEGIN IMMEDIATE")
        for _ in range(3):
            with pytest.raises(OutboxError, match="another process"):
                fill(outbox, 1)
        other.rollback()
        fill(outbox, 1)
        assert outbox.last_sequence() == 2
    assert log.count("nothing can be stored") == 1
    assert log.count("events are stored again") == 1


def test_the_wait_for_another_process_is_bounded(path: Path) -> None:
    """The frame loop must go on, and the watchdog waits for 30 s."""
    with Outbox(path, busy_s=0.2) as outbox, closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        began_s = time.monotonic()
        with pytest.raises(OutboxError):
            fill(outbox, 1)
        assert time.monotonic() - began_s < 5.0
