"""The files that make up a configuration: one file, and the drop-ins beside it.

Drop-ins of ``kiosk.toml`` are ``kiosk.toml.d/*.toml``, read in the order of their names. A later
file replaces single keys of an earlier one, and adds its ``[[tables]]`` to those of earlier ones.
So one file, such as a timetable, can go to all doors.
"""

import codecs
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kiosk.config.toml_text import BYTES_MAX, read_toml
from kiosk.errors import ConfigError
from kiosk.files.bounded_file import read_file

_LOOKS_LIKE_TOML: Final = re.compile(r"(?i)\.toml(\.txt)?$")
"""What Notepad, or a camera's card, makes of the name."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Source:
    """One file.

    Attributes:
        name: What it is called in errors.
        tables: Its content.
    """

    name: str
    tables: dict[str, Any]


def read_sources(path: Path) -> list[Source]:
    """Read a file and its drop-ins.

    Raises:
        ConfigError: One cannot be read, or is not TOML.
    """
    first = parse_source(_read(path), str(path))
    folder = path.with_name(f"{path.name}.d")
    try:
        found = sorted(folder.iterdir(), key=lambda one: one.name)
    except FileNotFoundError:
        found = []
    except OSError as exc:
        raise ConfigError(f"{folder}: cannot be read ({exc.strerror})") from exc
    for one in found:
        # Such a file is meant for the kiosk, and would have no effect without a word.
        if _LOOKS_LIKE_TOML.search(one.name) and one.suffix != ".toml":
            _log.warning("%s: not read; a drop-in's name must end in .toml", one)
    drop_ins = [one for one in found if one.suffix == ".toml" and not one.name.startswith(".")]
    return [first, *(parse_source(_read(one), str(one)) for one in drop_ins)]


def _read(path: Path) -> bytes:
    try:
        return read_file(path, BYTES_MAX)
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be read ({exc.strerror})") from exc


def parse_source(text: bytes, name: str) -> Source:
    """Decode one file; a byte order mark and blanks around a value are ignored.

    Raises:
        ConfigError: It is not TOML.
    """
    try:
        return Source(name, _clean(read_toml(text.removeprefix(codecs.BOM_UTF8))))
    except ValueError as exc:
        raise ConfigError(f"{name}: not valid TOML: {exc}") from exc


def merged(sources: Sequence[Source]) -> dict[str, Any]:
    """Return the content of all files together."""
    tables: dict[str, Any] = {}
    for source in sources:
        tables = _merge(tables, source.tables)
    return tables


def _merge(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    both = dict(one)
    for key, value in other.items():
        old = both.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            both[key] = _merge(old, value)
        elif (earlier := _tables(old)) and (later := _tables(value)):
            both[key] = earlier + later
        else:
            both[key] = value
    return both


def _tables(value: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - what TOML holds
    """Return repeated tables; nothing for any other value."""
    return value if isinstance(value, list) and all(isinstance(one, dict) for one in value) else []


def origin(sources: Sequence[Source], key: str) -> tuple[str, str]:
    """Return the file that a key of the merged content comes from, and the key within that file.

    A key that stands in no file belongs to the last one that has its table.
    """
    numbered = re.fullmatch(r"(\w+)\[(\d+)\](.*)", key)
    if numbered:
        number = int(numbered[2])
        for source in sources:
            count = len(source.tables.get(numbered[1], ()))
            if number < count:
                return source.name, f"{numbered[1]}[{number}]{numbered[3]}"
            number -= count
    depths = [(_depth(source.tables, key.split(".")), i) for i, source in enumerate(sources)]
    return sources[max(depths)[1]].name if max(depths)[0] else sources[0].name, key


def _depth(tables: Any, names: Sequence[str]) -> int:  # noqa: ANN401 - what TOML holds
    """Return how many of the names of a key a file has."""
    if not names or not isinstance(tables, dict) or names[0] not in tables:
        return 0
    return 1 + _depth(tables[names[0]], names[1:])


def home_path(text: str) -> Path:
    """Return a path with its home folder: no shell expands the tilde in ``--config=~/a``."""
    try:
        return Path(text).expanduser()
    except RuntimeError:  # a user without a home folder
        return Path(text)


def _clean(value: Any) -> Any:  # noqa: ANN401 - what TOML holds
    """Strip the texts in decoded TOML, and expand the home folder in them."""
    if isinstance(value, dict):
        return {key: _clean(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_clean(item) for item in value]
    if not isinstance(value, str):
        return value
    text = value.strip(" \t")
    return str(home_path(text)) if text.startswith("~/") else text
