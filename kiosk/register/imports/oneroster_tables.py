"""The tables of OneRoster CSV 1.2 that the register reads, and their foreign keys.

Columns after the CSV Binding 1.2.1 of 1EdTech. Not listed, so never read: ``password``.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from kiosk.register.imports.csv_rows import Row
from kiosk.register.imports.outcome import Remark


@dataclass(frozen=True, slots=True)
class Table:
    """One file.

    Attributes:
        required: Columns that no row leaves empty.
        optional: Columns that are read besides.
        keys: The table that a column refers to.
    """

    required: tuple[str, ...]
    optional: tuple[str, ...]
    keys: Mapping[str, str]


TABLES: Final[Mapping[str, Table]] = {
    "orgs": Table(
        ("sourcedId", "name", "type"),
        ("status", "dateLastModified", "identifier", "parentSourcedId"),
        {"parentSourcedId": "orgs"},
    ),
    "academicSessions": Table(
        ("sourcedId", "title", "type", "startDate", "endDate", "schoolYear"),
        ("status", "dateLastModified", "parentSourcedId"),
        {"parentSourcedId": "academicSessions"},
    ),
    "courses": Table(
        ("sourcedId", "title", "orgSourcedId"),
        (
            *("status", "dateLastModified", "schoolYearSourcedId", "courseCode", "grades"),
            *("subjects", "subjectCodes"),
        ),
        {"orgSourcedId": "orgs", "schoolYearSourcedId": "academicSessions"},
    ),
    "classes": Table(
        (
            *("sourcedId", "title", "courseSourcedId", "classType", "schoolSourcedId"),
            "termSourcedIds",
        ),
        (
            *("status", "dateLastModified", "grades", "classCode", "location", "subjects"),
            *("subjectCodes", "periods"),
        ),
        {
            "courseSourcedId": "courses",
            "schoolSourcedId": "orgs",
            "termSourcedIds": "academicSessions",
        },
    ),
    "users": Table(
        ("sourcedId", "enabledUser", "username", "givenName", "familyName"),
        (
            *("status", "dateLastModified", "userIds", "middleName", "identifier", "email", "sms"),
            *("phone", "agentSourcedIds", "grades", "userMasterIdentifier", "preferredGivenName"),
            *("preferredMiddleName", "preferredFamilyName", "primaryOrgSourcedId", "pronouns"),
        ),
        {"primaryOrgSourcedId": "orgs"},
    ),
    "roles": Table(
        ("sourcedId", "userSourcedId", "roleType", "role", "orgSourcedId"),
        ("status", "dateLastModified", "beginDate", "endDate", "userProfileSourcedId"),
        {"userSourcedId": "users", "orgSourcedId": "orgs"},
    ),
    "enrollments": Table(
        ("sourcedId", "classSourcedId", "schoolSourcedId", "userSourcedId", "role"),
        ("status", "dateLastModified", "primary", "beginDate", "endDate"),
        {"classSourcedId": "classes", "schoolSourcedId": "orgs", "userSourcedId": "users"},
    ),
}
NEEDED: Final = ("users", "classes", "enrollments")
"""Without these there is no roster."""


def parts(value: str) -> tuple[str, ...]:
    """Return the values of a cell that holds several, with commas between."""
    return tuple(part.strip() for part in value.split(",") if part.strip())


def row_problems(tables: Mapping[str, Sequence[Row]]) -> Iterator[Remark]:
    """Find empty cells, ids that are there twice, and references to rows that do not exist.

    Args:
        tables: The rows by table; a reference to a table that is absent is not checked.
    """
    ids = {name: {row["sourcedId"] for row in rows} for name, rows in tables.items()}
    for name, rows in tables.items():
        table = TABLES[name]
        seen: dict[str, int] = {}
        for row in rows:
            for column in table.required:
                if not row[column]:
                    yield row.remark(column, "empty")
            first = seen.setdefault(row["sourcedId"], row.line)
            if row["sourcedId"] and first != row.line:
                yield row.remark("sourcedId", f"the same as on line {first}")
            for column, other in table.keys.items():
                known = ids.get(other)
                if known is not None and not known.issuperset(parts(row[column])):
                    yield row.remark(column, f"{other}.csv has no such sourcedId")
