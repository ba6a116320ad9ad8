"""One lock for all commands that write the gallery or the roster.

Such a command reads the files again under the lock, changes them and writes them. Without the lock,
the command that writes last would undo the changes of the others. The daemon only reads, and needs
no lock: it finds the old file or the new one. The kernel releases the lock when its process ends,
also after kill -9.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from kiosk.atomic_file import give_to_owner_of, real_path
from kiosk.config import Config
from kiosk.errors import GalleryError, InUseError

WAIT_S: Final = 10.0
"""How long a command waits for another one, seconds. A lock is held for parts of a second."""
_STEP_S: Final = 0.05
_HOLDER_BYTES_MAX: Final = 200


@contextmanager
def write_lock(config: Config, command: str, *, wait_s: float = WAIT_S) -> Iterator[None]:
    """Hold the lock of the gallery and of the roster in the ``with`` block.

    The lock is the file ``.lock-NAME`` beside the gallery (the real one where it is a link). It is
    never removed: another command may wait for it.

    Args:
        config: Names the gallery, whose folder must exist.
        command: The command that takes the lock, for the messages of others. It must not contain
            a subject id or a name, because the lock file outlives an erasure.
        wait_s: Longest wait for another command, seconds.

    Raises:
        InUseError: Another command held the lock for longer than ``wait_s``.
        GalleryError: The lock file cannot be opened.
    """
    path = _real(config.gallery_path)
    descriptor = _open(path.with_name(f".lock-{path.name}"), config.directory)
    try:
        _acquire(descriptor, path, wait_s)
        os.pwrite(descriptor, f"`{command}` (process {os.getpid()})".encode(), 0)
        try:
            yield
        finally:
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)  # releases the lock


def _real(path: Path) -> Path:
    try:
        return real_path(path)
    except OSError as exc:
        raise GalleryError(f"{path}: cannot be followed ({exc.strerror})") from exc


def _open(lock: Path, owner_of: Path) -> int:
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o660)
        give_to_owner_of(owner_of, descriptor)
    except OSError as exc:
        raise GalleryError(f"{lock}: cannot be opened for writing ({exc.strerror})") from exc
    return descriptor


def _acquire(descriptor: int, path: Path, wait_s: float) -> None:
    deadline_s = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            if time.monotonic() < deadline_s:
                time.sleep(_STEP_S)
                continue
            holder = os.pread(descriptor, _HOLDER_BYTES_MAX, 0).decode(errors="replace")
            raise InUseError(
                f"{path}: {holder or 'another command'} is writing it; nothing was changed, try"
                " again when that command has ended"
            ) from exc
        os.ftruncate(descriptor, 0)  # the text of a holder that was killed
        return
