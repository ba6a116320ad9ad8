"""Reading events of the outbox, and setting aside those that cannot be published."""

import logging
from pathlib import Path
from typing import Final

from kiosk.errors import OutboxError
from kiosk.outbox.file import OutboxFile
from kiosk.outbox.rows import RAW, RawRow, Row, problem_of

_log = logging.getLogger(__name__)

_MAY_CHANGE: Final = 5
"""The column after those of a raw row."""


class OutboxReader(OutboxFile):
    """The event database, for reading.

    Args:
        path: The SQLite file.
        busy_s: How long to wait, seconds, while another process writes to the file.
    """

    def __init__(self, path: Path, busy_s: float) -> None:
        super().__init__(path, busy_s)
        # Events that were read to be sent, which the file could not note.
        self._sent: set[int] = set()

    def pending(self, limit: int, after: int = 0) -> list[Row]:
        """Read events to send them that are not delivered, oldest first.

        From now on they do not change.

        Args:
            limit: At most so many.
            after: Only sequences above this.
        """
        return self._read(
            "INDEXED BY undelivered WHERE delivered_s IS NULL AND sequence > ?",
            (after,),
            limit,
            to_send=True,
        )

    def stored(self, first: int, last: int, limit: int) -> list[Row]:
        """Read events to send them that are still there, delivered or not, in order.

        From now on they do not change.

        Args:
            first: Lowest number.
            last: Highest number.
            limit: At most so many.
        """
        return self._read("WHERE sequence BETWEEN ? AND ?", (first, last), limit, to_send=True)

    def oldest(self) -> Row | None:
        """Read the oldest event, not to send it."""
        rows = self._read("WHERE sequence > ?", (0,), 1)
        return rows[0] if rows else None

    def _read(
        self, which: str, values: tuple[int, ...], limit: int, *, to_send: bool = False
    ) -> list[Row]:
        """Read events in order, after those that cannot be published were set aside."""
        query = f"SELECT {RAW}, may_change FROM events {which} ORDER BY sequence LIMIT ?"  # noqa: S608 - written above
        while True:
            with self._reading() as connection:
                rows = connection.execute(query, (*values, limit)).fetchall()
            if to_send and any(row[_MAY_CHANGE] for row in rows):
                rows = self._read_for_good(query, (*values, limit))
            raw: list[RawRow] = [row[:_MAY_CHANGE] for row in rows]
            problems = {row[0]: why for row in raw if (why := problem_of(row)) is not None}
            if not problems:
                return [
                    Row(sequence, topic.decode(), payload) for sequence, _, topic, payload, _ in raw
                ]
            self._set_aside(problems)

    def _read_for_good(self, query: str, values: tuple[int, ...]) -> list[tuple[object, ...]]:
        """Read events that do not change any more: who got one must never get another of its id."""
        try:
            with self._transaction() as connection:
                rows = connection.execute(query, values).fetchall()
                connection.executemany(
                    "UPDATE events SET may_change = 0 WHERE sequence = ? AND may_change",
                    [(row[0],) for row in rows],
                )
        except OutboxError:  # a full disk, for example: they are sent nevertheless
            with self._reading() as connection:
                rows = connection.execute(query, values).fetchall()
                self._sent.update(row[0] for row in rows if row[_MAY_CHANGE])
        return rows

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
