"""Read a file that a person or the network has brought, without trusting what it is.

A pipe would block, a device or a growing file would not end, and a file of 8 TB would take all
memory. Each reader says how large its file may be; the limits stand with the readers.
"""

import errno
import os
import stat
from pathlib import Path
from typing import Final

from kiosk.errors import UnusableFileError

_KINDS: Final = (
    (stat.S_ISDIR, errno.EISDIR, "a folder"),
    (stat.S_ISFIFO, errno.EINVAL, "a pipe"),
    (stat.S_ISSOCK, errno.EINVAL, "a socket"),
    (stat.S_ISCHR, errno.EINVAL, "a device"),
    (stat.S_ISBLK, errno.EINVAL, "a device"),
)
_CHUNK: Final = 1 << 20
_NUL: Final = "a NUL byte in its name"
_TRIES: Final = 10
"""Reads of a file that is replaced at each of them."""


def read_file(path: Path, bytes_max: int) -> bytes:
    """Read a regular file of at most ``bytes_max`` bytes; never wait for its content.

    A file that another process replaces meanwhile is read again: its old content may be
    overwritten with zeros (:func:`kiosk.files.atomic_file.atomic_write`).

    Raises:
        UnusableFileError: It is no regular file, or is larger; ``strerror`` is the reason.
        OSError: It is absent or cannot be read.
    """
    for _ in range(_TRIES):
        data, has_name = _read_once(path, bytes_max)
        if has_name:
            break
    return data  # what never had a name, such as a here-document, is not replaced


def _read_once(path: Path, bytes_max: int) -> tuple[bytes, bool]:
    """Return the content, and whether the file that it came from still has a name."""
    try:
        # A pipe without a writer would block here; a terminal could become the controlling one.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except ValueError as exc:
        raise UnusableFileError(errno.EINVAL, _NUL) from exc
    try:
        _check(os.fstat(descriptor), bytes_max)
        data = _read(descriptor, bytes_max + 1)  # a file may grow, and those of /proc tell no size
        has_name = os.fstat(descriptor).st_nlink > 0
    finally:
        os.close(descriptor)
    _check_size(len(data), bytes_max)
    return data, has_name


def require_file(path: Path, bytes_max: int) -> None:
    """Check a file that a library opens by itself: regular, and at most ``bytes_max`` bytes.

    Raises:
        UnusableFileError: It is no regular file, or is larger; ``strerror`` is the reason.
        OSError: It is absent.
    """
    try:
        _check(path.stat(), bytes_max)
    except ValueError as exc:
        raise UnusableFileError(errno.EINVAL, _NUL) from exc


def size_text(size: int) -> str:
    """Return a size for a message: ``16 MB``."""
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= scale:
            return f"{size / scale:.3g} {unit}"
    return f"{size} bytes"


def _check(facts: os.stat_result, bytes_max: int) -> None:
    for is_kind, code, name in _KINDS:
        if is_kind(facts.st_mode):
            raise UnusableFileError(code, f"{name}, expected a file")
    _check_size(facts.st_size, bytes_max)


def _read(descriptor: int, count: int) -> bytes:
    parts: list[bytes] = []
    while count > 0 and (part := os.read(descriptor, min(count, _CHUNK))):
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _check_size(size: int, bytes_max: int) -> None:
    if size > bytes_max:
        raise UnusableFileError(errno.EFBIG, f"larger than {size_text(bytes_max)}")
