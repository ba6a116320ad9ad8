"""What is wrong with the outbox file, and the remedy."""

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from kiosk.errors import OutboxError

BUSY_TIMEOUT_S: Final = 10.0
"""How long one process waits for another that writes to the file."""
DAMAGED: Final = "the file is damaged"
_DAMAGE: Final = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
_FULL: Final = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN")
_ADVICE: Final = {
    "SQLITE_CANTOPEN": "it cannot be opened; the folder must exist and be writable",
    "SQLITE_READONLY": "it cannot be written; give the file and its folder to the kiosk's user",
    "SQLITE_FULL": "the disk is full; free some space",
    "SQLITE_IOERR": "the disk fails; check its space and its health",
    "SQLITE_BUSY": f"another process has locked it for over {BUSY_TIMEOUT_S:.0f} s; stop it",
    "SQLITE_NOTADB": "this is no SQLite database; move it aside or set another state.directory",
    "SQLITE_CORRUPT": DAMAGED,
}

_READ_ONLY: Final = (
    "its file system is read-only; see `dmesg`: the card or the disk may be failing, replace it"
)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours, with the file and the remedy.

    Raises:
        OutboxError: SQLite raised an error.
    """
    try:
        yield
    except sqlite3.Error as exc:
        advice = _ADVICE.get(_name(exc), "it cannot be used")
        if _is_read_only(path):
            advice = _READ_ONLY
        raise OutboxError(f"{path}: {advice} ({exc})") from exc


def is_damage(error: OutboxError) -> bool:
    """Return whether the content of the file is the cause."""
    return _name(error.__cause__) in _DAMAGE


def may_be_full(error: OutboxError, path: Path) -> bool:
    """Return whether a full disk may be the cause: SQLite does not always call it so."""
    return _name(error.__cause__) in _FULL and not path.is_dir()


def _is_read_only(path: Path) -> bool:
    """Return whether the file system takes nothing, whatever the rights are."""
    try:
        os.close(os.open(path, os.O_RDWR))
    except OSError as exc:
        return exc.errno == errno.EROFS
    return False


def _name(error: BaseException | None) -> str:
    """Return the name of SQLite's error without its details."""
    # Errors raised by the Python module, not by the library, carry no name.
    return "_".join(getattr(error, "sqlite_errorname", "").split("_")[:2])
