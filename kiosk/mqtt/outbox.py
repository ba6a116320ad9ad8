"""The outbox: every event is committed to the disk before it is published.

One SQLite file. The write-ahead log is synchronised at every commit (``synchronous=FULL``; with
less, WAL can lose a committed row when the power goes). An event is removed only when the broker
has acknowledged it. ``stored_once`` holds the deduplication keys of past events, so that a restart
does not store them again. The tables stand in :mod:`kiosk.mqtt.outbox_schema`.

One connection behind one lock serves every thread of the kiosk; other processes (the erasure
command) wait for the file up to the busy timeout.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Self

from kiosk.errors import OutboxError
from kiosk.mqtt.outbox_errors import BUSY_TIMEOUT_S, explained
from kiosk.mqtt.outbox_schema import cut_log, prepare
from kiosk.timetable import ClassSession

Build = Callable[[int], tuple[str, str, bytes]]
"""Makes an event from its sequence number: event id, topic, payload."""


@dataclass(frozen=True, slots=True)
class Row:
    """A pending event.

    Attributes:
        sequence: Its number, from 1, in the order of storing.
        topic: Where it is published.
        payload: What is published.
    """

    sequence: int
    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class DeduplicationKey:
    """What at most one event is stored for.

    Attributes:
        event_type: The value of the event's field ``type``.
        session: The class session.
        subject_id: The person.
        boot_id: The only boot that the key counts for; empty when it counts for every boot.
    """

    event_type: str
    session: ClassSession
    subject_id: str
    boot_id: str = ""

    @property
    def columns(self) -> tuple[str, str, str, str, str]:
        """The values as they stand in the table ``stored_once``."""
        day = self.session.date.isoformat()
        return self.event_type, day, self.session.name, self.boot_id, self.subject_id


class Outbox:
    """The event database, opened (created when absent), migrated and checked.

    Args:
        path: The SQLite file. Its folder must exist; ``-wal`` and ``-shm`` files appear beside it.

    Attributes:
        outbox_id: A UUID made with the file; sequence numbers count within it.

    Raises:
        OutboxError: The file is damaged, another program's, of a newer kiosk, or not writable.
            Every method raises it too, when the disk is full or fails.
    """

    outbox_id: str

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        with explained(path):
            self._connection = sqlite3.connect(
                path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
            )
        try:
            with explained(path):
                self.outbox_id = prepare(self._connection, path)
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
        """Count the pending events."""
        with self._lock, explained(self._path):
            (count,) = self._connection.execute("SELECT count(*) FROM events").fetchone()
        return int(count)

    def put(self, build: Build) -> int:
        """Store an event and return its sequence number.

        The event is committed to the disk before this returns.

        Args:
            build: Makes the event from its sequence number. When it raises, nothing is stored and
                the number stays free.
        """
        with self._transaction() as connection:
            return _insert(connection, build)

    def store_once(self, key: DeduplicationKey, build: Build) -> int | None:
        """Store an event as :meth:`put` does, unless one was stored for this key before.

        Returns:
            The sequence number, or ``None`` when the key is there already.
        """
        with self._transaction() as connection:
            added = connection.execute(
                "INSERT INTO stored_once "
                "(event_type, session_date, session_name, boot_id, subject_id) "
                "VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                key.columns,
            )
            return _insert(connection, build) if added.rowcount else None

    def last_sequence(self) -> int:
        """Return the number of the newest event ever stored; 0 when there was none."""
        with self._lock, explained(self._path):
            return _last_sequence(self._connection)

    def pending(self, limit: int, after: int = 0) -> list[Row]:
        """Read pending events, oldest first: at most ``limit``, of sequences above ``after``."""
        with self._lock, explained(self._path):
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
        """Erase the deduplication keys of one person; return how many there were.

        Pending events of this person stay: they are the school's register, made before the
        erasure, and are published as those before them were. They hold the subject id and no face.
        """
        with self._transaction() as connection:
            gone = connection.execute("DELETE FROM stored_once WHERE subject_id = ?", (subject_id,))
            count = gone.rowcount
        with self._lock, explained(self._path):
            cut_log(self._connection)
        return count

    def prune_keys(self, before: date, boot_id: str) -> int:
        """Delete the deduplication keys of old class sessions and of other boots; return the count.

        Args:
            before: Class sessions of this day stay.
            boot_id: Of the keys that count for one boot alone, those of this boot stay.
        """
        with self._transaction() as connection:
            return connection.execute(
                "DELETE FROM stored_once WHERE session_date < ? OR boot_id NOT IN ('', ?)",
                (before.isoformat(), boot_id),
            ).rowcount

    def close(self) -> None:
        """Close the file; no thread may use the outbox afterwards."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the lock; commit at the end, or roll back when anything was raised."""
        with self._lock, explained(self._path), self._connection as connection:
            # IMMEDIATE takes the write lock first, where the busy timeout can wait for it.
            connection.execute("BEGIN IMMEDIATE")
            yield connection


def _insert(connection: sqlite3.Connection, build: Build) -> int:
    """Build an event with the next sequence number and insert it."""
    sequence = _last_sequence(connection) + 1
    connection.execute(
        "INSERT INTO events (sequence, event_id, topic, payload) VALUES (?, ?, ?, ?)",
        (sequence, *build(sequence)),
    )
    return sequence


def _last_sequence(connection: sqlite3.Connection) -> int:
    (last,) = connection.execute(
        "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'events'"
    ).fetchone()
    return int(last)
