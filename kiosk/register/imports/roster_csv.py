"""A roster as one plain CSV: a row for each student and class.

::

    id,name,class,sis_id,email,begin,end
    s-0042,Ada Lovelace,10B,1041,ada@example.org,2026-08-31,

``begin`` and ``end`` are the first and the last day in the class; both may be empty. The names of
columns may be Spanish. A student of several classes has several rows.
"""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Final

import msgspec

from kiosk.config.timetable import NAME_FORM, Name
from kiosk.register.imports.addresses import address_problem
from kiosk.register.imports.csv_rows import Columns, Row, read_rows
from kiosk.register.imports.dates import DateForm, date_form
from kiosk.register.imports.outcome import Outcome, Remark, outcome
from kiosk.register.imports.overlap import overlaps
from kiosk.register.imports.records import ClassRow, MembershipRow, PersonRow, Roster

COLUMNS: Final[Columns] = {
    "id": ("subject_id", "student_id", "matrícula", "clave", "número de control", "no. control"),
    "name": ("full name", "student", "nombre", "nombre completo", "alumno", "estudiante"),
    "class": ("group", "section", "grupo", "clase", "sección"),
    "sis_id": ("idnumber", "sis user id", "id sis", "curp"),
    "email": ("e-mail", "mail", "correo", "correo electrónico"),
    "begin": ("start", "from", "inicio", "alta", "desde"),
    "end": ("until", "to", "fin", "baja", "hasta"),
}
REQUIRED: Final = ("id", "name", "class")


def read_roster(data: bytes, file: str) -> Outcome[Roster]:
    """Read a roster.

    Args:
        data: The content of the file.
        file: Its name, for remarks.
    """
    found = read_rows(data, file, COLUMNS, REQUIRED)
    if found.problems and not found.rows:
        return Outcome(None, found.problems, found.notes)
    form = date_form(row[column] for row in found.rows for column in ("begin", "end"))
    problems = [*found.problems, *_bad_cells(found.rows), *_contradictions(found.rows)]
    memberships: list[MembershipRow] = []
    for row in found.rows:
        begin = _day(row, "begin", form, problems)
        last = _day(row, "end", form, problems)
        if begin is not None and last is not None and last < begin:
            problems.append(row.remark("end", "before begin"))
        memberships.append(MembershipRow(row["id"], row["class"], begin, last))
    problems += overlaps(zip(found.rows, memberships, strict=True))
    people = {row["id"]: _person(row) for row in found.rows}
    classes = {row["class"]: ClassRow(row["class"], row["class"]) for row in found.rows}
    places = {row["id"]: (row.file, row.line) for row in reversed(found.rows)}
    roster = Roster(
        tuple(people.values()), tuple(classes.values()), tuple(memberships), places=places
    )
    return outcome(roster, problems, found.notes)


def is_id(text: str) -> bool:
    """Return whether kiosks can use a text as a subject id."""
    try:
        msgspec.convert(text, Name)
    except msgspec.ValidationError:
        return False
    return True


def _person(row: Row) -> PersonRow:
    return PersonRow(row["id"], row["name"], "student", row["sis_id"], row["email"])


def _bad_cells(rows: Iterable[Row]) -> Iterator[Remark]:
    for row in rows:
        for column in REQUIRED:
            if not row[column]:
                yield row.remark(column, "empty")
        if row["id"] and not is_id(row["id"]):
            yield row.remark("id", NAME_FORM)
        if text := address_problem(row["class"]):
            yield row.remark("class", text)


def _contradictions(rows: Iterable[Row]) -> Iterator[Remark]:
    """Find rows that say something else of a student than the first one."""
    first: dict[str, Row] = {}
    for row in rows:
        before = first.setdefault(row["id"], row)
        for column in ("name", "sis_id", "email"):
            if row["id"] and row[column] != before[column]:
                yield row.remark(column, f"line {before.line} has another one for the same id")


def _day(row: Row, column: str, form: DateForm, problems: list[Remark]) -> date | None:
    if not row[column]:
        return None
    day = form.parse(row[column])
    if isinstance(day, date):
        return day
    problems.append(row.remark(column, day))
    return None
