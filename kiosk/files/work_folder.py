"""A folder for the files of one command, which nothing leaves behind."""

import fcntl
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Final

_TERMINATED: Final = 128 + signal.SIGTERM


@contextmanager
def work_folder(prefix: str, place: Path | None = None) -> Iterator[Path]:
    """Make a folder that is removed at the end of the ``with`` block, also at SIGTERM.

    What commands that were killed have left under the same prefix is removed first. A lock on the
    folder, which ends with its process, tells it from that of a command that runs.

    Args:
        prefix: Begins the name of the folder.
        place: Where it is made; by default where the system has such folders.

    Raises:
        OSError: It cannot be made.
    """
    _remove_left(prefix, place or Path(tempfile.gettempdir()))
    with _sigterm_unwinds(), tempfile.TemporaryDirectory(prefix=prefix, dir=place) as name:
        descriptor = os.open(name, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield Path(name)
        finally:
            os.close(descriptor)


def _remove_left(prefix: str, place: Path) -> None:
    with suppress(OSError):
        for folder in place.glob(f"{prefix}*"):
            _remove_if_left(folder)


def _remove_if_left(folder: Path) -> None:
    with suppress(OSError):  # no folder, that of another user, or one that is in use
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder)
        finally:
            os.close(descriptor)


@contextmanager
def _sigterm_unwinds() -> Iterator[None]:
    """Let SIGTERM leave the block as an exit does, in the one thread that may say so."""

    def end(_number: int, _frame: FrameType | None) -> None:
        sys.exit(_TERMINATED)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
