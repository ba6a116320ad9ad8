"""Write a file atomically: a power cut leaves the old file or the new one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def atomic_write(path: Path, mode: int = 0o666, *, owner_of: Path | None = None) -> Iterator[Path]:
    """Yield the path of an empty file, which replaces ``path`` when its content is on the disk.

    It is in the same folder, its name ends in the same way, and it is removed when the ``with``
    block fails. It always has the same name for one ``path``: a partial file that a power cut left,
    which may hold templates or names, is removed by the next write.

    Args:
        path: The file to create or to replace.
        mode: Permission bits of the new file, less the umask.
        owner_of: A file or folder. When root writes, the new file gets its owner and group, so that
            the service can read what ``sudo kiosk`` wrote; ``None`` leaves the file to root.

    Raises:
        OSError: The folder cannot be written.
    """
    partial = path.with_name(f".partial-{path.name}")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        try:
            if owner_of is not None:
                give_to_owner_of(owner_of, descriptor)
        finally:
            os.close(descriptor)
        yield partial
        _sync(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    _sync(path.parent)  # the new name too


def give_to_owner_of(reference: Path, target: int | Path) -> None:
    """As root, give a file to the owner and group of another one; otherwise do nothing.

    Args:
        reference: A file or folder.
        target: An open file, which no other process can exchange, or a path.

    Raises:
        OSError: The file system does not allow it.
    """
    if os.geteuid() == 0:
        owner = reference.stat()
        os.chown(target, owner.st_uid, owner.st_gid)


def create_for_owner_of(reference: Path, path: Path) -> None:
    """Create an absent file, empty, that others cannot read; as root, for the owner of another one.

    For a file that a library would create: SQLite keeps owner and mode of its file, and gives them
    to the files beside it. The library reports a file that cannot be created.
    """
    with suppress(OSError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
        try:
            give_to_owner_of(reference, descriptor)
        finally:
            os.close(descriptor)


def _sync(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
