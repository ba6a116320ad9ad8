"""Read a program's TOML file into its configuration type, and name the key that is wrong.

Each program brings a :class:`Section` whose fields are the tables of its file, and an example
file. All programs then report the same mistakes with the same messages.
"""

import codecs
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeAlias, TypeVar

import msgspec

from kiosk.config_errors import describe_error
from kiosk.errors import ConfigError

_log = logging.getLogger(__name__)

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
            text = path.read_bytes()
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
            tables = _clean(msgspec.toml.decode(text.removeprefix(codecs.BOM_UTF8)))
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
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


def home_path(text: str) -> Path:
    """Return a path with its home folder: no shell expands the tilde in ``--config=~/a``."""
    try:
        return Path(text).expanduser()
    except RuntimeError:  # a user without a home folder
        return Path(text)


def changed_keys(old: Section, new: Section, prefix: str = "") -> Iterator[str]:
    """List the keys in which two configurations of one type differ, such as ``camera.fps``."""
    for name in old.__struct_fields__:
        one, other = getattr(old, name), getattr(new, name)
        if isinstance(one, Section) and isinstance(other, Section):
            yield from changed_keys(one, other, f"{prefix}{name}.")
        elif one != other:
            yield f"{prefix}{name}"


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
