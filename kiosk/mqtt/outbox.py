"""The outbox: every event is on the disk before anybody else hears of it.

One SQLite file. The write-ahead log is synchronised at every commit (``synchronous=FULL``; with
less, WAL can lose a committed row when the power goes). A row leaves only when the broker has
acknowledged it. ``attended`` remembers who has been recorded in which class session, so that a
restart does not record them again.

One connection behind one lock serves every thread of the kiosk; other processes (the erasure
command) wait for the file up to the busy timeout.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from kiosk.errors import OutboxError

APPLICATION_ID: Final = 0x4B494F53
"""Marks the file as ours in its header ("KIOS")."""
SCHEMA_VERSION: Final = 1
_BUSY_TIMEOUT_S: Final = 10.0
_SCHEMA: Final = (
    # AUTOINCREMENT: a sequence number is never used twice, even when all rows have gone.
    """
    CREATE TABLE IF NOT EXISTS events (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT,
        event_id TEXT NOT NULL UNIQUE,
        topic TEXT NOT NULL,
        payload BLOB NOT NULL
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS attended (
        session TEXT NOT NULL,
        subject_id TEXT NOT NULL,
        PRIMARY KEY (session, subject_id)
    ) WITHOUT ROWID
    """,
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)
_DAMAGED: Final = "the file is damaged; stop the kiosk, move the file aside and start again"
_ADVICE: Final = {
    "SQLITE_CANTOPEN": "it cannot be opened; the folder must exist and be writable",
    "SQLITE_READONLY": "it cannot be written; give the file and its folder to the kiosk's user",
    "SQLITE_FULL": "the disk is full; free some space",
    "SQLITE_IOERR": "the disk fails; check its space and its health",
    "SQLITE_BUSY": f"another process has locked it for over {_BUSY_TIMEOUT_S:.0f} s; stop it",
    "SQLITE_NOTADB": "this is no SQLite database; move it aside or set another state.directory",
    "SQLITE_CORRUPT": _DAMAGED,
}

Build = Callable[[int], tuple[str, str, bytes]]
"""Makes an event from its sequence number: event id, topic, payload."""


@dataclass(frozen=True, slots=True)
class Row:
    """An event that waits for the broker.

    Attributes:
        sequence: Its number, from 1, in the order of recording.
        topic: Where it is published.
        payload: What is published.
    """

    sequence: int
    topic: str
    payload: bytes


class Outbox:
    """The event database, opened (made when absent) and checked.

    Args:
        path: The SQLite file. Its folder must exist; ``-wal`` and ``-shm`` files appear beside it.

    Raises:
        OutboxError: The file is damaged, somebody else's, of a newer kiosk, or not writable. Every
            method raises it too, when the disk is full or fails.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        with self._explained():
            self._connection = sqlite3.connect(
                path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
            )
        try:
            with self._explained():
                self._prepare()
        except OutboxError:
            self._connection.close()
            raise

    def __enter__(self) -> Self:
        """Return the outbox itself."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Close the file."""
        self.close()

    def __len__(self) -> int:
        """Count the events that wait."""
        with self._lock, self._explained():
            (count,) = self._connection.execute("SELECT count(*) FROM events").fetchone()
        return int(count)

    def record(self, session: str, subject_id: str, build: Build) -> int | None:
        """Record a person's attendance, once for each class session.

        The event is committed to the disk before this returns.

        Args:
            session: The class session, which begins with its date: ``2026-11-24/maths-7b``, and
                ends in ``/<boot>`` when it counts for one boot alone.
            subject_id: Who.
            build: Makes the event from the sequence number that it is given. When it raises,
                nothing is recorded and the number stays free.

        Returns:
            The sequence number, or ``None`` when this person was recorded in this session before.
        """
        with self._transaction() as connection:
            attended = connection.execute(
                "INSERT INTO attended VALUES (?, ?) ON CONFLICT DO NOTHING", (session, subject_id)
            )
            if attended.rowcount == 0:
                return None
            sequence = _last_sequence(connection) + 1
            connection.execute(
                "INSERT INTO events (sequence, event_id, topic, payload) VALUES (?, ?, ?, ?)",
                (sequence, *build(sequence)),
            )
        return sequence

    def last_sequence(self) -> int:
        """Tell the number of the newest event ever recorded; 0 when there was none."""
        with self._lock, self._explained():
            return _last_sequence(self._connection)

    def pending(self, limit: int, after: int = 0) -> list[Row]:
        """Read events that wait, oldest first: at most ``limit``, of sequences above ``after``."""
        with self._lock, self._explained():
            rows = self._connection.execute(
                "SELECT sequence, topic, payload FROM events "
                "WHERE sequence > ? ORDER BY sequence LIMIT ?",
                (after, limit),
            ).fetchall()
        return [Row(*row) for row in rows]

    def acknowledge(self, sequence: int) -> None:
        """Remove an event that the broker has acknowledged (PUBACK)."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM events WHERE sequence = ?", (sequence,))

    def forget(self, subject_id: str) -> int:
        """Erase who has attended which session, for one person; return how many sessions.

        Events of this person that still wait stay: they are the school's register, made before
        the erasure, and go out as those before them did. They hold the subject id and no face.
        """
        with self._transaction() as connection:
            gone = connection.execute("DELETE FROM attended WHERE subject_id = ?", (subject_id,))
            count = gone.rowcount
        with self._lock, self._explained():
            # The log still holds the erased rows until it is cut.
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return count

    def prune_sessions(self, before: str, boot_id: str) -> int:
        """Forget who attended sessions of long ago, or of other boots; return how many entries.

        Args:
            before: A date, ``2026-11-24``; sessions of that day stay.
            boot_id: Of sessions that count for one boot alone, those of this boot stay.
        """
        with self._transaction() as connection:
            return connection.execute(
                "DELETE FROM attended WHERE session < :before "
                "OR (session GLOB '*/*/*' AND substr(session, -length(:boot)) <> :boot)",
                {"before": before, "boot": boot_id},
            ).rowcount

    def close(self) -> None:
        """Close the file; no thread may use the outbox afterwards."""
        with self._lock:
            self._connection.close()

    def _prepare(self) -> None:
        """Check whose file this is, and make the tables in a new one."""
        connection = self._connection
        # The header is read before anything is written: another's file must stay as it was.
        (owner,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        is_new = (owner, version, tables) == (0, 0, 0)
        if not is_new:
            self._check_header(owner, version)
        connection.execute("PRAGMA journal_mode = WAL").fetchone()
        connection.execute("PRAGMA synchronous = FULL")
        # Erased and acknowledged rows are overwritten, not just unlinked.
        connection.execute("PRAGMA secure_delete = ON").fetchone()
        (verdict,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
        if verdict != "ok":
            raise OutboxError(f"{self._path}: {_DAMAGED} ({verdict})")
        if is_new:
            with self._transaction():
                for statement in _SCHEMA:
                    connection.execute(statement)

    def _check_header(self, owner: int, version: int) -> None:
        if owner != APPLICATION_ID:
            message = f"{self._path}: another program's database, expected a kiosk's outbox"
            raise OutboxError(f"{message}; move it aside or set another state.directory")
        if version != SCHEMA_VERSION:
            message = f"{self._path}: schema version is {version}, expected {SCHEMA_VERSION}"
            raise OutboxError(f"{message}; a newer kiosk made it: install that version again")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the lock; commit at the end, or roll back when anything was raised."""
        with self._lock, self._explained(), self._connection as connection:
            # IMMEDIATE takes the write lock first, where the busy timeout can wait for it.
            connection.execute("BEGIN IMMEDIATE")
            yield connection

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn SQLite's errors into ours, with the file and what to do."""
        try:
            yield
        except sqlite3.Error as exc:
            # Errors of the module, not of the library, carry no name.
            name = "_".join(getattr(exc, "sqlite_errorname", "").split("_")[:2])
            advice = _ADVICE.get(name, "it cannot be used")
            raise OutboxError(f"{self._path}: {advice} ({exc})") from exc


def _last_sequence(connection: sqlite3.Connection) -> int:
    (last,) = connection.execute(
        "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'events'"
    ).fetchone()
    return int(last)
