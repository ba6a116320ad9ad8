"""Refuse to write what a person has named over a file that the program itself needs."""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from kiosk.config.file import Section
from kiosk.errors import ConfigError
from kiosk.files.sealed_file import MAGIC

_BESIDE: Final = ("-wal", "-shm", "-journal", "-migrate")
"""What SQLite and the register put beside a database, by the endings of the names."""
_BEGINS: Final = {
    b"SQLite format 3\0": "a database",
    MAGIC + b'{"key":"file': "a gallery of a kiosk, encrypted with its key",
}
"""How files begin that no export makes, whoever they belong to."""


def refuse_own_file(
    path: Path,
    config: Section,
    config_file: Path,
    own: Iterable[tuple[Path, str]] = (),
    *,
    option: str = "",
) -> None:
    """Reject the path of a new file if it leads to a file of the program, also through links.

    An earlier export may be written again, and so may any other file.

    Args:
        path: Where the file is to be written; it need not exist.
        config: The configuration: the files that its keys name belong to the program.
        config_file: The file it was read from, which has drop-ins beside it.
        own: What else belongs to the program, and what each is.
        option: Names the path in the error, such as "--summary".

    Raises:
        ConfigError: It is such a file; the message says which.
    """
    known = [*own, *_configuration(config_file), *_named_files(config)]
    what = next((text for one, text in known if _is_same(path, one)), "") or _content(path)
    if what:
        name = f"{option}: {path}" if option else str(path)
        raise ConfigError(f"{name}: this is {what}; nothing was written, give another name")


def _configuration(path: Path) -> Iterator[tuple[Path, str]]:
    yield path, "the configuration"
    with suppress(OSError):
        for one in path.with_name(f"{path.name}.d").iterdir():
            yield one, "a part of the configuration"


def _named_files(section: Section, prefix: str = "") -> Iterator[tuple[Path, str]]:
    """Yield every text of a configuration as a path, with its key: most of them are no paths."""
    for name in section.__struct_fields__:
        value, key = getattr(section, name), f"{prefix}{name}"
        for item in value if isinstance(value, tuple) else (value,):
            if isinstance(item, Section):
                yield from _named_files(item, f"{key}.")
            elif isinstance(item, str) and item and "\0" not in item:
                yield Path(item), f"the file that {key} names"


def _is_same(path: Path, own: Path) -> bool:
    """Return whether two paths lead to one file, or the first to one beside a database."""
    with suppress(OSError):
        if path.samefile(own):
            return True
    real = os.path.realpath(own)
    return os.path.realpath(path) in {real, *(f"{real}{end}" for end in _BESIDE)}


def _content(path: Path) -> str:
    """Return what a file is by its first bytes; "" for one that may be replaced, or is absent."""
    start = b""
    with suppress(OSError):
        if path.is_file():
            with path.open("rb") as file:
                start = file.read(max(map(len, _BEGINS)))
    return next((text for begin, text in _BEGINS.items() if start.startswith(begin)), "")
