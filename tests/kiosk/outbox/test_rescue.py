"""An outbox that is damaged, deleted or moved, or whose log is lost."""

import contextlib
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from kiosk.config.timetable import ClassSession
from kiosk.errors import OutboxError
from kiosk.outbox.outbox import Outbox
from kiosk.outbox.rows import Build, DeduplicationKey, Row
from tests.kiosk.mqtt.support import Log, kiosk_log
from tests.support import is_stored

MATHS = ClassSession(date(2026, 11, 24), "maths")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite3"


@pytest.fixture
def log() -> Iterator[Log]:
    with kiosk_log() as handler:
        yield handler


def payload(sequence: int) -> bytes:
    return f"event {sequence} ".encode() * 50


def event(sequence: int) -> tuple[str, str, bytes]:
    return f"id-{sequence}", "t", payload(sequence)


def fill(outbox: Outbox, count: int) -> None:
    for _ in range(count):
        outbox.put(event)


def read(outbox: Outbox) -> list[Row]:
    """Read all events; damage may be found only now, and then the next try can read them."""
    for _ in range(2):
        with contextlib.suppress(OutboxError):
            return outbox.stored(1, 10_000, 10_000)
    return outbox.stored(1, 10_000, 10_000)


def numbers(outbox: Outbox) -> list[int]:
    return [row.sequence for row in read(outbox)]


def files(path: Path) -> list[Path]:
    return [path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")]


# Removed under a running kiosk


def _delete_all(path: Path) -> None:
    for file in files(path):
        file.unlink(missing_ok=True)


def _delete_database(path: Path) -> None:
    path.unlink()


def _move_away(path: Path) -> None:
    for file in files(path):
        if file.exists():
            file.rename(path.with_name(f"moved-{file.name}"))


def _replace(path: Path) -> None:
    _delete_all(path)
    shutil.copy(Path(__file__).with_name("outbox-schema-1.sqlite3"), path)


@pytest.mark.parametrize("remove", [_delete_all, _delete_database, _move_away, _replace])
def test_an_outbox_that_is_removed_under_a_running_kiosk_is_made_again(
    path: Path, log: Log, remove: Callable[[Path], None]
) -> None:
    """The next event finds it; the new file has all events and keys, the id and the numbers."""
    with Outbox(path) as outbox:
        fill(outbox, 5)
        outbox.mark_delivered([1, 2])
        outbox.confirm("register", 1)
        key = DeduplicationKey("attendance", MATHS, "s-1")
        outbox.store_once(key, event)
        outbox_id = outbox.outbox_id
        remove(path)
        fill(outbox, 1)
        assert outbox.outbox_id == outbox_id
    with Outbox(path) as outbox:
        assert outbox.outbox_id == outbox_id
        assert numbers(outbox) == [2, 3, 4, 5, 6, 7]
        assert [row.sequence for row in outbox.pending(9)] == [3, 4, 5, 6, 7]
        assert outbox.counts().kept == 6
        assert is_stored(outbox, MATHS, "s-1")
        assert outbox.store_once(key, event) is None
        fill(outbox, 1)
        assert outbox.last_sequence() == 8
    assert (
        log.count(
            "was deleted or moved while it was in use; a new file has what could be read: 5 events"
        )
        == 1
    )


def test_a_folder_that_is_gone_is_an_error_until_it_is_back(path: Path) -> None:
    """What was stored is not lost as long as the kiosk runs."""
    folder = path.parent / "state"
    folder.mkdir()
    with Outbox(folder / "outbox.sqlite3") as outbox:
        fill(outbox, 3)
        folder.rename(path.parent / "elsewhere")
        for _ in range(2):
            with pytest.raises(OutboxError):
                fill(outbox, 1)
        folder.mkdir()
        fill(outbox, 1)
        assert numbers(outbox) == [1, 2, 3, 4]


# Damage


def _spoil_page(path: Path, page: int) -> None:
    data = bytearray(path.read_bytes())
    data[page * 4096 : (page + 1) * 4096] = random.Random(page).randbytes(4096)
    path.write_bytes(data)


@pytest.mark.parametrize("page", [1, 2, 3, 4, 140, 150, 170])
def test_a_damaged_file_is_salvaged_row_by_row(path: Path, log: Log, page: int) -> None:
    """A page of random bytes costs at most its own rows, and all when it is the table's root.

    Id and numbers go on, and one line says it.
    """
    with Outbox(path) as outbox:
        fill(outbox, 300)
        outbox_id = outbox.outbox_id
        query = "SELECT rootpage FROM sqlite_master WHERE name = 'events'"
        (root,) = outbox._connection.execute(query).fetchone()
    _spoil_page(path, page)
    with Outbox(path) as outbox:
        found = read(outbox)
        assert all(row.payload == payload(row.sequence) for row in found)
        assert len(found) >= (0 if page == root - 1 else 280)
        with contextlib.suppress(OutboxError):  # the first to find the damage
            fill(outbox, 1)
        fill(outbox, 1)
        assert outbox.last_sequence() in {301, 302}
        assert outbox.outbox_id == outbox_id
    assert log.count("was damaged; a new file has the") <= 1


def test_a_file_without_a_header_is_set_aside_and_the_numbers_go_on(path: Path, log: Log) -> None:
    """Nothing of it can be read, but the second place knows the outbox id and the last number."""
    with Outbox(path) as outbox:
        fill(outbox, 10)
        outbox_id = outbox.outbox_id
    _spoil_page(path, 0)
    spoilt = path.read_bytes()
    with Outbox(path) as outbox:
        assert (outbox.outbox_id, outbox.last_sequence(), numbers(outbox)) == (outbox_id, 10, [])
        fill(outbox, 1)
        assert numbers(outbox) == [11]
    assert log.count("was damaged; a new file has what could be read: 0 events") == 1
    (aside,) = path.parent.glob("*-aside-*")
    assert aside.read_bytes() == spoilt


class Corrections:
    """Corrects the time of an event that was sent."""

    def dated(self, key: DeduplicationKey) -> DeduplicationKey:
        return replace(key, is_dated=True)

    def restamped(self, _key: DeduplicationKey, payload: bytes) -> bytes:
        return payload

    def correction(self, _key: DeduplicationKey) -> Build:
        return event


def _put(outbox: Outbox) -> None:
    outbox.put(event)


def _store_once(outbox: Outbox) -> None:
    outbox.store_once(DeduplicationKey("attendance", MATHS, "s-1"), event)


def _correct(outbox: Outbox) -> None:
    key = DeduplicationKey("attendance", MATHS, "s-1", "boot-1", "id-1", 1.0, is_dated=False)
    outbox.store_once(key, event)
    outbox.pending(1)
    outbox.date_events("boot-1", Corrections(), 9)


@pytest.mark.parametrize(("store", "last"), [(_put, 1), (_store_once, 1), (_correct, 2)])
def test_the_second_place_knows_the_number_of_every_new_event(
    path: Path, store: Callable[[Outbox], None], last: int
) -> None:
    """However it is stored: a file of which nothing can be read goes on after that number."""
    with Outbox(path) as outbox:
        store(outbox)
        assert outbox.last_sequence() == last
    _spoil_page(path, 0)
    with Outbox(path) as outbox:
        assert outbox.last_sequence() == last


def test_events_are_rescued_where_the_table_of_the_last_number_is_damaged(path: Path) -> None:
    """The second place says up to which number to look for events."""
    with Outbox(path) as outbox:
        fill(outbox, 10)
        query = "SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_sequence'"
        (root,) = outbox._connection.execute(query).fetchone()
    _spoil_page(path, root - 1)
    with Outbox(path) as outbox:
        assert numbers(outbox) == [*range(1, 11)]
        fill(outbox, 1)
        assert outbox.last_sequence() == 11


def test_a_flipped_bit_never_changes_an_event(path: Path) -> None:
    """Whichever bit of an event it is, each event that is read is the one that was stored."""
    with Outbox(path) as outbox:
        fill(outbox, 40)
    whole = path.read_bytes()
    chance = random.Random(7)
    places = [place for n in range(1, 41) if (place := whole.find(payload(n))) >= 0]
    found: set[int] = set()
    for number in range(30):
        data = bytearray(whole)
        data[chance.choice(places) + chance.randrange(400)] ^= 1 << chance.randrange(8)
        copy = path.with_name(f"{number}.sqlite3")
        copy.write_bytes(data)
        with Outbox(copy) as outbox:
            rows = outbox.pending(99)
        assert all(row.payload == payload(row.sequence) for row in rows)
        found.add(len(rows))
    assert found == {39}


# A log that is lost


@pytest.mark.parametrize("loss", ["deleted", "emptied", "cut"])
def test_a_lost_log_does_not_give_its_numbers_again(path: Path, log: Log, loss: str) -> None:
    """The newest events are gone with it; the second place knows how far the numbers went."""
    script = (
        "import os, sys; from pathlib import Path; from kiosk.outbox.outbox import Outbox\n"
        "outbox = Outbox(Path(sys.argv[1]))\n"
        "for _ in range(5): outbox.put(lambda n: (f'id-{n}', 't', b'p'))\n"
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    wal = path.with_name("outbox.sqlite3-wal")
    assert wal.stat().st_size > 0
    match loss:
        case "deleted":
            wal.unlink()
        case "emptied":
            wal.write_bytes(b"")
        case _:
            wal.write_bytes(wal.read_bytes()[:20_000])
    with Outbox(path) as outbox:
        assert outbox.last_sequence() == 5
        assert len(numbers(outbox)) < 5
        fill(outbox, 1)
        assert outbox.last_sequence() == 6
    assert log.count("to 5 are lost; their numbers are not used again") == 1


def test_another_outbox_at_the_same_place_begins_at_1(path: Path, log: Log) -> None:
    """The second place belongs to one outbox id: a new file has its own numbers."""
    with Outbox(path) as outbox:
        fill(outbox, 5)
    _delete_all(path)
    with Outbox(path) as outbox:
        fill(outbox, 1)
        assert numbers(outbox) == [1]
    assert log.lines == []
