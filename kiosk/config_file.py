"""Read a program's TOML file into its configuration type, and name the key that is wrong.

Each program brings a :class:`Section` whose fields are the tables of its file, and an example
file. All programs then report the same mistakes with the same messages.
"""

import codecs
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Generic, TypeAlias, TypeVar

import msgspec

from kiosk.bounded_file import read_file, size_text
from kiosk.config_errors import describe_error
from kiosk.errors import ConfigError

_log = logging.getLogger(__name__)

BYTES_MAX: Final = 128_000
"""Bytes of the largest file; a timetable of 60 lessons has 6,000."""
_LINE_MAX: Final = 1000
_DEPTH_MAX: Final = 8
_TOO_DEEP: Final = f"nested more than {_DEPTH_MAX} deep"

Problem: TypeAlias = tuple[str, str]
"""A key, and what is wrong with it."""


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of a configuration file: immutable; a key that is not a field is an error."""

    def problems(self) -> Iterable[Problem]:
        """Return what is wrong between keys that are valid one by one; nothing by default.

        Returns:
            Key (relative to this table) and problem, in the order in which to report them.
        """
        return ()


Program = TypeVar("Program", bound=Section)
"""The configuration type of one program."""


@dataclass(frozen=True, slots=True)
class ConfigFile(Generic[Program]):
    """The configuration file of one program.

    Attributes:
        content: The type that the file is read into.
        example: Name of the example file, for the advice in error messages.
        renamed: Tables that were renamed, new name by old name. A file with an old name is still
            read, with a warning.
    """

    content: type[Program]
    example: str
    renamed: Mapping[str, str] = field(default_factory=dict)

    def load(self, path: Path) -> Program:
        """Read and check a file.

        Raises:
            ConfigError: The file cannot be read, is not TOML, or a key is unknown, missing, of the
                wrong type, out of range or contradicts another.
        """
        try:
            text = read_file(path, BYTES_MAX)
        except OSError as exc:
            message = f"{path}: cannot be read ({exc.strerror}); see {self.example} for an example"
            raise ConfigError(message) from exc
        return self.parse(text, str(path))

    def parse(self, text: bytes, source: str) -> Program:
        """Check the text of a file; ``source`` names it in errors.

        A byte order mark and blanks around a value are ignored; ``~/`` stands for the home folder.

        Raises:
            ConfigError: As :meth:`load`.
        """
        try:
            tables = _clean(read_toml(text.removeprefix(codecs.BOM_UTF8)))
        except ValueError as exc:
            raise ConfigError(f"{source}: not valid TOML: {exc}") from exc
        self._use_new_names(tables, source)
        try:
            config = msgspec.convert(tables, self.content)
        except msgspec.ValidationError as exc:
            message = describe_error(str(exc), self.content, self.example)
            raise ConfigError(f"{source}: {message}") from exc
        for key, problem in _problems(config):
            raise ConfigError(f"{source}: {key}: {problem}")
        return config

    def _use_new_names(self, tables: dict[str, Any], source: str) -> None:
        for old, new in self.renamed.items():
            if old not in tables:
                continue
            if new in tables:
                raise ConfigError(f"{source}: {old}: renamed to {new}; the file has both")
            _log.warning("%s: %s is now called %s; the old name is still read", source, old, new)
            tables[new] = tables.pop(old)


def read_toml(text: bytes) -> dict[str, Any]:
    """Read TOML that may be damaged or hostile.

    Raises:
        ValueError: It is too long, nested too deeply, or not TOML; the text is the reason.
    """
    if len(text) > BYTES_MAX:
        raise ValueError(f"longer than {size_text(BYTES_MAX)}")
    # Each dot of a long key costs the parser more than the one before.
    if max(map(len, text.splitlines()), default=0) > _LINE_MAX:
        raise ValueError(f"a line of more than {_LINE_MAX} bytes")
    try:
        tables: dict[str, Any] = msgspec.toml.decode(text)
    # ValueError: not UTF-8, a date of no calendar, or a number with too many digits.
    except (msgspec.DecodeError, ValueError, OverflowError) as exc:
        raise ValueError(str(exc)) from exc
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    if _is_deep(tables):
        raise ValueError(_TOO_DEEP)
    return tables


def _is_deep(tables: Any) -> bool:  # noqa: ANN401 - what TOML holds
    """Return whether tables and lists are nested too deeply; this does not recurse."""
    level = [tables]
    for _ in range(_DEPTH_MAX):
        level = [item for value in level for item in _items(value)]
    return bool(level)


def _items(value: Any) -> Iterable[Any]:  # noqa: ANN401 - what TOML holds
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


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


def _problems(section: Section, prefix: str = "") -> Iterator[Problem]:
    """Collect the problems of a section and of the sections in it, with full keys."""
    for name in section.__struct_fields__:
        value = getattr(section, name)
        if isinstance(value, Section):
            yield from _problems(value, f"{prefix}{name}.")
        elif isinstance(value, tuple):
            for i, item in enumerate(value):
                if isinstance(item, Section):
                    yield from _problems(item, f"{prefix}{name}[{i}].")
    for key, problem in section.problems():
        yield f"{prefix}{key}", problem
