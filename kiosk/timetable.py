"""The timetable: which lesson a moment falls into."""

from collections.abc import Sequence
from datetime import datetime, time
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from kiosk.errors import ConfigError

Name = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z",
        description="at most 64 letters, digits, '.', '_' and '-', the first a letter or digit",
    ),
]
"""Fit for one level of an MQTT topic: no slash, no wildcard, no space."""
TimeOfDay = Annotated[
    str,
    Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d\Z", description='hours and minutes, such as "08:45"'),
]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
NO_LESSON = "day"
"""Name of the class session outside of all lessons."""


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the file: frozen, and closed to keys it does not know."""


class SessionSection(Section, frozen=True, kw_only=True):
    """One lesson of the timetable, in the kiosk's time zone."""

    name: Name
    days: Annotated[tuple[Weekday, ...], Meta(min_length=1)]
    start: TimeOfDay
    end: TimeOfDay

    def covers(self, local: datetime) -> bool:
        """Whether a local time falls into this lesson."""
        on_day = WEEKDAYS[local.weekday()] in self.days
        return on_day and self.starts_at <= local.time() < self.ends_at

    @property
    def starts_at(self) -> time:
        """The start as a time of day."""
        return time.fromisoformat(self.start)

    @property
    def ends_at(self) -> time:
        """The end as a time of day (not part of the lesson)."""
        return time.fromisoformat(self.end)


def check_timetable(sessions: Sequence[SessionSection], source: str) -> None:
    """Make sure that a moment has one lesson, and a day no two of the same name.

    A person is recorded once for each name and day: a second lesson of that name would record none.

    Raises:
        ConfigError: It is not so; ``source`` names the file.
    """
    for i, one in enumerate(sessions):
        if one.name == NO_LESSON:
            message = f"{source}: session[{i}].name: {NO_LESSON!r} is the time between lessons"
            raise ConfigError(f"{message}; choose another name")
        for other in sessions[:i]:
            if not set(one.days) & set(other.days):
                continue
            if one.starts_at < other.ends_at and other.starts_at < one.ends_at:
                message = f"{source}: session[{i}]: {one.name!r} overlaps {other.name!r}"
                raise ConfigError(message)
            if one.name == other.name:
                message = f"{source}: session[{i}].name: {one.name!r} is there twice on a day"
                raise ConfigError(f"{message}; give each lesson a name of its own")
