"""A lock that the kernel releases when its process ends, also after kill -9.

The lock is a file, whose content says who holds it. The file is never removed: another process may
wait for it.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from kiosk.errors import InUseError, KioskError
from kiosk.files.atomic_file import give_to_owner_of

_STEP_S: Final = 0.05
_HOLDER_BYTES_MAX: Final = 200


@contextmanager
def file_lock(
    lock: Path,
    command: str,
    *,
    busy: str,
    error: type[KioskError],
    owner_of: Path,
    wait_s: float = 0.0,
) -> Iterator[None]:
    """Hold a lock in the ``with`` block.

    Args:
        lock: The file; its folder must exist.
        command: The command that takes the lock, for the messages of others.
        busy: The message when another process holds it, with "{holder}" for that one.
        error: What to raise when the file cannot be opened.
        owner_of: When root makes the file, it gets the owner of this file or folder.
        wait_s: Longest wait for the other process, seconds.

    Raises:
        InUseError: Another process held the lock for longer than ``wait_s``.
        KioskError: The file cannot be opened: ``error``.
    """
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        give_to_owner_of(owner_of, descriptor)
    except OSError as exc:
        problem = error(f"{lock}: cannot be opened for writing ({exc.strerror})")
        raise problem from exc
    try:
        _acquire(descriptor, busy, wait_s)
        with suppress(OSError):  # a full disk takes no text, and the lock holds without it
            os.pwrite(descriptor, f"`{command}` (process {os.getpid()})".encode(), 0)
        try:
            yield
        finally:
            with suppress(OSError):  # the file system may be read-only since
                os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)  # releases the lock


def _acquire(descriptor: int, busy: str, wait_s: float) -> None:
    deadline_s = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            if time.monotonic() < deadline_s:
                time.sleep(_STEP_S)
                continue
            holder = os.pread(descriptor, _HOLDER_BYTES_MAX, 0).decode(errors="replace")
            raise InUseError(busy.format(holder=holder or "another command")) from exc
        os.ftruncate(descriptor, 0)  # the text of a holder that was killed
        return
