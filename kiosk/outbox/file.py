"""The open outbox file: its connection, its lock, its transactions, and its rescue."""

import logging
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from kiosk.counted import counted
from kiosk.errors import OutboxError
from kiosk.outbox.errors import explained, is_damage, may_be_full
from kiosk.outbox.last import LastNumber
from kiosk.outbox.open import prepare
from kiosk.outbox.rescue import remove_database, rescue, set_aside
from kiosk.outbox.space import Space

_log = logging.getLogger(__name__)


class OutboxFile:
    """One connection behind one lock, for every thread of the process.

    A file that is damaged, deleted or moved is replaced by a new one with all events that can
    still be read, the same outbox id, and later numbers.

    Args:
        path: The SQLite file.
        busy_s: How long to wait, seconds, while another process writes to the file.

    Attributes:
        outbox_id: A UUID made with the file.

    Raises:
        OutboxError: The file cannot be used.
    """

    outbox_id: str

    def __init__(self, path: Path, busy_s: float) -> None:
        self._path = path
        self._is_failing = False
        self._lock = threading.Lock()
        self._busy_s = busy_s
        self._space = Space(path)
        self._last = LastNumber(path)
        try:
            self._open()
        except OutboxError as exc:
            if not may_be_full(exc, path) or not self._space.release():
                raise
            self._open()
        self._space.hold()

    def __enter__(self) -> Self:
        """Return the outbox itself."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Close the file."""
        self.close()

    def close(self) -> None:
        """Close the file; no thread may use the outbox afterwards."""
        with self._lock:
            self._connection.close()  # which deletes the log
            self._space.hold_rest()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Hold the lock for statements that are their own transactions."""
        with self._guarded():
            yield self._connection

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the lock; commit at the end, or roll back when anything was raised.

        A failure is logged once, and its end once.
        """
        try:
            with self._guarded():
                self._check_place()
                with self._connection as connection:
                    self._space.limit(connection)
                    # IMMEDIATE takes the write lock first, where the busy timeout can wait for it.
                    connection.execute("BEGIN IMMEDIATE")
                    yield connection
        except OutboxError as exc:
            if not self._is_failing:
                self._is_failing = True
                _log.error("nothing can be stored: %s", exc)  # the message says it all
            raise
        if self._is_failing:
            self._is_failing = False
            _log.info("%s: events are stored again", self._path)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Hold the lock; explain errors, and rescue a damaged file: the next call can use it."""
        with self._lock:
            try:
                with explained(self._path):
                    yield
            except OutboxError as exc:
                if is_damage(exc):
                    self._rescue("damaged")
                raise

    def _open(self) -> None:
        with explained(self._path):
            self._connection = sqlite3.connect(
                self._path, timeout=self._busy_s, isolation_level=None, check_same_thread=False
            )
        try:
            with explained(self._path):
                self.outbox_id = prepare(self._connection, self._path, self._space)
                self._last.compare(self._connection, self.outbox_id, self._path)
        except OutboxError as exc:
            last = self._last.read()
            if last is None or not is_damage(exc):
                self._connection.close()
                raise
            self.outbox_id = last[0]
            self._rescue("damaged")
        self._inode = _inode(self._path)

    def _check_place(self) -> None:
        """Move to a new file when ours was deleted or moved away."""
        if _inode(self._path) != self._inode:
            self._rescue("deleted or moved while it was in use")

    def _rescue(self, what: str) -> None:
        """Copy what can be read to a new file in our place, and set the old one aside.

        Raises:
            OutboxError: The new file cannot be written; the next call tries again.
        """
        new = self._path.with_name(f"{self._path.name}-new")
        last = self._last.read()
        number = last[1] if last is not None and last[0] == self.outbox_id else 0
        try:
            with explained(self._path):
                remove_database(new)
                count = rescue(self._connection, new, self.outbox_id, number)
                self._connection.close()
                aside = set_aside(self._path, time.strftime("%Y%m%dT%H%M%S"))
                new.replace(self._path)
        except OSError as exc:
            raise OutboxError(
                f"{self._path}: was {what}, and cannot be made again ({exc})"
            ) from exc
        message = "%s: was %s; a new file has what could be read: %s%s"
        where = f"; the old one is {aside.name}" if aside else ""
        _log.error(message, self._path, what, counted(count, "event"), where)
        self._open()


def _inode(path: Path) -> tuple[int, int] | None:
    """Return what tells a file from another of its name; ``None`` where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
