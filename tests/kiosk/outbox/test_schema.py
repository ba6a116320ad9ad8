"""The migration of outbox files of schemas 1 to 3, on real ones.

``outbox-schema-1.sqlite3`` was written by the kiosk of commit b2f8883, the last one of schema 1:
its recorder, with a manual clock, at 2026-11-23 08:10 in lesson "maths-7b". With a synchronised
clock it recorded s-1, s-2 and s-3 (events 1 to 3); with an unsynchronised clock, a minute later in
the same boot, s-1, s-4 and s-5 (events 4 to 6). Then events 1, 3 and 6 were acknowledged.

``outbox-schema-2.sqlite3`` was written in the same way by the kiosk of commit efe2993, and
``outbox-schema-3.sqlite3`` by that of commit 0dccff9, of which the register confirmed event 1.
"""

import json
import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from kiosk.config.timetable import ClassSession
from kiosk.errors import OutboxError
from kiosk.outbox import schema as outbox_schema
from kiosk.outbox.outbox import Outbox
from kiosk.outbox.rows import Counts, DeduplicationKey, checksum
from kiosk.protocol.event import AttendanceEvent, decode
from tests.support import is_stored

OLD = Path(__file__).with_name("outbox-schema-1.sqlite3")
OLD_2 = OLD.with_name("outbox-schema-2.sqlite3")
OLD_3 = OLD.with_name("outbox-schema-3.sqlite3")
PENDING = [2, 4, 5]
LAST = 6
MATHS = ClassSession(date(2026, 11, 23), "maths-7b")
BOOT = "00000000-0000-4000-8000-000000000007"
KEYS = {
    *((MATHS, subject, "") for subject in ("s-1", "s-2", "s-3")),
    *((MATHS, subject, BOOT) for subject in ("s-1", "s-4", "s-5")),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A copy of the old file."""
    return Path(shutil.copy(OLD, tmp_path / "outbox.sqlite3"))


def query(path: Path, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """Run one statement on the file, without the outbox."""
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(sql, values).fetchall()


def contents(path: Path) -> list[str]:
    """The whole database as SQL, with its version."""
    with closing(sqlite3.connect(path)) as connection:
        return [*connection.iterdump(), str(connection.execute("PRAGMA user_version").fetchone())]


def test_the_old_file_is_of_schema_1(path: Path) -> None:
    """The fixture holds pending events, a counter beyond them, and keys of both kinds."""
    assert query(path, "PRAGMA user_version") == [(1,)]
    assert query(path, "SELECT sequence FROM events") == [(number,) for number in PENDING]
    assert query(path, "SELECT seq FROM sqlite_sequence") == [(LAST,)]
    assert len(query(path, "SELECT * FROM attended WHERE session GLOB '*/*/*'")) == 3
    assert len(query(path, "SELECT * FROM attended")) == len(KEYS)


def test_pending_events_stay_and_get_the_outbox_id(path: Path) -> None:
    """Each pending event keeps its number, its topic and its fields, and gains ``outbox_id``."""
    before = {
        sequence: (topic, json.loads(payload))
        for sequence, topic, payload in query(path, "SELECT sequence, topic, payload FROM events")
    }
    with Outbox(path) as outbox:
        rows = outbox.pending(99)
        assert [row.sequence for row in rows] == PENDING
        for row in rows:
            topic, fields = before[row.sequence]
            assert row.topic == topic
            assert json.loads(row.payload) == {**fields, "outbox_id": outbox.outbox_id}
            event = decode(row.payload)
            assert isinstance(event, AttendanceEvent)
            assert (event.outbox_id, event.sequence) == (outbox.outbox_id, row.sequence)


def test_sequence_numbers_continue(path: Path) -> None:
    """The next event gets the number after the last one ever given, acknowledged ones included."""
    with Outbox(path) as outbox:
        assert outbox.last_sequence() == LAST
        assert outbox.put(lambda n: (f"e-{n}", "t", b"")) == LAST + 1


def test_nobody_is_stored_twice(path: Path) -> None:
    """All keys are there, with the boot in its own column; none is added."""
    with Outbox(path) as outbox:
        for session, subject, boot in KEYS:
            assert is_stored(outbox, session, subject, boot)
            key = DeduplicationKey("attendance", session, subject, boot)
            assert outbox.store_once(key, lambda n: (f"e-{n}", "t", b"")) is None
    assert query(path, "SELECT count(*) FROM stored_once") == [(len(KEYS),)]


def test_migrated_keys_are_pruned_by_their_boot(path: Path) -> None:
    """In another boot the three keys for one boot alone go, and the others stay."""
    with Outbox(path) as outbox:
        assert outbox.prune_keys(BOOT, 0.0, (MATHS.date, MATHS.date)) == 0
        assert outbox.prune_keys("another boot", 0.0, (MATHS.date, MATHS.date)) == 3
        assert is_stored(outbox, MATHS, "s-1")


def test_a_file_is_migrated_once(path: Path) -> None:
    """Opening it again keeps the outbox id and the events; the old table is gone."""
    with Outbox(path) as outbox:
        outbox_id, rows = outbox.outbox_id, outbox.pending(99)
    with Outbox(path) as outbox:
        assert (outbox.outbox_id, outbox.pending(99)) == (outbox_id, rows)
    tables = {name for (name,) in query(path, "SELECT name FROM sqlite_master WHERE sql NOTNULL")}
    assert tables >= {"events", "sqlite_sequence", "stored_once", "state"}
    assert not tables & {"attended", "identity"}


def test_a_migrated_file_has_the_tables_of_a_new_one(path: Path) -> None:
    """Schema 4 is the same whether it was created or migrated."""
    new = path.with_name("new.sqlite3")
    Outbox(new).close()
    Outbox(path).close()
    columns = (
        "SELECT m.name, c.name, c.type, c.pk FROM sqlite_master m, pragma_table_info(m.name) c "
        "WHERE m.type = 'table' ORDER BY 1, 2"
    )
    assert query(path, columns) == query(new, columns)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff\xfe",
        b"not JSON",
        b"[1, 2]",
        b'{"a": }',
        b'{"\xff": 1}',
        b"[" * 100_000,
    ],
)
def test_a_payload_that_is_no_object_stays(path: Path, payload: bytes) -> None:
    """Such a pending event is kept byte for byte, and the others are migrated."""
    query(path, "UPDATE events SET payload = ? WHERE sequence = 4", payload)
    with Outbox(path) as outbox:
        found = {row.sequence: row.payload for row in outbox.pending(99)}
        assert found[4] == payload
        assert outbox.outbox_id.encode() in found[5]


def test_other_fields_of_a_payload_stay_byte_for_byte(path: Path) -> None:
    """Numbers that a decoder would round, and fields of later versions, are not touched."""
    payload = b'{"a":1.00,"b":123456789012345678901234567890,"outbox_id":null,"c":{"d": 1e999}}'
    query(path, "UPDATE events SET payload = ? WHERE sequence = 4", payload)
    with Outbox(path) as outbox:
        migrated = outbox.pending(1, after=2)[0].payload
        assert migrated == payload.replace(b"null", f'"{outbox.outbox_id}"'.encode())


@pytest.mark.parametrize("extra", [0, 20_000])
def test_a_kill_during_the_migration_leaves_schema_1(path: Path, extra: int) -> None:
    """SIGKILL at the last event, with changed pages in the log or not; the next start migrates."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(
            "INSERT INTO events SELECT ?, ?, topic, payload FROM events WHERE sequence = 5",
            ((LAST + number, f"e-{number}") for number in range(1, extra + 1)),
        )
    before = contents(path)
    script = (
        "import os, sys; from pathlib import Path\n"
        "from kiosk.outbox import outbox, schema\n"
        "original, left = schema._with_outbox_id, [int(sys.argv[2])]\n"
        "def kill_at_the_last(payload, outbox_id):\n"
        "    left[0] -= 1\n"
        "    if not left[0]: os.kill(os.getpid(), 9)\n"
        "    return original(payload, outbox_id)\n"
        "schema._with_outbox_id = kill_at_the_last\n"
        "outbox.Outbox(Path(sys.argv[1]))"
    )
    events = len(PENDING) + extra
    done = subprocess.run([sys.executable, "-c", script, str(path), str(events)], check=False)
    assert done.returncode == -9
    assert (path.with_name("outbox.sqlite3-wal").stat().st_size > 100_000) == bool(extra)
    assert contents(path) == before
    with Outbox(path) as outbox:
        assert len(outbox) == events
        assert outbox.outbox_id.encode() in outbox.pending(events)[-1].payload


def test_an_error_during_the_migration_leaves_schema_1(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When a statement fails, everything is rolled back and the file is named."""
    before = contents(path)
    monkeypatch.setattr(outbox_schema, "_with_outbox_id", lambda *_: 1 / 0)
    with pytest.raises(OutboxError, match=str(path)):
        Outbox(path)
    assert contents(path) == before


def test_processes_that_open_an_old_file_together_migrate_it_once(path: Path) -> None:
    """The daemon and a command that start at the same time agree on one outbox id."""
    start = threading.Barrier(4)
    found: list[str] = []

    def open_it() -> None:
        start.wait()
        with Outbox(path) as outbox:
            found.append(outbox.outbox_id)

    threads = [threading.Thread(target=open_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1


def test_the_log_is_emptied_after_the_migration(path: Path) -> None:
    """The write-ahead log, as large as the migrated rows, does not stay on the disk."""
    with Outbox(path):
        assert b'"subject_id"' not in path.with_name("outbox.sqlite3-wal").read_bytes()


# Schema 2


@pytest.fixture
def path_2(tmp_path: Path) -> Path:
    """A copy of the old file of schema 2."""
    return Path(shutil.copy(OLD_2, tmp_path / "outbox.sqlite3"))


def test_an_outbox_of_schema_2_keeps_all_that_it_has(path_2: Path) -> None:
    """Events stay undelivered and byte for byte the same, with id, numbers and keys."""
    events = query(path_2, "SELECT sequence, topic, payload FROM events ORDER BY sequence")
    ids = query(path_2, "SELECT outbox_id FROM identity")
    with Outbox(path_2) as outbox:
        assert [(row.sequence, row.topic, row.payload) for row in outbox.pending(99)] == events
        assert [(outbox.outbox_id,)] == ids
        assert outbox.counts() == Counts(kept=3, undelivered=3, dropped=0)
        assert all(is_stored(outbox, *one) for one in KEYS)
        assert outbox.put(lambda n: (f"e-{n}", "t", b"")) == LAST + 1


@pytest.mark.parametrize("old", [OLD, OLD_2])
def test_migrated_events_get_a_checksum(tmp_path: Path, old: Path) -> None:
    """The checksum is that of the migrated row."""
    path = Path(shutil.copy(old, tmp_path / "outbox.sqlite3"))
    Outbox(path).close()
    rows = query(path, "SELECT checksum, sequence, event_id, topic, payload FROM events")
    assert len(rows) == len(PENDING)
    for found, sequence, event_id, topic, payload in rows:
        assert found == checksum(sequence, event_id.encode(), topic.encode(), payload)


@pytest.mark.parametrize("old", [OLD, OLD_2])
def test_a_migrated_file_can_shrink(tmp_path: Path, old: Path) -> None:
    """The file is rewritten so that free pages can be given back (incremental is 2)."""
    path = Path(shutil.copy(old, tmp_path / "outbox.sqlite3"))
    Outbox(path).close()
    assert query(path, "PRAGMA auto_vacuum") == [(2,)]


@pytest.mark.parametrize("column", ["event_id", "topic"])
def test_an_event_that_is_not_utf_8_does_not_stop_the_migration(path_2: Path, column: str) -> None:
    """A text that no program of ours wrote is migrated like the others."""
    query(path_2, f"UPDATE events SET {column} = CAST(x'FF' AS TEXT) WHERE sequence = 4")
    with Outbox(path_2) as outbox:
        assert outbox.counts().kept == 3


# Schema 3


def test_schema_3_keeps_its_events_and_keys(tmp_path: Path) -> None:
    """Events and what was confirmed stay as they are; keys of one boot alone are not dated."""
    path = Path(shutil.copy(OLD_3, tmp_path / "outbox.sqlite3"))
    before = query(path, "SELECT sequence, payload, delivered_s, checksum FROM events")
    assert query(path, "PRAGMA user_version") == [(3,)]
    with Outbox(path) as outbox:
        assert all(is_stored(outbox, *one) for one in KEYS)
        assert outbox.counts().kept == len(before)
        assert outbox.newest_dated(BOOT) == (None, None)
    assert query(path, "SELECT sequence, payload, delivered_s, checksum FROM events") == before
    assert query(path, "SELECT register_id, confirmed FROM state") == [("register-1", 1)]
    dated = query(path, "SELECT boot_id, sum(is_dated), count(*) FROM stored_once GROUP BY 1")
    assert dated == [("", 3, 3), (BOOT, 0, 3)]
