"""The outbox: every event is committed to the disk before it is published, and kept afterwards.

One SQLite file. The write-ahead log is synchronised at every commit (``synchronous=FULL``; with
less, WAL can lose a committed row when the power goes).

An acknowledgement of the broker (PUBACK) marks an event as delivered; it says nothing about the
register. An event is deleted when the register has confirmed it (:mod:`kiosk.mqtt.outbox_trim`
says what happens without a register, and beyond the bound). ``stored_once`` holds the
deduplication keys of past events, so that a restart does not store them again.

One connection behind one lock serves every thread of the kiosk; other processes (the erasure
command) wait for the file up to the busy timeout.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Final

from kiosk.mqtt.outbox_erase import Forgotten, forget
from kiosk.mqtt.outbox_errors import BUSY_TIMEOUT_S
from kiosk.mqtt.outbox_file import OutboxFile
from kiosk.mqtt.outbox_insert import insert_event, insert_key
from kiosk.mqtt.outbox_last import last_sequence
from kiosk.mqtt.outbox_open import cut_log
from kiosk.mqtt.outbox_rows import (
    RAW,
    Build,
    Counts,
    DeduplicationKey,
    Retention,
    Row,
    problem_of,
)
from kiosk.mqtt.outbox_space import reserve
from kiosk.mqtt.outbox_trim import Trimmed, shrink, trim

_CHECKED_PER_STEP: Final = 500
_MARKS_PER_COMMIT: Final = 200
"""A transaction must fit into the space that the log has when the disk is full."""

_log = logging.getLogger(__name__)


class Outbox(OutboxFile):
    """The event database, opened (created when absent), migrated, and proven to be writable.

    Args:
        path: The SQLite file. Its folder must exist; ``-wal`` and ``-shm`` files appear beside it.
        retention: How long events are kept.
        busy_s: How long to wait, seconds, while another process writes to the file.

    Attributes:
        outbox_id: A UUID made with the file; sequence numbers count within it.

    Raises:
        OutboxError: The file is damaged, another program's, of a newer kiosk, or not writable.
            Every method raises it too, when the disk is full or fails.
    """

    def __init__(
        self, path: Path, *, retention: Retention | None = None, busy_s: float = BUSY_TIMEOUT_S
    ) -> None:
        super().__init__(path, busy_s)
        self._retention = retention or Retention()
        self._checked = 0  # the last event that was checked

    def __len__(self) -> int:
        """Count the pending events."""
        return self.counts().undelivered

    def counts(self) -> Counts:
        """Return how many events there are."""
        with self._reading() as connection:
            row = connection.execute(
                "SELECT kept, undelivered, dropped, (SELECT count(*) FROM set_aside) FROM state"
            )
            return Counts(*row.fetchone())

    def put(self, build: Build) -> int:
        """Store an event and return its sequence number.

        The event is committed to the disk before this returns.

        Args:
            build: Makes the event from its sequence number. When it raises, nothing is stored and
                the number stays free.
        """
        with self._transaction() as connection:
            self._space.check_for_event(connection)
            sequence = insert_event(connection, build)
        self._last.write(self.outbox_id, sequence)
        return sequence

    def store_once(self, key: DeduplicationKey, build: Build) -> int | None:
        """Store an event as :meth:`put` does, unless one was stored for this key before.

        Returns:
            The sequence number, or ``None`` when the key is there already.
        """
        with self._transaction() as connection:
            if not insert_key(connection, key):
                return None
            self._space.check_for_event(connection)
            sequence = insert_event(connection, build)
        self._last.write(self.outbox_id, sequence)
        return sequence

    def last_sequence(self) -> int:
        """Return the number of the newest event ever stored; 0 when there was none."""
        with self._reading() as connection:
            return last_sequence(connection)

    def pending(self, limit: int, after: int = 0) -> list[Row]:
        """Read events that are not delivered, oldest first.

        Args:
            limit: At most so many.
            after: Only sequences above this.
        """
        return self._read(
            "INDEXED BY undelivered WHERE delivered_s IS NULL AND sequence > ?", (after,), limit
        )

    def stored(self, first: int, last: int, limit: int) -> list[Row]:
        """Read events that are still there, delivered or not, in order.

        Args:
            first: Lowest number.
            last: Highest number.
            limit: At most so many.
        """
        return self._read("WHERE sequence BETWEEN ? AND ?", (first, last), limit)

    def mark_delivered(self, sequences: Sequence[int], now_s: int = 0) -> None:
        """Note that the broker has acknowledged these events (PUBACK).

        Args:
            sequences: Their numbers.
            now_s: Unix time; 0 while the clock is not synchronised.
        """
        for first in range(0, len(sequences), _MARKS_PER_COMMIT):
            with self._transaction() as connection:
                connection.executemany(
                    "UPDATE events SET delivered_s = ? WHERE sequence = ? AND delivered_s IS NULL",
                    [(now_s, one) for one in sequences[first : first + _MARKS_PER_COMMIT]],
                )

    def confirm(self, register_id: str, sequence: int) -> bool:
        """Note that a register has committed every event up to this number.

        :meth:`trim` deletes them.

        Returns:
            Whether there is an event of that number, or was; if not, nothing is noted.
        """
        with self._transaction() as connection:
            if sequence > last_sequence(connection):
                return False
            connection.execute(
                "UPDATE state SET register_id = ?, confirmed = max(confirmed, ?)",
                (register_id, sequence),
            )
        return True

    def trim(self, now_s: int = 0) -> Trimmed:
        """Delete some of the events that may go; check some; return space to the file system.

        Args:
            now_s: Unix time; 0 while the clock is not synchronised: then nothing goes by its age.
        """
        with self._transaction() as connection:
            trimmed = trim(connection, self._retention, now_s)
        if trimmed.has_more:
            return trimmed
        self._space.hold()
        self._check_some()
        with self._reading() as connection:
            return Trimmed(0, 0, has_more=shrink(connection))

    def forget(self, subject_id: str, *, events: bool = False) -> Forgotten:
        """Erase one person: deduplication keys, damaged events, and the log that had them.

        Args:
            subject_id: The person.
            events: Their events, too. Without it these stay until the register has confirmed them:
                they are the school's record, made before the erasure, and hold no face.
        """
        with self._transaction() as connection:
            forgotten = forget(connection, subject_id, events=events)
        with self._reading() as connection:
            is_cut = cut_log(connection)
            reserve(connection, may_grow=self._space.limit(connection))
        return replace(forgotten, is_in_log=not is_cut)

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

    def _read(self, which: str, values: tuple[int, ...], limit: int) -> list[Row]:
        """Read events in order, after those that cannot be published were set aside."""
        query = f"SELECT {RAW} FROM events {which} ORDER BY sequence LIMIT ?"  # noqa: S608 - written above
        while True:
            with self._reading() as connection:
                rows = connection.execute(query, (*values, limit)).fetchall()
            problems = {row[0]: why for row in rows if (why := problem_of(row)) is not None}
            if not problems:
                return [
                    Row(sequence, topic.decode(), payload)
                    for sequence, _, topic, payload, _ in rows
                ]
            self._set_aside(problems)

    def _check_some(self) -> None:
        """Check the next few events, so that damage is noticed before an event is asked for."""
        rows = self._read("WHERE sequence > ?", (self._checked,), _CHECKED_PER_STEP)
        self._checked = rows[-1].sequence if len(rows) == _CHECKED_PER_STEP else 0

    def _set_aside(self, problems: dict[int, str]) -> None:
        """Move rows to the table of damaged ones, and log it."""
        with self._transaction() as connection:
            for sequence, why in problems.items():
                connection.execute(
                    "INSERT INTO set_aside SELECT sequence, event_id, topic, payload, ? "
                    "FROM events WHERE sequence = ?",
                    (why, sequence),
                )
                connection.execute("DELETE FROM events WHERE sequence = ?", (sequence,))
        what = ", ".join(f"{sequence} ({why})" for sequence, why in problems.items())
        _log.error("%s: events that cannot be published are set aside: %s", self._path, what)
