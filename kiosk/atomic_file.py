"""Write a file whole or not at all: a power cut leaves the old file or the new one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_write(path: Path, mode: int = 0o666) -> Iterator[Path]:
    """Give an empty file to write to, which takes the place of ``path`` once all is on disk.

    It stands in the same folder and ends in the same name, and is removed when the ``with`` block
    fails. It has one name for each ``path``, so that what a power cut leaves of it, which may hold
    templates or names, is gone with the next write.

    Args:
        path: The file to write or to replace.
        mode: Permission bits of the new file, less the umask.

    Raises:
        OSError: The folder cannot be written.
    """
    partial = path.with_name(f".partial-{path.name}")
    partial.unlink(missing_ok=True)
    os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))
    try:
        yield partial
        _to_disk(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    _to_disk(path.parent)  # the new name, too


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
