"""Read a program's TOML file into its configuration type, and name the key that is wrong.

Each program brings a :class:`Section` whose fields are the tables of its file. All programs then
report the same mistakes with the same messages.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeAlias, TypeVar

import msgspec

from kiosk.config.errors import describe_error
from kiosk.config.sources import Source, merged, origin, parse_source, read_sources
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
        renamed: Tables that were renamed, new name by old name. A file with an old name is still
            read, with a warning.
    """

    content: type[Program]
    renamed: Mapping[str, str] = field(default_factory=dict)

    def load(self, path: Path) -> Program:
        """Read and check a file, with the drop-ins beside it (:mod:`kiosk.config.sources`).

        Raises:
            ConfigError: A file cannot be read, is not TOML, or a key is unknown, missing, of the
                wrong type, out of range or contradicts another. The message names file and key.
        """
        return self._build(read_sources(path))

    def parse(self, text: bytes, source: str) -> Program:
        """Check the text of one file; ``source`` names it in errors.

        A byte order mark and blanks around a value are ignored; ``~/`` stands for the home folder.

        Raises:
            ConfigError: As :meth:`load`.
        """
        return self._build([parse_source(text, source)])

    def _build(self, sources: Sequence[Source]) -> Program:
        for source in sources:
            self._use_new_names(source)
        try:
            config = msgspec.convert(merged(sources), self.content)
        except msgspec.ValidationError as exc:
            raise ConfigError(self._explained(sources, exc)) from exc
        for key, problem in _problems(config):
            name, own_key = origin(sources, key)
            raise ConfigError(f"{name}: {own_key}: {problem}")
        return config

    def _explained(self, sources: Sequence[Source], error: msgspec.ValidationError) -> str:
        """Describe an error by the file that has it alone, or else by the first one."""
        for source in sources:
            try:
                msgspec.convert(source.tables, self.content)
            except msgspec.ValidationError as exc:
                return f"{source.name}: {describe_error(str(exc), self.content)}"
        return f"{sources[0].name}: {describe_error(str(error), self.content)}"

    def _use_new_names(self, source: Source) -> None:
        name, tables = source.name, source.tables
        for old, new in self.renamed.items():
            if old not in tables:
                continue
            if new in tables:
                raise ConfigError(f"{name}: {old}: renamed to {new}; the file has both")
            _log.warning("%s: %s is now called %s; the old name is still read", name, old, new)
            tables[new] = tables.pop(old)


def changed_keys(old: Section, new: Section, prefix: str = "") -> Iterator[str]:
    """List the keys in which two configurations of one type differ, such as ``camera.fps``."""
    for name in old.__struct_fields__:
        one, other = getattr(old, name), getattr(new, name)
        if isinstance(one, Section) and isinstance(other, Section):
            yield from changed_keys(one, other, f"{prefix}{name}.")
        elif one != other:
            yield f"{prefix}{name}"


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
