"""All marks of one student on one day: where the events go, and who stays for the next lesson."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType

from kiosk.register.rules.codes import Code
from kiosk.register.rules.lesson import Door, Lesson, Scan
from kiosk.register.rules.mark import Before, Mark, derive
from kiosk.register.rules.placement import Misfit, Placed, Placement, is_exit, place
from kiosk.register.rules.settings import RuleSettings


def derive_day(
    lessons: Iterable[Lesson],
    scans: Iterable[tuple[str, Scan]],
    doors: Mapping[str, Sequence[Door]],
    settings: RuleSettings,
    now: datetime,
    *,
    corrected: Mapping[str, Code] = MappingProxyType({}),
    elsewhere: Collection[str] = (),
) -> dict[str, Mark]:
    """Return the marks of a student in the lessons of a day at one site, by lesson id.

    A lesson that does not take place has none.

    Args:
        lessons: The lessons in which the student is expected, cancelled ones included.
        scans: The student's events, each with the room of its kiosk.
        doors: The kiosks of each room.
        settings: The rules.
        now: The current time, aware.
        corrected: The codes that a person has set, by lesson id: they decide who stays in a room.
        elsewhere: The ids of the lessons at whose time the student is a guest of another one.
    """
    order = sorted(lessons, key=lambda one: (one.starts_at, one.ends_at, one.lesson_id))
    scans = list(scans)
    placements = {one.event_id: place(one, room, order, settings) for room, one in scans}
    marks: dict[str, Mark] = {}
    before: Before | None = None
    for lesson in order:
        own = [one for room, one in scans if _concerns(lesson, room, placements[one.event_id])]
        mark = derive(
            lesson,
            own,
            doors.get(lesson.room, ()),
            settings,
            now,
            before=before,
            is_elsewhere=lesson.lesson_id in elsewhere,
        )
        if mark is not None:
            marks[lesson.lesson_id] = mark
            code = corrected.get(lesson.lesson_id, mark.code)
            before = Before(lesson, code, has_left=_has_left(lesson, own, settings))
    return marks


def _concerns(lesson: Lesson, room: str, placement: Placement) -> bool:
    if isinstance(placement, Placed):
        return placement.lesson_id == lesson.lesson_id
    return placement.reason is Misfit.CLOCK and room == lesson.room


def _has_left(lesson: Lesson, scans: Sequence[Scan], settings: RuleSettings) -> bool:
    """Return whether the last that was seen is the student's leaving after the lesson began."""
    trusted = [one for one in scans if one.clock_is_synchronised]
    last = max(trusted, key=lambda one: (one.scanned_at, one.event_id), default=None)
    return (
        last is not None
        and is_exit(last, lesson.rules(settings))
        and last.scanned_at >= lesson.starts_at
    )
