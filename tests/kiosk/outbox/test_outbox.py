"""The outbox, on real SQLite files."""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiosk.config.timetable import ClassSession
from kiosk.errors import OutboxError
from kiosk.outbox.outbox import Outbox
from kiosk.outbox.rows import Build, DeduplicationKey, Row
from kiosk.outbox.schema import APPLICATION_ID, SCHEMA_VERSION
from tests.support import is_stored

DAY = date(2026, 11, 24)
MATHS = ClassSession(DAY, "maths")
ART = ClassSession(DAY, "art")


def event(name: str = "e") -> Build:
    """An event whose id and payload tell the name and the sequence that it was given."""
    return lambda sequence: (f"{name}-{sequence}", "t", f"{name}:{sequence}".encode())


def key(
    subject_id: str, session: ClassSession = MATHS, boot_id: str = "", kind: str = "attendance"
) -> DeduplicationKey:
    return DeduplicationKey(kind, session, subject_id, boot_id, is_dated=not boot_id)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite3"


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder, seen by a user whom file permissions restrict (they do not restrict root)."""
    folder = Path(tempfile.mkdtemp())
    is_root = os.geteuid() == 0
    if is_root:
        shutil.chown(folder, 65534)
        os.seteuid(65534)
    yield folder
    if is_root:
        os.seteuid(0)
    folder.chmod(0o700)
    shutil.rmtree(folder)


# Storing


def test_an_event_is_on_the_disk_when_put_returns(path: Path) -> None:
    """Another connection sees the row as soon as ``put`` returns, and not before."""
    other = sqlite3.connect(path)
    seen: list[int] = []

    def count() -> int:
        return int(other.execute("SELECT count(*) FROM events").fetchone()[0])

    def build(sequence: int) -> tuple[str, str, bytes]:
        seen.append(count())
        return f"e-{sequence}", "t", b""

    with Outbox(path) as outbox:
        assert outbox.put(build) == 1
        seen.append(count())
    other.close()
    assert seen == [0, 1]


def test_a_killed_process_loses_no_stored_event(path: Path) -> None:
    """A process that is killed without closing the file keeps the event and its key."""
    script = (
        "import os, sys; from datetime import date; from pathlib import Path\n"
        "from kiosk.outbox.outbox import Outbox\n"
        "from kiosk.outbox.rows import DeduplicationKey\n"
        "from kiosk.config.timetable import ClassSession\n"
        "key = DeduplicationKey('attendance', ClassSession(date(2026, 11, 24), 'maths'), 's1')\n"
        "Outbox(Path(sys.argv[1])).store_once(key, lambda n: ('id', 't', b'p'))\n"
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    with Outbox(path) as outbox:
        assert outbox.pending(10) == [Row(1, "t", b"p")]
        assert is_stored(outbox, MATHS, "s1")


def test_every_commit_is_synchronised(path: Path) -> None:
    """The file is in WAL mode and synchronises at each commit (FULL is 2)."""
    with Outbox(path) as outbox:
        assert outbox._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert outbox._connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_one_event_is_stored_for_each_key_across_a_restart(path: Path) -> None:
    """A second event for the same key gives None, even after acknowledgement and restart."""
    with Outbox(path) as outbox:
        assert outbox.store_once(key("s1"), event()) == 1
        outbox.mark_delivered([1])
    with Outbox(path) as outbox:
        assert outbox.store_once(key("s1"), event()) is None
        assert outbox.store_once(key("s1", ART), event()) == 2
        assert outbox.store_once(key("s2"), event()) == 3
        assert len(outbox) == 2


def test_keys_differ_in_each_of_their_columns(path: Path) -> None:
    """Another type, date, name, boot or person is another key."""
    one = key("s1", boot_id="boot-1")
    others = (
        key("s1", boot_id="boot-1", kind="participation"),
        key("s1", ClassSession(date(2026, 11, 25), "maths"), boot_id="boot-1"),
        key("s1", ART, boot_id="boot-1"),
        key("s1"),
        key("s2", boot_id="boot-1"),
    )
    with Outbox(path) as outbox:
        assert outbox.store_once(one, event()) == 1
        assert [outbox.store_once(other, event()) for other in others] == [2, 3, 4, 5, 6]
        assert outbox.store_once(one, event()) is None


def test_put_stores_every_event(path: Path) -> None:
    """Events without a key are never dropped, and count in the same sequence as the others."""
    with Outbox(path) as outbox:
        assert [outbox.put(event("p")), outbox.put(event("p"))] == [1, 2]
        assert outbox.store_once(key("s1"), event()) == 3
        assert [row.payload for row in outbox.pending(9)] == [b"p:1", b"p:2", b"e:3"]


def test_a_sequence_number_is_never_used_twice(path: Path) -> None:
    """Numbers continue after every row was acknowledged and the file was opened again."""
    with Outbox(path) as outbox:
        for _ in range(3):
            outbox.put(event())
        for sequence in (1, 2, 3):
            outbox.mark_delivered([sequence])
    with Outbox(path) as outbox:
        assert outbox.last_sequence() == 3
        assert outbox.put(event()) == 4


@pytest.mark.parametrize("is_keyed", [True, False])
def test_an_event_that_cannot_be_built_leaves_no_trace(path: Path, *, is_keyed: bool) -> None:
    """When ``build`` raises, neither the key nor the sequence number is used up."""

    def build(_sequence: int) -> tuple[str, str, bytes]:
        raise KeyError("a bug")

    with Outbox(path) as outbox:
        with pytest.raises(KeyError):
            outbox.store_once(key("s1"), build) if is_keyed else outbox.put(build)
        assert not is_stored(outbox, MATHS, "s1")
        assert outbox.store_once(key("s1"), event()) == 1


def test_pending_reads_one_page(path: Path) -> None:
    """At most ``limit`` rows of sequences above ``after`` are returned, in order."""
    with Outbox(path) as outbox:
        for _ in range(5):
            outbox.put(event())
        assert [row.sequence for row in outbox.pending(2)] == [1, 2]
        assert [row.sequence for row in outbox.pending(2, after=2)] == [3, 4]
        assert outbox.pending(2, after=5) == []


# The outbox id


def test_a_file_keeps_its_outbox_id(path: Path) -> None:
    """The id is the same after the file was closed and opened, and in a second connection."""
    with Outbox(path) as first, Outbox(path) as second:
        assert first.outbox_id == second.outbox_id
    with Outbox(path) as again:
        assert again.outbox_id == first.outbox_id


def test_each_file_has_its_own_outbox_id(path: Path) -> None:
    """A new file, whose sequence starts at 1 again, gets another id."""
    with Outbox(path) as one, Outbox(path.with_name("other.sqlite3")) as other:
        assert one.outbox_id != other.outbox_id


def test_processes_that_create_the_file_together_share_one_id(path: Path) -> None:
    """When several connections open a new file at the same time, its tables are made once."""
    start = threading.Barrier(4)
    found: list[str] = []

    def open_it() -> None:
        start.wait()
        with Outbox(path) as outbox:
            found.append(outbox.outbox_id)

    sqlite3.connect(path).execute("PRAGMA journal_mode = WAL").connection.close()
    threads = [threading.Thread(target=open_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1


# Erasing and pruning


def test_erasure_deletes_the_keys_and_keeps_pending_events(path: Path) -> None:
    """Forget deletes one person's keys of every type, and leaves pending events."""
    with Outbox(path) as outbox:
        outbox.store_once(key("s1"), event())
        outbox.store_once(key("s1", kind="participation"), event())
        outbox.store_once(key("s1", ART), event())
        outbox.store_once(key("s2"), event())
        assert outbox.forget("s1").keys == 3
        assert not is_stored(outbox, MATHS, "s1")
        assert is_stored(outbox, MATHS, "s2")
        assert len(outbox) == 4


def test_erased_ids_do_not_remain_in_the_files(path: Path) -> None:
    """After confirmation and erasure, no byte of the id is in the database or its log."""
    with Outbox(path) as outbox:
        for day in range(1, 60):
            session = ClassSession(date(2026, 1, 1) + timedelta(day), "day")
            outbox.store_once(
                key("subject-zebra", session), lambda n: (f"{n}", "t", b"subject-zebra")
            )
        outbox.confirm("register", 59)
        while outbox.trim().has_more:
            pass
        outbox.prune_keys("boot-1", 0.0, (date(2027, 1, 1), date.max))
        assert (path.parent / "outbox.sqlite3-wal").read_bytes().count(b"subject-zebra") > 50
        assert not outbox.forget("subject-zebra")
        for file in path.parent.iterdir():
            assert b"subject-zebra" not in file.read_bytes(), file.name


def test_keys_of_earlier_days_are_pruned(path: Path) -> None:
    """Prune deletes the keys of earlier days, and none of the day itself."""
    zoo = ClassSession(date(2026, 11, 23), "zoo")
    sessions = (ClassSession(date(2026, 11, 22), "day"), zoo, ART, ClassSession(DAY, "day"))
    with Outbox(path) as outbox:
        for session in sessions:
            outbox.store_once(key("s1", session), event())
        assert outbox.prune_keys("boot-1", 0.0, (DAY, DAY)) == 2
        assert not is_stored(outbox, zoo, "s1")
        assert is_stored(outbox, ART, "s1")


def test_keys_of_other_boots_are_pruned(path: Path) -> None:
    """A key for one boot alone is deleted in another boot; keys for every boot stay."""
    with Outbox(path) as outbox:
        for boot_id in ("boot-2", "boot-1", ""):
            outbox.store_once(key("s1", boot_id=boot_id), event())
        assert outbox.prune_keys("boot-2", 0.0, (DAY, DAY)) == 1
        assert is_stored(outbox, MATHS, "s1", "boot-2")
        assert not is_stored(outbox, MATHS, "s1", "boot-1")
        assert is_stored(outbox, MATHS, "s1")


def test_keys_of_every_event_type_survive_pruning(path: Path) -> None:
    """Whatever its type, a key of this day and boot stays (schema 1 took a type for a boot)."""
    with Outbox(path) as outbox:
        for kind in ("attendance", "participation"):
            outbox.store_once(key("s1", kind=kind), event())
            outbox.store_once(key("s1", kind=kind, boot_id="boot-1"), event())
        assert outbox.prune_keys("boot-1", 0.0, (DAY, DAY)) == 0
        assert outbox.store_once(key("s1", kind="participation"), event()) is None


def test_two_threads_and_two_connections_share_the_file(path: Path) -> None:
    """One thread stores while another acknowledges and another connection erases; all succeed."""
    with Outbox(path) as outbox, Outbox(path) as command:
        gone: list[int] = []

        def drain() -> None:
            while len(gone) < 100:
                for row in outbox.pending(7):
                    outbox.mark_delivered([row.sequence])
                    gone.append(row.sequence)

        thread = threading.Thread(target=drain)
        thread.start()
        for number in range(100):
            outbox.store_once(key(f"s{number}"), event())
            command.forget(f"s{number}")
        thread.join()
    assert gone == list(range(1, 101))


# Files that cannot be used


def _garbage(path: Path) -> None:
    path.write_bytes(b"this was a photograph once" * 100)


def _foreign(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE events (sequence)")
    other.close()


def _newer(path: Path) -> None:
    Outbox(path).close()
    with sqlite3.connect(path) as other:
        other.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    other.close()


def _folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (_garbage, "no SQLite database"),
        (_foreign, "another program's database"),
        (_newer, "schema version is 5, expected 4; a newer kiosk made it"),
        (_folder, "cannot be opened"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    path: Path, spoil: Callable[[Path], None], expected: str
) -> None:
    """The error says which file and what is wrong, and the file stays as it was."""
    spoil(path)
    before = path.read_bytes() if path.is_file() else b""
    with pytest.raises(OutboxError, match=expected) as caught:
        Outbox(path)
    assert str(path) in str(caught.value)
    assert (path.read_bytes() if path.is_file() else b"") == before


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """A path in a folder that does not exist is an error that speaks of the folder."""
    with pytest.raises(OutboxError, match="folder must exist"):
        Outbox(tmp_path / "absent" / "outbox.sqlite3")


def test_a_file_that_is_not_writable_is_rejected(unprivileged: Path) -> None:
    """A read-only file in a read-only folder is rejected at once, not at the first event."""
    path = unprivileged / "outbox.sqlite3"
    Outbox(path).close()
    path.chmod(0o444)
    unprivileged.chmod(0o555)
    with pytest.raises(OutboxError, match=r"cannot be (written|opened)"):
        Outbox(path)


def test_a_full_disk_is_reported_and_loses_nothing(path: Path) -> None:
    """When SQLite may not grow the file, storing raises, earlier rows stay, and it works later."""
    with Outbox(path) as outbox:
        outbox.store_once(key("s1"), event())
        (pages,) = outbox._connection.execute("PRAGMA page_count").fetchone()
        outbox._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(OutboxError, match="disk is full"):
            outbox.store_once(key("s2"), lambda n: (f"{n}", "t", bytes(1_000_000)))
        outbox._connection.execute("PRAGMA max_page_count = 100000")
        assert outbox.store_once(key("s2"), event()) == 2
        assert [row.payload for row in outbox.pending(9)] == [b"e:1", b"e:2"]


def test_the_header_names_the_program_and_the_schema(path: Path) -> None:
    """The header carries the application id and the schema version."""
    with Outbox(path):
        header = path.read_bytes()[:100]
        other = sqlite3.connect(path)
        assert other.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
        assert other.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        other.close()
    assert header[:15] == b"SQLite format 3"


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("store_once"), st.integers(0, 3), st.integers(0, 4)),
        st.tuples(st.just("put"), st.just(0), st.just(0)),
        st.tuples(st.just("deliver"), st.integers(0, 12), st.just(0)),
        st.tuples(st.just("reopen"), st.just(0), st.just(0)),
    ),
    max_size=40,
)


class Model:
    """What an outbox must hold: a list of pending numbers, the keys, and the last number."""

    def __init__(self) -> None:
        self.pending: list[int] = []
        self.keys: set[tuple[int, int]] = set()
        self.last = 0

    def put(self) -> int:
        self.last += 1
        self.pending.append(self.last)
        return self.last

    def store_once(self, one: tuple[int, int]) -> int | None:
        if one in self.keys:
            return None
        self.keys.add(one)
        return self.put()

    def deliver(self, sequence: int) -> None:
        self.pending = [number for number in self.pending if number != sequence]


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_pending_is_stored_minus_acknowledged(steps: list[tuple[str, int, int]]) -> None:
    """Law: any interleaving leaves what was stored and not acknowledged, in order, once each."""
    model = Model()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "outbox.sqlite3"
        outbox = Outbox(path)
        for step, one, two in steps:
            match step:
                case "reopen":
                    outbox.close()
                    outbox = Outbox(path)
                case "deliver":
                    outbox.mark_delivered([one])
                    model.deliver(one)
                case "put":
                    assert outbox.put(event()) == model.put()
                case _:
                    session = ClassSession(DAY, f"l{one}")
                    stored = outbox.store_once(key(f"s{two}", session), event())
                    assert stored == model.store_once((one, two))
            assert [row.sequence for row in outbox.pending(1000)] == model.pending
            assert len(outbox) == len(model.pending)
        outbox.close()
