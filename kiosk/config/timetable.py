"""The timetable: the lesson at a given time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Annotated, Final, Literal

from msgspec import Meta

from kiosk.config.file import Problem, Section

NAME_FORM: Final = (
    "at most 64 letters (A-Z, a-z), digits, '.', '_' and '-', the first a letter or digit"
)
Name = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z",
        description=NAME_FORM,
    ),
]
"""Valid as one level of an MQTT topic: no slash, no wildcard, no space."""
TimeOfDay = Annotated[
    str,
    Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d\Z", description='hours and minutes, such as "08:45"'),
]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
NO_LESSON = "day"
"""Name of the class session outside of all lessons."""


@dataclass(frozen=True, slots=True)
class ClassSession:
    """A lesson on one day, or the time between the lessons of that day.

    As a string, ``2026-11-24/maths-7b``, it stands in events.

    Attributes:
        date: The day in the kiosk's time zone.
        name: The lesson, or :data:`NO_LESSON`.
        is_named_by_register: The name is that of a lesson in the register's timetable, and stands
            in events alone.
    """

    date: date
    name: str
    is_named_by_register: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        """Return date and name, separated by a slash, or the register's name."""
        return self.name if self.is_named_by_register else f"{self.date.isoformat()}/{self.name}"


class LessonSection(Section, frozen=True, kw_only=True):
    """One lesson of the timetable, in the kiosk's time zone."""

    name: Name
    days: Annotated[tuple[Weekday, ...], Meta(min_length=1)]
    start: TimeOfDay
    end: TimeOfDay

    def covers(self, local: datetime) -> bool:
        """Return whether a local time falls into this lesson."""
        on_day = WEEKDAYS[local.weekday()] in self.days
        return on_day and self.starts_at <= local.time() < self.ends_at

    @property
    def starts_at(self) -> time:
        """The start as a time of day; included in the lesson."""
        return time.fromisoformat(self.start)

    @property
    def ends_at(self) -> time:
        """The end as a time of day; not included in the lesson."""
        return time.fromisoformat(self.end)

    def problems(self) -> Iterator[Problem]:
        """Check that the lesson ends after it starts, and that its name is not reserved."""
        if self.ends_at <= self.starts_at:
            yield "end", "expected later than start"
        if self.name == NO_LESSON:
            yield "name", f"{NO_LESSON!r} is the time between lessons; choose another name"


def timetable_problems(lessons: Sequence[LessonSection]) -> Iterator[Problem]:
    """Check that no two lessons overlap, and that no two of one day have the same name.

    A person is recorded once per name and day: a second lesson of that name would record nobody.
    """
    for i, one in enumerate(lessons):
        for other in lessons[:i]:
            if not set(one.days) & set(other.days):
                continue
            if one.starts_at < other.ends_at and other.starts_at < one.ends_at:
                yield f"lesson[{i}]", f"{one.name!r} overlaps {other.name!r}"
            if one.name == other.name:
                problem = f"{one.name!r} is there twice on a day"
                yield f"lesson[{i}].name", f"{problem}; give each lesson a name of its own"
