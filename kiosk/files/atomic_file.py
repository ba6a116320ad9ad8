"""Write a file atomically: a power cut leaves the old file or the new one."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Final

_LINKS_MAX: Final = 40
_ZEROS: Final = bytes(1 << 20)


@contextmanager
def atomic_write(
    path: Path, mode: int = 0o666, *, owner_of: Path | None = None, wipe: bool = False
) -> Iterator[Path]:
    """Yield the path of an empty file, which replaces ``path`` when its content is on the disk.

    Where ``path`` is a link, the file that it leads to is replaced (:func:`real_path`). The empty
    file is in the same folder, its name ends in the same way, and it is removed when the ``with``
    block fails. It always has the same name for one ``path``: a partial file that a power cut left,
    which may hold templates or names, is removed by the next write.

    Args:
        path: The file to create or to replace.
        mode: Permission bits of the new file, less the umask.
        owner_of: A file or folder. When root writes, the new file gets its owner and group, so that
            the service can read what ``sudo kiosk`` wrote; ``None`` leaves the file to root.
        wipe: Overwrite the old content with zeros, unless it has another name (a hard link).

    Raises:
        OSError: The folder cannot be written, or ``path`` is a device, a pipe or a folder: root
            would replace ``/dev/null`` by a file. It names ``path`` where the system names none.
    """
    path = real_path(path)
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "not a regular file", str(path))
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
        with _wiping(path) if wipe else nullcontext():
            partial.replace(path)
    except OSError as exc:
        if exc.filename is None and exc.strerror:  # as where the disk is full
            exc.filename = os.fspath(path)
        raise
    finally:
        partial.unlink(missing_ok=True)
    _sync(path.parent)  # the new name too


def real_path(path: Path) -> Path:
    """Return the file that a path leads to, through all links; it need not exist.

    As root, the link of another user is followed only to a file of that user, or into a folder of
    theirs: who may write to a folder must not choose which file of somebody else root replaces.

    Raises:
        OSError: The link is refused, or leads in a circle.
    """
    for _ in range(_LINKS_MAX):
        if not path.is_symlink():
            return path
        target = path.parent / path.readlink()
        owner = path.lstat().st_uid
        if os.geteuid() == 0 and owner != 0 and _owner(target) != owner:
            raise PermissionError(errno.EPERM, "a link to a file of another user", str(path))
        path = target
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))


def _owner(path: Path) -> int:
    """Return the owner of a file, or of the folder that it would be created in."""
    try:
        return path.lstat().st_uid
    except FileNotFoundError:
        return path.parent.stat().st_uid


def delete_wiped(path: Path) -> None:
    """Delete a file, if it is there, and overwrite its content with zeros.

    Raises:
        OSError: It cannot be deleted or overwritten.
    """
    with _wiping(path):
        path.unlink(missing_ok=True)


@contextmanager
def _wiping(path: Path) -> Iterator[None]:
    """Overwrite the content that a file had before the block, if no name of it is left.

    A file that may be replaced but not written, such as one of another user, is left as it is.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        yield
        return
    try:
        yield
        status = os.fstat(descriptor)
        if status.st_nlink == 0:
            for start in range(0, status.st_size, len(_ZEROS)):
                os.pwrite(descriptor, _ZEROS[: status.st_size - start], start)
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


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


def create_folder_for_owner(path: Path) -> None:
    """Create a folder where it is absent, for its owner alone.

    When root creates it, it belongs to the owner of the folder that it is in.

    Raises:
        OSError: It cannot be created.
    """
    is_new = not path.exists()
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if is_new:
        give_to_owner_of(path.parent, path)
