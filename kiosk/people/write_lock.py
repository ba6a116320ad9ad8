"""One lock for all commands that write the gallery or the roster.

Such a command reads the files again under the lock, changes them and writes them. Without the lock,
the command that writes last would undo the changes of the others. The daemon only reads, and needs
no lock: it finds the old file or the new one.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from kiosk.config.keys import Config
from kiosk.errors import GalleryError
from kiosk.files.atomic_file import real_path
from kiosk.files.file_lock import file_lock

WAIT_S: Final = 10.0
"""How long a command waits for another one, seconds. A lock is held for parts of a second."""


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
    with file_lock(
        path.with_name(f".lock-{path.name}"),
        command,
        busy=f"{path}: {{holder}} is writing it; nothing was changed, try again when that command"
        " has ended",
        error=GalleryError,
        owner_of=config.directory,
        wait_s=wait_s,
    ):
        yield


def _real(path: Path) -> Path:
    try:
        return real_path(path)
    except OSError as exc:
        raise GalleryError(f"{path}: cannot be followed ({exc.strerror})") from exc
