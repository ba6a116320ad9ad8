"""Ask whether a file is there, without an error where that cannot be seen.

The questions of :mod:`pathlib` raise an :class:`OSError` in a folder that is closed to this user,
and for a name that is too long. The reader of a file has a message for both, so it is let go on.
"""

import os
import stat
from pathlib import Path


def may_exist(path: Path) -> bool:
    """Return false if there is no such file; true also where only reading it says what is wrong."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except (OSError, ValueError):  # ValueError: a NUL byte in its name
        return True
    return True


def is_seen(path: Path) -> bool:
    """Return whether a file or folder is there, and may be looked at."""
    return _facts(path) is not None


def is_folder(path: Path) -> bool:
    """Return whether a folder is there, and may be looked at."""
    facts = _facts(path)
    return facts is not None and stat.S_ISDIR(facts.st_mode)


def _facts(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except (OSError, ValueError):
        return None
