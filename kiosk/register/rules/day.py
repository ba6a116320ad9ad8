"""What the marks of the lessons say of a day, of a half-day, and of a term."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from fractions import Fraction

from kiosk.register.rules.codes import CODES, Code, CodeFacts

Codes = Mapping[Code, CodeFacts]
"""What each code counts as."""


@dataclass(frozen=True, slots=True)
class LessonCode:
    """The code of a student in a lesson.

    Attributes:
        starts_at: Start of the lesson in the site's time zone.
        code: The code that stands, a correction included.
    """

    starts_at: datetime
    code: Code


@dataclass(frozen=True, slots=True, kw_only=True)
class DayMark:
    """A student's day.

    Attributes:
        code: The day as one code; ``None`` for a day without lessons.
        morning: The half-day before noon; ``None`` without lessons.
        afternoon: The half-day after.
    """

    code: Code | None
    morning: Code | None
    afternoon: Code | None

    def half_days_absent(self, table: Codes = CODES) -> int:
        """Return how many half-days count as absent, 0 to 2."""
        halves = (self.morning, self.afternoon)
        return sum(table[one].counts_absent for one in halves if one is not None)


@dataclass(frozen=True, slots=True)
class Rate:
    """An attendance rate as the two numbers that it is made of.

    Attributes:
        attended: Lessons (or days) that count as present.
        counted: Those that count toward the rate.
    """

    attended: int
    counted: int

    @property
    def value(self) -> Fraction | None:
        """The rate, 0 to 1; ``None`` if nothing counts."""
        return Fraction(self.attended, self.counted) if self.counted else None


@dataclass(frozen=True, slots=True)
class Run:
    """Absences in a row.

    Attributes:
        days: How many days.
        since: The first of them; ``None`` if there is none.
    """

    days: int
    since: date | None


def roll_up(lessons: Iterable[LessonCode], noon: time, table: Codes = CODES) -> DayMark:
    """Return a student's day from the lessons that took place.

    Args:
        lessons: The lessons of one date; a lesson is of the half-day that it begins in.
        noon: When the afternoon begins.
        table: What each code counts as.
    """
    order = sorted(lessons, key=lambda one: one.starts_at)
    codes = [one.code for one in order]
    return DayMark(
        code=combine(codes, table),
        morning=combine([one.code for one in order if one.starts_at.time() < noon], table),
        afternoon=combine([one.code for one in order if one.starts_at.time() >= noon], table),
    )


def combine(codes: Sequence[Code], table: Codes = CODES) -> Code | None:
    """Return the lessons of a student, in order, as one code; ``None`` without lessons.

    Not known while one lesson is not known. Absent when all are (excused when all are excused).
    Otherwise late when the first lesson was missed or came late to, left early when the last one
    was missed or left early; an excused lesson makes nobody late. Lessons from which the student is
    exempt do not count.
    """
    if not codes:
        return None
    counting: list[Code] = [one for one in codes if one is not Code.EXEMPT]
    if not counting:
        return Code.EXEMPT
    if Code.NOT_KNOWN in counting:
        return Code.NOT_KNOWN
    if len({*counting}) == 1:
        return counting[0]
    return Code.ABSENT if all(table[one].counts_absent for one in counting) else _mixed(counting)


def _mixed(codes: Sequence[Code]) -> Code:
    """Return the code of a day that was attended in part."""
    if codes[0] in {Code.LATE, Code.ABSENT}:
        return Code.LATE
    return Code.LEFT_EARLY if codes[-1] in {Code.LEFT_EARLY, Code.ABSENT} else Code.PRESENT


def rate(codes: Iterable[Code], table: Codes = CODES) -> Rate:
    """Return the attendance rate of lessons, or of days."""
    counted = [table[one] for one in codes if table[one].counts_toward_rate]
    return Rate(sum(one.counts_present for one in counted), len(counted))


def consecutive_absences(days: Iterable[tuple[date, Code]], table: Codes = CODES) -> Run:
    """Return the absences in a row up to the newest day.

    A day that is not known, or that counts as neither present nor absent, does not end the row and
    is not counted.

    Args:
        days: Date and code of each day with lessons, in any order.
        table: What each code counts as.
    """
    absent: list[date] = []
    for day, code in sorted(days, reverse=True):
        if table[code].counts_present:
            break
        if table[code].counts_absent:
            absent.append(day)
    return Run(len(absent), absent[-1] if absent else None)
