"""The open outbox file: its connection, its lock, and its transactions."""

import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from kiosk.errors import OutboxError
from kiosk.mqtt.outbox_errors import explained
from kiosk.mqtt.outbox_open import prepare
from kiosk.mqtt.outbox_space import Space

_log = logging.getLogger(__name__)


class OutboxFile:
    """One connection behind one lock, for every thread of the process.

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
        try:
            self._open()
        except OutboxError:
            if not self._space.release():
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
            self._connection.close()

    def _open(self) -> None:
        with explained(self._path):
            self._connection = sqlite3.connect(
                self._path, timeout=self._busy_s, isolation_level=None, check_same_thread=False
            )
        try:
            with explained(self._path):
                self.outbox_id = prepare(self._connection, self._path, self._space)
        except OutboxError:
            self._connection.close()
            raise

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Hold the lock for statements that are their own transactions."""
        with self._lock, explained(self._path):
            yield self._connection

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the lock; commit at the end, or roll back when anything was raised.

        A failure is logged once, and its end once.
        """
        try:
            with self._lock, explained(self._path), self._connection as connection:
                self._space.limit(connection)
                # IMMEDIATE takes the write lock first, where the busy timeout can wait for it.
                connection.execute("BEGIN IMMEDIATE")
                yield connection
        except OutboxError as exc:
            self._note_failure(exc)
            raise
        if self._is_failing:
            self._is_failing = False
            _log.info("%s: events are stored again", self._path)

    def _note_failure(self, error: OutboxError) -> None:
        if not self._is_failing:
            self._is_failing = True
            _log.error("nothing can be stored: %s", error)
