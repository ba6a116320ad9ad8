"""The marks as a table for people, and a sum for each student."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Final, TypeAlias

from kiosk.register.alphabet import sort_key
from kiosk.register.exports.records import ChangeLine, Line, Stamp, in_order
from kiosk.register.rules.codes import CODES, Code, CodeFacts
from kiosk.register.rules.day import rate

Value: TypeAlias = str | int | float | date | datetime | None

COLUMNS: Final = (
    *("date", "start", "end", "class", "lesson", "room", "student_id", "sis_id", "name"),
    *("status", "minutes_late", "arrived", "clock", "rule", "derived", "corrected_by"),
    *("corrected_at", "reason", "points", "lesson_id", "class_id", "merged_ids", "audit_position"),
)
SUM_COLUMNS: Final = (
    *("class", "student_id", "sis_id", "name", "lessons", *(code.value for code in Code)),
    *("rate_percent", "points", "class_id", "merged_ids", "audit_position"),
)
CHANGE_COLUMNS: Final = (
    *("position", "at", "date", "class", "lesson", "student_id", "name", "before", "after"),
    *("changed_by", "rule", "reason", "undoes", "lesson_id", "class_id", "audit_position"),
)
_CLOCKS: Final = {True: "synchronised", False: "unsynchronised", None: ""}


@dataclass(frozen=True, slots=True)
class Table:
    """Rows with their header."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[Value]]


def marks_table(lines: Iterable[Line], stamp: Stamp) -> Table:
    """Return a row for each student and lesson."""
    return Table("marks", COLUMNS, [_row(one, stamp) for one in in_order(lines)])


def sums_table(
    lines: Iterable[Line], stamp: Stamp, table: Mapping[Code, CodeFacts] = CODES
) -> Table:
    """Return a row for each student of each class: how often each code, and the rate."""
    groups: dict[tuple[str, str, str, str], list[Line]] = {}
    for one in in_order(lines):
        key = (sort_key(one.class_title), one.class_id, sort_key(one.name), one.student_id)
        groups.setdefault(key, []).append(one)
    rows = [_sum(groups[key], stamp, table) for key in sorted(groups)]
    return Table("students", SUM_COLUMNS, rows)


def changes_table(changes: Iterable[ChangeLine], stamp: Stamp) -> Table:
    """Return a row for each change: who changed what, and why; the oldest first."""
    order = sorted(changes, key=lambda one: one.position)
    return Table("changes", CHANGE_COLUMNS, [_change(one, stamp) for one in order])


def _change(one: ChangeLine, stamp: Stamp) -> list[Value]:
    line = one.line
    return [
        *(one.position, one.at, line.date, line.class_title, line.lesson_title),
        *(line.student_id, line.name, one.before.value, one.after.value, one.changed_by),
        *(one.rule, one.reason, one.undoes, line.lesson_id, line.class_id, stamp.position),
    ]


def _row(line: Line, stamp: Stamp) -> list[Value]:
    return [
        *(line.date, f"{line.starts_at:%H:%M}", f"{line.ends_at:%H:%M}", line.class_title),
        *(line.lesson_title, line.room, line.student_id, line.sis_id, line.name),
        *(line.code.value, line.minutes_late),
        f"{line.arrived_at:%H:%M:%S}" if line.arrived_at is not None else "",
        *(_CLOCKS[line.is_clock_trusted], line.rule, line.derived.value, line.corrected_by),
        *(line.corrected_at, line.reason, line.points, line.lesson_id, line.class_id),
        *(" ".join(line.merged_ids), stamp.position),
    ]


def _sum(lines: Sequence[Line], stamp: Stamp, table: Mapping[Code, CodeFacts]) -> list[Value]:
    first = lines[0]
    codes = [one.code for one in lines]
    return [
        *(first.class_title, first.student_id, first.sis_id, first.name, len(lines)),
        *(codes.count(code) for code in Code),
        percent(rate(codes, table).value),
        *(sum(one.points for one in lines), first.class_id),
        *(" ".join(first.merged_ids), stamp.position),
    ]


def percent(share: Fraction | None) -> float | None:
    """Return a share as per cent with one decimal, halves rounded up; ``None`` stays so."""
    return None if share is None else int(share * 1000 + Fraction(1, 2)) / 10
