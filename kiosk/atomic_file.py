"""Write a file atomically: a power cut leaves the old file or the new one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_write(path: Path, mode: int = 0o666) -> Iterator[Path]:
    """Yield the path of an empty file, which replaces ``path`` when its content is on the disk.

    It is in the same folder, its name ends in the same way, and it is removed when the ``with``
    block fails. It always has the same name for one ``path``: a partial file that a power cut left,
    which may hold templates or names, is removed by the next write.

    Args:
        path: The file to create or to replace.
        mode: Permission bits of the new file, less the umask.

    Raises:
        OSError: The folder cannot be written.
    """
    partial = path.with_name(f".partial-{path.name}")
    partial.unlink(missing_ok=True)
    os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode))
    try:
        yield partial
        _sync(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    _sync(path.parent)  # the new name too


def _sync(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
