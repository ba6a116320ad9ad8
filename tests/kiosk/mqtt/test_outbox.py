"""The outbox, on real SQLite files."""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiosk.errors import OutboxError
from kiosk.mqtt.outbox import APPLICATION_ID, SCHEMA_VERSION, Build, Outbox, Row
from tests.support import has_attended

MATHS = "2026-11-24/maths"


def event(name: str = "e") -> Build:
    """An event whose id and payload tell the name and the sequence that it was given."""
    return lambda sequence: (f"{name}-{sequence}", "t", f"{name}:{sequence}".encode())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite3"


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder, seen by a user whom file permissions hold back (root they do not)."""
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


def test_an_event_is_on_the_disk_when_record_returns(path: Path) -> None:
    """Another connection sees the row as soon as record returns, and not before."""
    other = sqlite3.connect(path)
    seen: list[int] = []

    def count() -> int:
        return int(other.execute("SELECT count(*) FROM events").fetchone()[0])

    def build(sequence: int) -> tuple[str, str, bytes]:
        seen.append(count())
        return f"e-{sequence}", "t", b""

    with Outbox(path) as outbox:
        assert outbox.record(MATHS, "s1", build) == 1
        seen.append(count())
    other.close()
    assert seen == [0, 1]


def test_a_killed_process_leaves_what_it_recorded(path: Path) -> None:
    """A process that dies without closing the file loses no recorded event."""
    script = (
        "import os, sys; from pathlib import Path; from kiosk.mqtt.outbox import Outbox\n"
        "Outbox(Path(sys.argv[1])).record('2026-11-24/maths', 's1', lambda n: ('id', 't', b'p'))\n"
        "os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    with Outbox(path) as outbox:
        assert outbox.pending(10) == [Row(1, "t", b"p")]
        assert has_attended(outbox, MATHS, "s1")


def test_every_commit_is_synchronised(path: Path) -> None:
    """The file is in WAL mode and synchronises at each commit (FULL is 2)."""
    with Outbox(path) as outbox:
        assert outbox._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert outbox._connection.execute("PRAGMA synchronous").fetchone() == (2,)


def test_a_person_is_recorded_once_a_session_over_a_restart(path: Path) -> None:
    """A second record of the same person and session gives None, even after acknowledgement."""
    with Outbox(path) as outbox:
        assert outbox.record(MATHS, "s1", event()) == 1
        outbox.acknowledge(1)
    with Outbox(path) as outbox:
        assert outbox.record(MATHS, "s1", event()) is None
        assert outbox.record("2026-11-24/art", "s1", event()) == 2
        assert outbox.record(MATHS, "s2", event()) == 3
        assert len(outbox) == 2


def test_a_sequence_is_never_used_twice(path: Path) -> None:
    """Numbers go on after every row was acknowledged and the file was opened again."""
    with Outbox(path) as outbox:
        for person in ("s1", "s2", "s3"):
            outbox.record(MATHS, person, event())
        for sequence in (1, 2, 3):
            outbox.acknowledge(sequence)
    with Outbox(path) as outbox:
        assert outbox.record(MATHS, "s4", event()) == 4


def test_an_event_that_cannot_be_built_leaves_no_trace(path: Path) -> None:
    """When build raises, neither the attendance nor the number is used up."""

    def build(_sequence: int) -> tuple[str, str, bytes]:
        raise KeyError("a bug")

    with Outbox(path) as outbox:
        with pytest.raises(KeyError):
            outbox.record(MATHS, "s1", build)
        assert not has_attended(outbox, MATHS, "s1")
        assert outbox.record(MATHS, "s1", event()) == 1


def test_pending_is_a_page(path: Path) -> None:
    """Pending gives at most so many rows, of sequences above the one given, in order."""
    with Outbox(path) as outbox:
        for number in range(5):
            outbox.record(MATHS, f"s{number}", event())
        assert [row.sequence for row in outbox.pending(2)] == [1, 2]
        assert [row.sequence for row in outbox.pending(2, after=2)] == [3, 4]
        assert outbox.pending(2, after=5) == []


def test_erasure_forgets_attendance_and_keeps_the_register(path: Path) -> None:
    """Forget removes a person's attendance everywhere, and leaves events that wait."""
    with Outbox(path) as outbox:
        outbox.record(MATHS, "s1", event())
        outbox.record("2026-11-24/art", "s1", event())
        outbox.record(MATHS, "s2", event())
        assert outbox.forget("s1") == 2
        assert not has_attended(outbox, MATHS, "s1")
        assert has_attended(outbox, MATHS, "s2")
        assert len(outbox) == 3


def test_erased_ids_are_not_left_in_the_files(path: Path) -> None:
    """After acknowledgement and erasure, no byte of the id is in the database or its log."""
    with Outbox(path) as outbox:
        outbox.record(MATHS, "subject-zebra", lambda n: (f"{n}", "t", b"subject-zebra"))
        assert b"subject-zebra" in (path.parent / "outbox.sqlite3-wal").read_bytes()
        outbox.acknowledge(1)
        outbox.forget("subject-zebra")
        for file in path.parent.iterdir():
            assert b"subject-zebra" not in file.read_bytes(), file.name


def test_old_sessions_are_pruned_by_date(path: Path) -> None:
    """Prune removes the sessions of earlier days, and none of the day itself."""
    with Outbox(path) as outbox:
        for session in ("2026-11-22/day", "2026-11-23/zoo", "2026-11-24/art", "2026-11-24/day"):
            outbox.record(session, "s1", event())
        assert outbox.prune_sessions("2026-11-24", "boot-1") == 2
        assert not has_attended(outbox, "2026-11-23/zoo", "s1")
        assert has_attended(outbox, "2026-11-24/art", "s1")


def test_sessions_of_other_boots_are_pruned(path: Path) -> None:
    """What counts for one boot alone goes with it, whatever its date; the rest stays."""
    mine, other, any_boot = "2026-11-24/art/boot-2", "2026-11-24/art/boot-1", "2026-11-24/art"
    with Outbox(path) as outbox:
        for session in (mine, other, any_boot):
            outbox.record(session, "s1", event())
        assert outbox.prune_sessions("2026-11-24", "boot-2") == 1
        assert has_attended(outbox, mine, "s1")
        assert not has_attended(outbox, other, "s1")
        assert has_attended(outbox, any_boot, "s1")


def test_two_threads_and_two_connections_share_the_file(path: Path) -> None:
    """One thread records while another acknowledges and another connection erases; all succeed."""
    with Outbox(path) as outbox, Outbox(path) as command:
        gone: list[int] = []

        def drain() -> None:
            while len(gone) < 100:
                for row in outbox.pending(7):
                    outbox.acknowledge(row.sequence)
                    gone.append(row.sequence)

        thread = threading.Thread(target=drain)
        thread.start()
        for number in range(100):
            outbox.record(MATHS, f"s{number}", event())
            command.forget(f"s{number}")
        thread.join()
    assert gone == list(range(1, 101))


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


def _corrupt(path: Path) -> None:
    with Outbox(path) as outbox:
        for number in range(200):
            outbox.record(MATHS, f"s{number}", event())
    data = bytearray(path.read_bytes())
    data[4096:8192] = os.urandom(4096)
    path.write_bytes(data)


def _folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (_garbage, "no SQLite database"),
        (_foreign, "another program's database"),
        (_newer, f"expected {SCHEMA_VERSION}"),
        (_corrupt, "damaged"),
        (_folder, "cannot be opened"),
    ],
)
def test_a_file_that_is_not_ours_is_refused_by_name(
    path: Path, spoil: Callable[[Path], None], expected: str
) -> None:
    """Opening it says which file and what is wrong, and leaves the file as it was."""
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


def test_a_file_that_may_not_be_written_is_refused(unprivileged: Path) -> None:
    """A read-only file in a read-only folder is refused at once, not at the first event."""
    path = unprivileged / "outbox.sqlite3"
    Outbox(path).close()
    path.chmod(0o444)
    unprivileged.chmod(0o555)
    with pytest.raises(OutboxError, match=r"cannot be (written|opened)"):
        Outbox(path)


def test_a_full_disk_is_said_and_loses_nothing(path: Path) -> None:
    """When SQLite may not grow the file, record raises, earlier rows stay, and it works again."""
    with Outbox(path) as outbox:
        outbox.record(MATHS, "s1", event())
        (pages,) = outbox._connection.execute("PRAGMA page_count").fetchone()
        outbox._connection.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(OutboxError, match="disk is full"):
            outbox.record(MATHS, "s2", lambda n: (f"{n}", "t", bytes(100_000)))
        outbox._connection.execute("PRAGMA max_page_count = 100000")
        assert outbox.record(MATHS, "s2", event()) == 2
        assert [row.payload for row in outbox.pending(9)] == [b"e:1", b"e:2"]


def test_the_file_says_whose_it_is(path: Path) -> None:
    """The header carries the application id, and the schema version."""
    with Outbox(path):
        header = path.read_bytes()[:100]
        other = sqlite3.connect(path)
        assert other.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
        assert other.execute("PRAGMA application_id").fetchone() == (APPLICATION_ID,)
        other.close()
    assert header[:15] == b"SQLite format 3"


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("record"), st.integers(0, 3), st.integers(0, 4)),
        st.tuples(st.just("acknowledge"), st.integers(0, 12), st.just(0)),
        st.tuples(st.just("reopen"), st.just(0), st.just(0)),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_pending_is_recorded_less_acknowledged(steps: list[tuple[str, int, int]]) -> None:
    """Law: any interleaving leaves what was recorded and not acknowledged, in order, once each."""
    waiting: list[int] = []
    attended: set[tuple[int, int]] = set()
    recorded = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "outbox.sqlite3"
        outbox = Outbox(path)
        for step, one, two in steps:
            if step == "reopen":
                outbox.close()
                outbox = Outbox(path)
            elif step == "acknowledge":
                outbox.acknowledge(one)
                waiting = [sequence for sequence in waiting if sequence != one]
            else:
                sequence = outbox.record(f"2026-11-24/l{one}", f"s{two}", event())
                assert (sequence is None) == ((one, two) in attended)
                if sequence is not None:
                    recorded += 1
                    assert sequence == recorded
                    waiting.append(sequence)
                    attended.add((one, two))
            assert [row.sequence for row in outbox.pending(1000)] == waiting
            assert len(outbox) == len(waiting)
        outbox.close()
