"""Check the place that a command writes to, before minutes of work."""

import errno
import os
from pathlib import Path

from kiosk.errors import ConfigError


def make_folder(folder: Path) -> None:
    """Make a folder, and those that it is in, where they are absent.

    Raises:
        OSError: It cannot be made; ``strerror`` is the reason.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as exc:  # "File exists" would not say what is wrong with that
        raise NotADirectoryError(
            errno.ENOTDIR, "a file, expected a folder", os.fspath(folder)
        ) from exc


def check_out(option: str, out: Path) -> None:
    """Refuse a file that could not be written.

    Args:
        option: Names the file on the command line.
        out: The file.

    Raises:
        ConfigError: It is a folder, or its own folder is absent or closed.
    """
    if out.is_dir():
        raise ConfigError(f"{option}: {out} is a folder, expected a file in it")
    if not os.access(out.parent, os.W_OK | os.X_OK):
        raise ConfigError(f"{option}: {out} cannot be written; its folder is absent or closed")
