"""The last sequence number in a second place, so that no number is used twice.

A write-ahead log that is lost (deleted, or cut by a check of the file system) takes the newest
events with it. Their numbers were published; the register would take new events of the same
numbers for forgeries.
"""

import contextlib
import logging
import os
import sqlite3
from pathlib import Path
from typing import Final

from kiosk.files.atomic_file import give_to_owner_of
from kiosk.files.bounded_file import read_file

_log = logging.getLogger(__name__)

_BYTES: Final = 64


class LastNumber:
    """A file beside the database with the outbox id and the number of the newest event.

    Args:
        path: The database.
    """

    def __init__(self, path: Path) -> None:
        self._database = path
        self._path = path.with_name(f"{path.name}-last")

    def read(self) -> tuple[str, int] | None:
        """Return the outbox id and the number; ``None`` where no usable file is."""
        try:
            outbox_id, number = read_file(self._path, _BYTES).decode("ascii").split()
            return outbox_id, int(number)
        except (OSError, ValueError):
            return None

    def write(self, outbox_id: str, number: int) -> None:
        """Write to the disk; called after the event was committed.

        A failure is not reported: the file is needed only if the log is lost, too.
        """
        line = f"{outbox_id} {number}".ljust(_BYTES - 1) + "\n"
        with contextlib.suppress(OSError):
            # The file is overwritten in place, which a full disk allows.
            file = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600)
            try:
                give_to_owner_of(self._database, file)
                os.pwrite(file, line.encode(), 0)
                os.fdatasync(file)
            finally:
                os.close(file)

    def compare(self, connection: sqlite3.Connection, outbox_id: str, path: Path) -> None:
        """Skip the numbers of events that the database has lost, and log it."""
        with connection:
            # Within a transaction: another process cannot store an event between the two readings.
            connection.execute("BEGIN IMMEDIATE")
            found = self.read()
            last = last_sequence(connection)
            if found is not None and found[0] == outbox_id and found[1] > last:
                message = "%s: events %d to %d are lost; their numbers are not used again"
                _log.error(message, path, last + 1, found[1])
                set_last_sequence(connection, found[1])
                last = found[1]
        self.write(outbox_id, last)


def last_sequence(connection: sqlite3.Connection) -> int:
    """Return the number of the newest event ever stored; 0 when there was none."""
    (last,) = connection.execute(
        "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'events'"
    ).fetchone()
    return int(last)


def set_last_sequence(connection: sqlite3.Connection, number: int) -> None:
    """Let the numbers of later events be above this one."""
    connection.execute("DELETE FROM sqlite_sequence WHERE name = 'events'")
    connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('events', ?)", (number,))
