"""To which lesson an event belongs.

By the class session that the kiosk wrote, if the register knows it and the time fits; else by room
and time; else to none, and the reason is said. The answer for one event depends on no other event,
so it is the same in whatever order they arrive.

Where the end of a lesson overlaps the time before the next: the lesson that is running has the
event. Of several running ones it is the one that began last, of several to come the one that begins
first; then the smaller id. Who leaves through a door that counts both ways leaves the lesson that
is running, or else the one that ended last.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal, TypeAlias

from kiosk.register.rules.lesson import Lesson, Scan
from kiosk.register.rules.settings import RuleSettings


class Misfit(StrEnum):
    """Why an event belongs to no lesson."""

    NO_LESSON = "no lesson in this room at this time"
    CANCELLED = "the lesson was cancelled"
    MOVED = "the lesson was moved to another time or room"
    CLOCK = "the kiosk's clock was not synchronised, and its time is in no lesson"


@dataclass(frozen=True, slots=True)
class Placed:
    """An event belongs to a lesson.

    Attributes:
        lesson_id: The lesson.
        by: What said so.
    """

    lesson_id: str
    by: Literal["session", "time"]


@dataclass(frozen=True, slots=True)
class Unplaced:
    """An event belongs to no lesson."""

    reason: Misfit


Placement: TypeAlias = Placed | Unplaced


def place(scan: Scan, room: str, lessons: Iterable[Lesson], settings: RuleSettings) -> Placement:
    """Return the lesson of an event.

    Args:
        scan: The event.
        room: The room of its kiosk.
        lessons: The lessons around its time in which the student is expected (for a visitor: all),
            of one site; those that were cancelled or moved elsewhere included, to name the reason.
        settings: The rules.
    """
    lessons = list(lessons)
    fitting = [
        one
        for one in lessons
        if one.room == room and not one.is_cancelled and in_window(scan, one, settings)
    ]
    named = [one for one in fitting if scan.session and one.session == scan.session]
    if named:
        return Placed(_first(scan, named).lesson_id, "session")
    if fitting:
        return Placed(_first(scan, fitting).lesson_id, "time")
    return Unplaced(_misfit(scan, room, lessons, settings))


def in_window(scan: Scan, lesson: Lesson, settings: RuleSettings) -> bool:
    """Return whether an event may be somebody's coming to a lesson, or leaving it."""
    settings = lesson.rules(settings)
    if is_exit(scan, settings):
        return lesson.starts_at <= scan.scanned_at < lesson.ends_at + settings.window_after
    return lesson.starts_at - settings.window_before <= scan.scanned_at < lesson.ends_at


def is_exit(scan: Scan, settings: RuleSettings) -> bool:
    """Return whether the event is somebody's leaving, at doors that count both ways."""
    return bool(settings.exit_direction) and scan.direction == settings.exit_direction


def _first(scan: Scan, lessons: list[Lesson]) -> Lesson:
    return min(lessons, key=lambda one: (*_distance(scan.scanned_at, one), one.lesson_id))


def _distance(moment: datetime, lesson: Lesson) -> tuple[int, float]:
    """Order: running (the newest first), then the nearest to begin, or to have ended."""
    if moment < lesson.starts_at:
        return 1, (lesson.starts_at - moment).total_seconds()
    if moment >= lesson.ends_at:
        return 1, (moment - lesson.ends_at).total_seconds()
    return 0, (moment - lesson.starts_at).total_seconds()


def _misfit(scan: Scan, room: str, lessons: list[Lesson], settings: RuleSettings) -> Misfit:
    if not scan.clock_is_synchronised:
        return Misfit.CLOCK
    named = [one for one in lessons if scan.session and one.session == scan.session]
    then = [one for one in lessons if one.room == room and in_window(scan, one, settings)]
    if any(one.is_cancelled for one in [*named, *then]):
        return Misfit.CANCELLED
    return Misfit.MOVED if named else Misfit.NO_LESSON
