"""A roster as OneRoster CSV 1.2 or 1.2.1: a zip with a manifest and one CSV for each table.

Only whole rosters (bulk) are read. A membership is that of the enrolment, or without dates that of
the class's terms. ``endDate`` of both is exclusive in the standard: the last day is the one before.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Final, get_args

from kiosk.config.timetable import NAME_FORM
from kiosk.register.imports.addresses import address_problem
from kiosk.register.imports.csv_rows import Row, read_rows
from kiosk.register.imports.dates import DateForm
from kiosk.register.imports.oneroster_tables import NEEDED, TABLES, parts, row_problems
from kiosk.register.imports.outcome import Outcome, Remark, outcome
from kiosk.register.imports.overlap import overlaps
from kiosk.register.imports.records import (
    ClassRow,
    MembershipRow,
    PersonRow,
    Role,
    Roster,
    TermRow,
)
from kiosk.register.imports.roster_csv import is_id
from kiosk.register.imports.zip_files import read_zip

_ISO_ONLY: Final = DateForm("unclear")
_VERSIONS: Final = ("1.2", "1.2.1")

Tables = Mapping[str, Sequence[Row]]


def read_oneroster(data: bytes, file: str) -> Outcome[Roster]:
    """Read a roster.

    Args:
        data: The content of the zip.
        file: Its name, for remarks.
    """
    files = read_zip(data, file)
    if isinstance(files, Remark):
        return Outcome(None, (files,))
    present, problems = _manifest(files, file)
    notes: list[Remark] = []
    tables: dict[str, Sequence[Row]] = {}
    for name in present:
        table = TABLES[name]
        columns = dict.fromkeys((*table.required, *table.optional), ())
        found = read_rows(files[f"{name}.csv"], f"{name}.csv", columns, table.required)
        problems += found.problems
        notes += [one for one in found.notes if not one.column.startswith("metadata.")]
        tables[name] = _without_deleted(found.rows, notes)
    if problems:
        return Outcome(None, tuple(sorted(set(problems))), tuple(notes))
    problems += row_problems(tables)
    return outcome(_roster(tables, problems, notes), problems, notes)


def _manifest(files: Mapping[str, bytes], file: str) -> tuple[list[str], list[Remark]]:
    """Return which of the tables are there, and what is wrong with the manifest."""
    name = "manifest.csv"
    if name not in files:
        inside = any(one.endswith(f"/{name}") for one in files)
        where = "; it lies in a folder: zip the files, not the folder" if inside else ""
        return [], [Remark(file, 0, "", f"no {name} at the root of the zip{where}")]
    try:
        lines = [*csv.reader(io.StringIO(files[name].decode("utf-8-sig"), newline=""))]
    except (UnicodeDecodeError, csv.Error):
        return [], [Remark(name, 0, "", "not CSV in UTF-8")]
    said = {row[0].strip(): row[1].strip() for row in lines if len(row) > 1}
    problems = []
    if said.get("oneroster.version") not in _VERSIONS:
        text = f"expected {' or '.join(_VERSIONS)}"
        version = said.get("oneroster.version", "")
        problems.append(Remark(name, 0, "oneroster.version", text, version))
    present = []
    for table in TABLES:
        mode = said.get(f"file.{table}", "absent")
        if mode == "delta":
            text = "only changes (delta); export the whole roster (bulk)"
            problems.append(Remark(name, 0, f"file.{table}", text))
        elif mode == "bulk" and f"{table}.csv" not in files:
            problems.append(Remark(name, 0, f"file.{table}", f"{table}.csv is not in the zip"))
        elif mode == "bulk":
            present.append(table)
        elif table in NEEDED:
            problems.append(Remark(name, 0, f"file.{table}", "needed; expected bulk", mode))
    return present, problems


def _without_deleted(rows: Sequence[Row], notes: list[Remark]) -> list[Row]:
    """Leave out rows that are to be deleted: a whole roster deletes by not having them."""
    deleted = [row for row in rows if row["status"] == "tobedeleted"]
    notes += [row.remark("status", "to be deleted; left out") for row in deleted]
    return [row for row in rows if row["status"] != "tobedeleted"]


def _roster(tables: Tables, problems: list[Remark], notes: list[Remark]) -> Roster:
    enabled = {row["sourcedId"]: row for row in tables["users"] if row["enabledUser"] != "false"}
    roles = {row["userSourcedId"]: _role(row) for row in tables.get("roles", ())}
    terms = _terms(tables, problems)
    read: list[tuple[Row, MembershipRow]] = []
    for row in tables["enrollments"]:
        role = _role(row)
        if role is None:
            notes.append(row.remark("role", "neither student nor teacher; left out"))
        elif row["userSourcedId"] not in enabled:
            notes.append(row.remark("userSourcedId", "not an enabled user; left out"))
        else:
            roles[row["userSourcedId"]] = role
            read.append((row, _membership(row, terms, problems)))
    problems += overlaps(read)
    people = [
        _person(row, role) for one, row in enabled.items() if (role := roles.get(one)) is not None
    ]
    problems += [
        enabled[one.person_id].remark("sourcedId", NAME_FORM)
        for one in people
        if one.role == "student" and not is_id(one.person_id)
    ]
    problems += [
        row.remark("sourcedId", text)
        for row in tables["classes"]
        if (text := address_problem(row["sourcedId"]))
    ]
    codes = {row["sourcedId"]: row["courseCode"] for row in tables.get("courses", ())}
    classes = tuple(
        ClassRow(row["sourcedId"], row["title"], codes.get(row["courseSourcedId"], ""))
        for row in tables["classes"]
    )
    memberships = tuple(one for _, one in read)
    places = {one: (row.file, row.line) for one, row in enabled.items()}
    return Roster(tuple(people), classes, memberships, _named_terms(tables, notes), places)


def _named_terms(tables: Tables, notes: list[Remark]) -> tuple[TermRow, ...]:
    """Return the terms by title; two schools may have the same ones."""
    found: dict[str, TermRow] = {}
    for row in tables.get("academicSessions", ()):
        begin, end = _day(row, "startDate", []), _last_day(row, [])
        if begin is None or end is None:
            continue
        term = TermRow(row["title"], begin, end)
        if found.setdefault(term.title, term) != term:
            notes.append(row.remark("title", "another term has this title; left out"))
    return tuple(found.values())


def _role(row: Row) -> Role | None:
    role: Role
    for role in get_args(Role):
        if row["role"] == role:
            return role
    return None


def _person(row: Row, role: Role) -> PersonRow:
    given = row["preferredGivenName"] or row["givenName"]
    family = row["preferredFamilyName"] or row["familyName"]
    sis_id = "" if row["identifier"] == row["sourcedId"] else row["identifier"]
    return PersonRow(row["sourcedId"], f"{given} {family}".strip(), role, sis_id, row["email"])


def _membership(
    row: Row, terms: Mapping[str, tuple[date | None, date | None]], problems: list[Remark]
) -> MembershipRow:
    first, last = terms.get(row["classSourcedId"], (None, None))
    begin = _day(row, "beginDate", problems) or first
    end = _last_day(row, problems) or last
    if begin is not None and end is not None and end < begin:
        problems.append(row.remark("endDate", "not after the begin (of the class's terms)"))
    return MembershipRow(row["userSourcedId"], row["classSourcedId"], begin, end)


def _terms(tables: Tables, problems: list[Remark]) -> Mapping[str, tuple[date | None, date | None]]:
    """Return the first and the last day of the terms of each class."""
    days = {
        row["sourcedId"]: (_day(row, "startDate", problems), _last_day(row, problems))
        for row in tables.get("academicSessions", ())
    }
    found = {}
    for row in tables["classes"]:
        own = [days[term] for term in parts(row["termSourcedIds"]) if term in days]
        begins = [begin for begin, _ in own if begin is not None]
        ends = [end for _, end in own if end is not None]
        found[row["sourcedId"]] = (min(begins, default=None), max(ends, default=None))
    return found


def _last_day(row: Row, problems: list[Remark]) -> date | None:
    day_after = _day(row, "endDate", problems)
    return None if day_after is None else day_after - timedelta(days=1)


def _day(row: Row, column: str, problems: list[Remark]) -> date | None:
    if not row[column]:
        return None
    day = _ISO_ONLY.parse(row[column])
    if isinstance(day, date):
        return day
    problems.append(row.remark(column, "expected a date such as 2026-08-31"))
    return None
