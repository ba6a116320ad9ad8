"""The roster: people's names by subject id, in a CSV file that a school can edit.

::

    subject_id,name
    s-0042,Ada Lovelace

Names are here and nowhere else: events, logs and the gallery have subject ids. The kiosk does not
need the file; only what shows names to a person does.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from kiosk.errors import RosterError
from kiosk.files.atomic_file import atomic_write
from kiosk.files.csv_table import CsvForm, format_csv, read_csv
from kiosk.files.presence import may_exist

HEADER: Final = ["subject_id", "name"]


@dataclass(frozen=True, slots=True)
class Roster:
    """The names.

    Attributes:
        names: Names by subject id, in the order of the file.
        form: How the file was written, and is written again.
    """

    names: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    form: CsvForm = field(default_factory=CsvForm)

    def name_of(self, subject_id: str) -> str:
        """Return the name, or the subject id itself when the roster does not have it."""
        return self.names.get(subject_id, subject_id)


def load_roster(path: Path) -> Roster:
    """Read a roster: CSV in UTF-8 with the header, as editors and spreadsheets write it.

    A semicolon or a tab may stand in place of the comma; a byte order mark, blank rows and blank
    columns at the end do not matter.

    Raises:
        RosterError: The file cannot be read, or a line is malformed; the message names the line.
    """
    table = read_csv(path, HEADER)
    names: dict[str, str] = {}
    for place, row in table.rows:
        subject_id, name = _checked(place, row)
        if subject_id in names:
            raise RosterError(f"{place}: subject_id occurs twice; remove one of the lines")
        names[subject_id] = name
    return Roster(MappingProxyType(names), table.form)


def add_to_roster(path: Path, subject_id: str, name: str, *, owner_of: Path | None = None) -> None:
    """Add a person to the roster, or replace their name; an absent file is created.

    Args:
        path: The roster.
        subject_id: The person.
        name: Their name.
        owner_of: Who owns the file when root writes it
            (:func:`~kiosk.files.atomic_file.atomic_write`); a file that belongs to another user
            than root stays theirs.

    Raises:
        RosterError: The file is malformed or cannot be written, or the id or name is empty.
    """
    key, value = _checked(str(path), [subject_id, name])
    roster = load_roster(path) if may_exist(path) else Roster()
    _save(path, Roster({**roster.names, key: value}, roster.form), owner_of)


def remove_from_roster(path: Path, subject_id: str, *, owner_of: Path | None = None) -> bool:
    """Erase a person from the roster; return whether the roster had them.

    Args:
        path: The roster.
        subject_id: The person.
        owner_of: As :func:`add_to_roster`.

    Raises:
        RosterError: The file is malformed or cannot be written.
    """
    if not may_exist(path):
        return False
    roster = load_roster(path)
    if subject_id not in roster.names:
        return False
    rest = {key: name for key, name in roster.names.items() if key != subject_id}
    _save(path, Roster(rest, roster.form), owner_of)
    return True


def _checked(place: str, row: list[str]) -> tuple[str, str]:
    if len(row) != len(HEADER):
        message = f"{place}: {len(row)} columns, expected 2: subject_id,name"
        raise RosterError(f'{message}; put a name that holds the separator in "quotes"')
    subject_id, name = (value.strip() for value in row)
    for column, value in zip(HEADER, (subject_id, name), strict=True):
        if not value:
            raise RosterError(f"{place}: {column} is empty")
    return subject_id, name


def _save(path: Path, roster: Roster, owner_of: Path | None) -> None:
    """Write the file: a new one for its owner alone, an old one with its permission bits.

    The old content is overwritten: a disk keeps no name that is no longer there.
    """
    try:
        if owner_of is not None and path.exists() and path.stat().st_uid != 0:
            owner_of = path
        with atomic_write(path, 0o600, owner_of=owner_of, wipe=True) as partial:
            partial.write_bytes(format_csv([HEADER, *roster.names.items()], roster.form))
            if path.exists():
                shutil.copymode(path, partial)
    except OSError as exc:
        raise RosterError(f"{path}: cannot be written ({exc.strerror})") from exc
