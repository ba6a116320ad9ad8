"""Faults that the outbox withstands."""

import contextlib
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from kiosk.errors import OutboxError
from kiosk.outbox.outbox import Outbox
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


def test_events_are_checked_a_few_at_a_time(path: Path, log: Log) -> None:
    """Damage to an event that nobody asks for is noticed by the housekeeping of each minute."""
    with Outbox(path) as outbox:
        fill(outbox, 700)
        outbox.mark_delivered(range(1, 701))
        query(path, "UPDATE events SET payload = x'00' WHERE sequence = 600")
        outbox.trim()
        assert outbox.counts().set_aside == 0
        outbox.trim()
        assert outbox.counts().set_aside == 1
    assert log.count("600 (its checksum is wrong)") == 1


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


# A full disk


@pytest.fixture
def volume(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A small file system of its own; skips where it cannot be mounted."""
    folder = tmp_path / "volume"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={request.param}", "tmpfs", str(folder)]
    if subprocess.run(command, check=False, capture_output=True).returncode != 0:
        pytest.skip("a small volume cannot be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


VOLUMES = pytest.mark.parametrize("volume", ["1536k", "2m", "8m"], indirect=True)


def fill_disk(folder: Path) -> Path:
    """Take every free byte, as a log file of another program would."""
    path = folder / "other"
    with path.open("wb", buffering=0) as file:
        for size in (65536, 4096):
            with contextlib.suppress(OSError):
                while True:
                    file.write(bytes(size))
    return path


def store_until_full(outbox: Outbox) -> int:
    """Store events of the usual size until the outbox takes no more; return how many there are."""
    with contextlib.suppress(OutboxError):
        while True:
            outbox.put(lambda n: (f"id-{n}", "t", f"event {n}".encode() + bytes(600)))
    return outbox.last_sequence()


def send_all(outbox: Outbox) -> list[int]:
    """Deliver what is pending, 20 at a time; return the numbers in order."""
    sent: list[int] = []
    while rows := outbox.pending(20, sent[-1] if sent else 0):
        sent += [row.sequence for row in rows]
        outbox.mark_delivered([row.sequence for row in rows], 1)
    return sent


@VOLUMES
def test_on_a_full_disk_events_are_stored_delivered_and_deleted(volume: Path) -> None:
    """The space that is held takes some hundred events; all are sent, confirmed and deleted."""
    with Outbox(volume / "outbox.sqlite3") as outbox:
        fill(outbox, 3)
        fill_disk(volume)
        for _ in range(5):
            before = outbox.last_sequence()
            last = store_until_full(outbox)
            assert last - before > 100
            assert send_all(outbox) == list(range(before + 1 if before > 3 else 1, last + 1))
            outbox.confirm("register", last)
            while outbox.trim(1).has_more:
                pass
            assert outbox.counts().kept == 0


@VOLUMES
def test_a_kiosk_starts_on_a_full_disk(volume: Path) -> None:
    """What was stored before can be read, sent and deleted, start after start."""
    path = volume / "outbox.sqlite3"
    with Outbox(path) as outbox:
        fill(outbox, 300)
        fill_disk(volume)
        last = store_until_full(outbox)
    for _ in range(3):
        fill_disk(volume)
        with Outbox(path) as outbox:
            assert outbox.last_sequence() == last
            assert len(outbox.pending(1000)) == min(1000, last)
    with Outbox(path) as outbox:
        assert send_all(outbox) == list(range(1, last + 1))
        outbox.confirm("register", last)
        while outbox.trim(1).has_more:
            pass
        assert outbox.counts().kept == 0


@VOLUMES
def test_a_killed_kiosk_starts_on_a_full_disk(volume: Path) -> None:
    """With the log still there, and the rest of the disk taken by another program."""
    path = volume / "outbox.sqlite3"
    script = (
        "import os, sys; from pathlib import Path; from kiosk.outbox.outbox import Outbox\n"
        "from tests.kiosk.outbox.test_outbox_faults import fill_disk, store_until_full\n"
        "outbox = Outbox(Path(sys.argv[1])); fill_disk(Path(sys.argv[1]).parent)\n"
        "print(store_until_full(outbox), flush=True); os.kill(os.getpid(), 9)"
    )
    command = [sys.executable, "-c", script, str(path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    last = int(done.stdout)
    assert last > 100
    with Outbox(path) as outbox:
        assert send_all(outbox) == list(range(1, last + 1))


@pytest.mark.parametrize("volume", ["8m"], indirect=True)
def test_when_the_disk_has_space_again_events_are_stored_again(volume: Path, log: Log) -> None:
    """One line says that nothing can be stored, and one that it can."""
    with Outbox(volume / "outbox.sqlite3") as outbox:
        other = fill_disk(volume)
        last = store_until_full(outbox)
        for _ in range(3):
            assert store_until_full(outbox) == last
        other.unlink()
        fill(outbox, 500)
        assert outbox.last_sequence() == last + 500
    assert log.count("the disk is full") == 1
    assert log.count("events are stored again") == 1


def test_the_space_for_a_start_is_held_again(path: Path) -> None:
    """The file is there after each opening, where the disk has space, and is one of a megabyte."""
    held = path.with_name("outbox.sqlite3-reserve")
    for _ in range(2):
        Outbox(path).close()
        assert held.stat().st_size == 1_000_000
        held.unlink()


@pytest.mark.parametrize("what", ["a folder", "a later version"])
def test_the_space_is_kept_where_the_disk_is_not_the_cause(path: Path, log: Log, what: str) -> None:
    """It is for a start on a full disk; the log does not blame the disk."""
    Outbox(path).close()
    if what == "a folder":
        path.unlink()
        path.mkdir()
    else:
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA user_version = 99")
        connection.close()
    with pytest.raises(OutboxError):
        Outbox(path)
    assert path.with_name("outbox.sqlite3-reserve").exists()
    assert log.count("full disk") == 0


def test_a_running_kiosk_holds_the_space_again(path: Path) -> None:
    """When the disk was full at the start, the next trim that leaves nothing takes it back."""
    held = path.with_name("outbox.sqlite3-reserve")
    with Outbox(path) as outbox:
        held.unlink()
        outbox.trim()
        assert held.stat().st_size == 1_000_000


@pytest.mark.parametrize("volume", ["8m"], indirect=True)
def test_a_file_system_that_became_read_only_is_found_at_the_start(volume: Path) -> None:
    """Opening fails, so that READY is not told."""
    path = volume / "outbox.sqlite3"
    with Outbox(path) as outbox:
        fill(outbox, 3)
    subprocess.run(["mount", "-o", "remount,ro", str(volume)], check=True)
    with pytest.raises(OutboxError, match="its file system is read-only"):
        Outbox(path)
