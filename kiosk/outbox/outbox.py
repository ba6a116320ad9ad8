"""The outbox: every event is committed to the disk before it is published, and kept afterwards.

One SQLite file. The write-ahead log is synchronised at every commit (``synchronous=FULL``; with
less, WAL can lose a committed row when the power goes).

An acknowledgement of the broker (PUBACK) marks an event as delivered; it says nothing about the
register. An event is deleted when the register has confirmed it (:mod:`kiosk.outbox.trim`
says what happens without a register, and beyond the bound). ``stored_once`` holds the
deduplication keys of past events, so that a restart does not store them again.

One connection behind one lock serves every thread of the kiosk; other processes (the erasure
command) wait for the file up to the busy timeout.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Final

from kiosk.outbox.erase import Forgotten, forget
from kiosk.outbox.errors import BUSY_TIMEOUT_S
from kiosk.outbox.last import last_sequence
from kiosk.outbox.memory import date_events, insert_event, newest_dated, prune, remember, remembered
from kiosk.outbox.open import cut_log
from kiosk.outbox.reader import OutboxReader
from kiosk.outbox.rows import Build, Counts, Dating, DeduplicationKey, IsRepeat, Retention, is_same
from kiosk.outbox.space import reserve
from kiosk.outbox.trim import Trimmed, shrink, trim

_CHECKED_PER_STEP: Final = 500
_MARKS_PER_COMMIT: Final = 200
"""A transaction must fit into the space that the log has when the disk is full."""


class Outbox(OutboxReader):
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
            kept, undelivered, dropped, aside, register_id = connection.execute(
                "SELECT kept, undelivered, dropped, (SELECT count(*) FROM set_aside), register_id"
                " FROM state"
            ).fetchone()
            return Counts(kept, undelivered, dropped, aside, has_register=register_id is not None)

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

    def store_once(
        self, key: DeduplicationKey, build: Build, is_repeat: IsRepeat = is_same
    ) -> int | None:
        """Store an event as :meth:`put` does, unless it repeats one that was stored before.

        Returns:
            The sequence number, or ``None`` for a repeat.
        """
        with self._transaction() as connection:
            if is_repeat(remembered(connection, key.event_type, key.subject_id), key):
                return None
            self._space.check_for_event(connection)
            sequence = insert_event(connection, build, is_dated=key.is_dated)
            remember(connection, key)
        self._last.write(self.outbox_id, sequence)
        return sequence

    def date_events(self, boot_id: str, dating: Dating, limit: int) -> tuple[int, int]:
        """Give events of this boot the right time, now that it is certain.

        Returns:
            How many were dated, and how many corrections were stored for it.
        """
        with self._transaction() as connection:
            self._space.check_for_event(connection)
            done = date_events(connection, boot_id, dating, self._sent, limit)
            last = last_sequence(connection)
        if done[1]:
            self._last.write(self.outbox_id, last)
        return done

    def newest_dated(self, boot_id: str) -> tuple[float | None, float | None]:
        """Return the offset of this boot's clock, and the newest time of others, if known."""
        with self._reading() as connection:
            return newest_dated(connection, boot_id)

    def last_sequence(self) -> int:
        """Return the number of the newest event ever stored; 0 when there was none."""
        with self._reading() as connection:
            return last_sequence(connection)

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

    def prune_keys(
        self, boot_id: str, monotonic_s: float, days: tuple[date, date] | None = None
    ) -> int:
        """Delete old deduplication keys (:func:`kiosk.outbox.memory.prune`); count them."""
        with self._transaction() as connection:
            return prune(connection, boot_id, monotonic_s, days)

    def _check_some(self) -> None:
        """Check the next few events, so that damage is noticed before an event is asked for."""
        rows = self._read("WHERE sequence > ?", (self._checked,), _CHECKED_PER_STEP)
        self._checked = rows[-1].sequence if len(rows) == _CHECKED_PER_STEP else 0
