"""The roster: people's names by subject id, in a CSV file that a school can edit.

::

    subject_id,name
    s-0042,Ada Lovelace

Names are here and nowhere else: events, logs and the gallery have subject ids. The kiosk does not
need the file; only what shows names to a person does.
"""

import csv
import io
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from kiosk.atomic_file import atomic_write
from kiosk.errors import RosterError

HEADER: Final = ["subject_id", "name"]


@dataclass(frozen=True, slots=True)
class Roster:
    """Names by subject id, in the order of the file."""

    names: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def name_of(self, subject_id: str) -> str:
        """Return the name, or the subject id itself when the roster does not have it."""
        return self.names.get(subject_id, subject_id)


def load_roster(path: Path) -> Roster:
    """Read a roster: CSV in UTF-8 with the header; a byte order mark is allowed.

    Raises:
        RosterError: The file cannot be read, or a line is malformed; the message names the line.
    """
    try:
        # utf-8-sig: spreadsheets put a byte order mark before the header.
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as exc:
        raise RosterError(f"{path}: cannot be read ({exc.strerror})") from exc
    except UnicodeDecodeError as exc:
        line = exc.object[: exc.start].count(b"\n") + 1
        raise RosterError(f"{path}:{line}: not UTF-8; save the file as UTF-8 CSV") from exc
    names: dict[str, str] = {}
    for place, subject_id, name in _rows(path, text):
        if subject_id in names:
            raise RosterError(f"{place}: subject_id occurs twice; remove one of the lines")
        names[subject_id] = name
    return Roster(MappingProxyType(names))


def add_to_roster(path: Path, subject_id: str, name: str, *, owner_of: Path | None = None) -> None:
    """Add a person to the roster, or replace their name; an absent file is created.

    Args:
        path: The roster.
        subject_id: The person.
        name: Their name.
        owner_of: Who owns the file when root writes it (:func:`~kiosk.atomic_file.atomic_write`);
            a file that belongs to another user than root stays theirs.

    Raises:
        RosterError: The file is malformed or cannot be written, or the id or name is empty.
    """
    key, value = _checked(str(path), [subject_id, name])
    names = load_roster(path).names if path.exists() else {}
    _save(path, {**names, key: value}, owner_of)


def remove_from_roster(path: Path, subject_id: str, *, owner_of: Path | None = None) -> bool:
    """Erase a person from the roster; return whether the roster had them.

    Args:
        path: The roster.
        subject_id: The person.
        owner_of: As :func:`add_to_roster`.

    Raises:
        RosterError: The file is malformed or cannot be written.
    """
    if not path.exists():
        return False
    names = dict(load_roster(path).names)
    if names.pop(subject_id, None) is None:
        return False
    _save(path, names, owner_of)
    return True


def _rows(path: Path, text: str) -> Iterator[tuple[str, str, str]]:
    """Yield the place (file and line), subject id and name of each line that is not blank."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [column.strip() for column in next(reader, [])]
        if header != HEADER:
            # The line found may hold a person's name, and errors go to logs: do not quote it.
            raise RosterError(f"{path}:1: the header is wrong, expected the line: subject_id,name")
        for row in reader:
            if row:
                yield (place := f"{path}:{reader.line_num}", *_checked(place, row))
    except csv.Error as exc:
        raise RosterError(f"{path}:{reader.line_num}: not CSV ({exc})") from exc


def _checked(place: str, row: list[str]) -> tuple[str, str]:
    if len(row) != len(HEADER):
        message = f"{place}: {len(row)} columns, expected 2: subject_id,name"
        raise RosterError(f'{message}; put a name that holds a comma in "quotes"')
    subject_id, name = (value.strip() for value in row)
    for column, value in zip(HEADER, (subject_id, name), strict=True):
        if not value:
            raise RosterError(f"{place}: {column} is empty")
    return subject_id, name


def _save(path: Path, names: Mapping[str, str], owner_of: Path | None) -> None:
    """Write the file: a new one for its owner alone, an old one with its permission bits."""
    if owner_of is not None and path.exists() and path.stat().st_uid != 0:
        owner_of = path
    text = io.StringIO(newline="")
    csv.writer(text).writerows([HEADER, *names.items()])
    try:
        with atomic_write(path, 0o600, owner_of=owner_of) as partial:
            partial.write_bytes(text.getvalue().encode())
            if path.exists():
                shutil.copymode(path, partial)
    except OSError as exc:
        raise RosterError(f"{path}: cannot be written ({exc.strerror})") from exc
