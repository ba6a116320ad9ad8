"""Space for the outbox on a disk that is full.

SQLite needs space even to delete a row: for the write-ahead log, whose pages go to the database
later. So the kiosk holds space while there is some:

- The log keeps the space it once had, and free pages stay in the database. With both, events are
  marked, deleted and (a few hundred of them) stored without a byte more from the file system.
- While the disk is nearly full, the database may not grow: an event that needs a new page is
  refused, instead of filling the log with pages that cannot be moved to the database.
- A file beside the database gives the space for the log at a start; it is deleted if the outbox
  cannot be opened otherwise.
"""

import contextlib
import logging
import os
import sqlite3
from pathlib import Path
from typing import Final

from kiosk.errors import OutboxError
from kiosk.files.atomic_file import give_to_owner_of
from kiosk.files.presence import is_seen

_log = logging.getLogger(__name__)

PAGE_BYTES: Final = 4096
RESERVED_PAGES: Final = 128
"""Free pages in the database, and at least so many in the log."""
LOG_PAGES: Final = 64
"""After how many pages the log is moved to the database; no transaction writes many more."""
_PAGES_FOR_MARKS: Final = 32
_FILE_BYTES: Final = 1_000_000
_NEARLY_FULL_BYTES: Final = 1_000_000
_PAGES_MAX: Final = 1_073_741_823  # SQLite's own limit


def reserve(connection: sqlite3.Connection, *, may_grow: bool) -> None:
    """Take the space that is held: write pages, commit them, and delete them again.

    Args:
        connection: To the database.
        may_grow: Whether the database may grow; if not, only its free pages are written.

    Raises:
        sqlite3.Error: Nothing can be written; so this proves that something can.
    """
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    pages = RESERVED_PAGES if may_grow else max(0, min(RESERVED_PAGES, free - 8))
    while True:
        try:
            _write(connection, pages)
        except sqlite3.OperationalError as exc:
            if not pages or not exc.sqlite_errorname.startswith(("SQLITE_FULL", "SQLITE_IOERR")):
                raise
            pages //= 2  # a full disk may have space for less
        else:
            return


def _write(connection: sqlite3.Connection, pages: int) -> None:
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE state SET starts = starts + 1")
        connection.execute(
            "INSERT INTO set_aside (payload, reason) VALUES (zeroblob(?), 'reserve')",
            (pages * PAGE_BYTES,),
        )
    connection.execute("DELETE FROM set_aside WHERE reason = 'reserve'")


class Space:
    """The space of the file system that the outbox is on.

    Args:
        path: The database.
    """

    def __init__(self, path: Path) -> None:
        self._database = path
        self._folder = path.parent
        self._file = path.with_name(f"{path.name}-reserve")
        self._may_grow = True

    def release(self) -> bool:
        """Delete the file that holds space; return whether there was one."""
        try:
            self._file.unlink()
        except OSError:
            return False
        _log.warning("%s: deleted, to open the outbox on a full disk", self._file)
        return True

    def hold(self) -> None:
        """Make the file that holds space, if it is absent and the disk has enough."""
        if self._free_bytes() >= 4 * _FILE_BYTES:
            self._make_file(_FILE_BYTES)

    def hold_rest(self) -> None:
        """Make the file of what the log has left on a full disk, before others take it."""
        for size in (_FILE_BYTES, _FILE_BYTES * 3 // 4, _FILE_BYTES // 2, _FILE_BYTES // 4):
            if self._make_file(size):
                return

    def _make_file(self, size: int) -> bool:
        """Make the file; return whether it is there."""
        if is_seen(self._file):
            return True
        try:
            file = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                give_to_owner_of(self._database, file)
                os.posix_fallocate(file, 0, size)
            finally:
                os.close(file)
        except OSError:  # the disk is full, or reserves nothing
            with contextlib.suppress(OSError):
                self._file.unlink(missing_ok=True)
            return False
        return True

    def limit(self, connection: sqlite3.Connection) -> bool:
        """Let the database grow only while the disk is not nearly full; return whether it may."""
        may_grow = self._free_bytes() >= _NEARLY_FULL_BYTES
        if may_grow != self._may_grow:
            self._may_grow = may_grow
            (pages,) = connection.execute("PRAGMA page_count").fetchone()
            most = _PAGES_MAX if may_grow else pages
            connection.execute(f"PRAGMA max_page_count = {most}").fetchone()
        return may_grow

    def check_for_event(self, connection: sqlite3.Connection) -> None:
        """Check that an event may be stored.

        On a full disk the last free pages are not for events: marking and deleting them needs some.

        Raises:
            OutboxError: It may not.
        """
        (free,) = connection.execute("PRAGMA freelist_count").fetchone()
        if not self._may_grow and free < _PAGES_FOR_MARKS:
            raise OutboxError(f"{self._folder}: the disk is full; free some space")

    def _free_bytes(self) -> int:
        try:
            state = os.statvfs(self._folder)
        except OSError:
            return 0
        return state.f_bavail * state.f_frsize
