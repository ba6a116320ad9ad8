"""What is exported: one line for each student and lesson, and where the file stands in time."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from kiosk.register.alphabet import sort_key
from kiosk.register.rules.codes import Code


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A student in a lesson.

    Attributes:
        class_id: The class.
        class_title: How it is called.
        lesson_id: The lesson.
        lesson_title: How it is called.
        date: Its date.
        starts_at: Its start, aware, in the site's time zone.
        ends_at: Its end, likewise.
        room: Its room.
        student_id: The student.
        sis_id: The student's id in other systems; empty if it is ``student_id``.
        name: The student's name.
        code: The code that counts.
        derived: The code that the rules gave.
        rule: The rule that gave it; empty without one.
        minutes_late: ``None`` if not known.
        arrived_at: Time of the deciding event, aware, in the site's time zone, if its clock can be
            relied on; otherwise ``None``.
        is_clock_trusted: Whether the deciding event's clock can be relied on; ``None`` without one.
        corrected_by: Who set the code; empty if the rules did.
        corrected_at: When, aware.
        reason: Why, in the words of the person who set it.
        points: Points for participation.
        merged_ids: Ids of temporary students who turned out to be this one; events still name them.
    """

    class_id: str
    class_title: str
    lesson_id: str
    lesson_title: str
    date: date
    starts_at: datetime
    ends_at: datetime
    room: str
    student_id: str
    sis_id: str = ""
    name: str
    code: Code
    derived: Code = Code.NOT_KNOWN
    rule: str = ""
    minutes_late: int | None = None
    arrived_at: datetime | None = None
    is_clock_trusted: bool | None = None
    corrected_by: str = ""
    corrected_at: datetime | None = None
    reason: str = ""
    points: int = 0
    merged_ids: tuple[str, ...] = ()

    @property
    def other_id(self) -> str:
        """The id by which other systems know the student."""
        return self.sis_id or self.student_id


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeLine:
    """A change of a mark: who did it, and why.

    Attributes:
        position: Its place in the audit trail.
        at: When, aware, in the site's time zone.
        line: The student in the lesson.
        before: The code before.
        after: The code after; the same where another event decided it.
        changed_by: Who; empty for a rule.
        rule: The rule; empty for a person.
        reason: Why, in words.
        undoes: The position of the change that it takes back.
    """

    position: int
    at: datetime
    line: Line
    before: Code
    after: Code
    changed_by: str = ""
    rule: str = ""
    reason: str = ""
    undoes: int | None = None


@dataclass(frozen=True, slots=True)
class Stamp:
    """Where a file stands: which marks it has.

    Attributes:
        register_id: Identity of the register's database.
        position: The position, such as "1234-56-20261125T090012Z": all changes up to it are in the
            file, and none after it.
        scope: What was chosen, such as "10B 2026-11-25".
    """

    register_id: str
    position: str
    scope: str

    def file_name(self, kind: str, ending: str) -> str:
        """Return a name such as ``marks-10B-2026-11-25-p1234-56-20261125T090012Z.csv``.

        It has letters, digits, "-", "_" and dots.
        """
        scope = re.sub(r"[^\w.]+", "-", self.scope).strip("-.")
        return f"{kind}-{scope}-p{self.position}.{ending}"


class Why(StrEnum):
    """Why another system cannot take a line."""

    NO_ACRONYM = "the status has no acronym in Moodle"
    SAME_ID = "another student has the same id"
    FORMULA = "an id that a spreadsheet would run"
    NOTHING_COUNTS = "no lesson that counts toward the rate"
    NO_CATEGORY = "the status has no category in Ed-Fi"
    LONG_ID = "the id is longer than 32 characters"
    TWICE = "Ed-Fi takes a category once for a section and day"
    NO_SCHOOL = "the school has no number of Ed-Fi (exports.ed_fi_school_id)"
    NO_COURSE = "the class has no course code"
    NO_TERM = "the day is in no term"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A line that another system cannot take, and why: shown beside the file."""

    line: Line
    reason: Why


@dataclass(frozen=True, slots=True)
class Handover:
    """A file for another system.

    Attributes:
        data: The content.
        left_out: What is not in it.
    """

    data: bytes
    left_out: tuple[LeftOut, ...]


def in_order(lines: Iterable[Line]) -> list[Line]:
    """Return lines in the order in which every export writes them, whatever order they come in."""
    return sorted(
        lines,
        key=lambda one: (
            *(
                one.date,
                one.starts_at,
                sort_key(one.class_title),
                one.lesson_id,
                sort_key(one.name),
            ),
            one.student_id,
        ),
    )
