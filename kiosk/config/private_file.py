"""Private files: read a password, warn when others can read a file, make the kiosk's folder."""

import logging
import stat
from pathlib import Path
from typing import Final

from kiosk.config.keys import Config
from kiosk.errors import ConfigError, reason_of
from kiosk.files.atomic_file import create_folder_for_owner
from kiosk.files.bounded_file import read_file

_log = logging.getLogger(__name__)

_PASSWORD_MAX: Final = 65_535
_WARNED: set[tuple[str, str]] = set()


def read_password(key: str, file: str) -> str:
    """Read a password without the line break at its end; return "" when no file is set.

    A byte order mark, which editors of Windows write, is not part of the password.

    Args:
        key: The configuration key that names the file.
        file: The file.

    Raises:
        ConfigError: The file cannot be read as UTF-8.
    """
    if not file:
        return ""
    try:
        password = read_file(Path(file), _PASSWORD_MAX).decode("utf-8-sig").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as exc:
        why = reason_of(exc)
        message = f"{key}: {file} cannot be read as UTF-8 text ({why})"
        raise ConfigError(message) from exc
    warn_of_readers(key, Path(file))
    return password


def warn_of_readers(key: str, path: Path) -> None:
    """Warn, once in a process, when every user of this machine can read or change a file."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:  # whoever reads it reports that
        return
    if mode & stat.S_IRWXO and (key, str(path)) not in _WARNED:
        _WARNED.add((key, str(path)))
        _log.warning(
            "%s: every user of this machine can use %s: chmod %o", key, path, mode & ~stat.S_IRWXO
        )


def make_directory(config: Config) -> None:
    """Create the folder of the kiosk's files, if it is absent, for its owner alone.

    Raises:
        ConfigError: It cannot be created.
    """
    try:
        create_folder_for_owner(config.directory)
    except OSError as exc:
        message = f"state.directory: {config.directory} cannot be made ({exc.strerror})"
        raise ConfigError(message) from exc
