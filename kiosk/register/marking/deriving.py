"""From facts to marks and places; pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from kiosk.register.marking.events import Seen, was_adrift
from kiosk.register.marking.facts import ARRIVAL, Facts, MarkKey
from kiosk.register.models.placing import CLOCK, PLACED
from kiosk.register.rules.codes import Code
from kiosk.register.rules.lesson import Lesson
from kiosk.register.rules.mark import Mark
from kiosk.register.rules.placement import Misfit, Placed, in_window, place
from kiosk.register.rules.settings import RuleSettings
from kiosk.register.rules.student import derive_day

_REASONS: Final[Mapping[Misfit, str]] = {
    Misfit.NO_LESSON: "no lesson",
    Misfit.CANCELLED: "lesson cancelled",
    Misfit.MOVED: "lesson moved",
    Misfit.CLOCK: CLOCK,
}
NOT_IN_CLASS: Final = "not in the class"
REASONS: Final = (*_REASONS.values(), NOT_IN_CLASS)
"""The values of ``Event.placing`` that say why an event belongs to no lesson."""


@dataclass(frozen=True, slots=True)
class Point:
    """A participation event of a lesson."""

    lesson_id: str
    subject_id: str
    event: Seen


@dataclass(frozen=True, slots=True)
class Derived:
    """What follows from the facts.

    Attributes:
        marks: What each mark must say.
        placings: The value of ``Event.placing`` of each event, by primary key.
        points: Points for participation.
        participations: Primary keys of participation events: they may have points elsewhere, if
            they were placed before.
    """

    marks: Mapping[MarkKey, Mark] = field(default_factory=dict)
    placings: Mapping[int, str] = field(default_factory=dict)
    points: tuple[Point, ...] = ()
    participations: frozenset[int] = frozenset()


def derive_events(
    new: Iterable[Seen], facts: Facts, settings: RuleSettings, now: datetime
) -> Derived:
    """Return the marks that new events may change, and where each event belongs."""
    marks: dict[MarkKey, Mark] = {}
    placings: dict[int, str] = {}
    points: list[Point] = []
    new = list(new)
    participations = frozenset(one.key for one in new if one.type == "participation")
    of_student: dict[tuple[str, str], list[Seen]] = {}
    for one in new:
        of_student.setdefault((one.site, one.subject_id), []).append(one)
    for (site, subject_id), events in of_student.items():
        lessons = _lessons_of(subject_id, site, facts)
        days = {
            one.date for one in lessons for event in events if _may_concern(one, event, settings)
        }
        if any(one.type == "attendance" for one in events):
            theirs = [one for one in lessons if one.date in days]
            marks |= derive_student(subject_id, theirs, facts, settings, now)
        for event in events:
            placement = place(event.scan, event.room, lessons, settings)
            if not isinstance(placement, Placed):
                placings[event.key] = _reason(event, placement.reason, facts, settings)
                continue
            placings[event.key] = PLACED
            if event.type == "participation":
                points.append(Point(placement.lesson_id, subject_id, event))
    return Derived(marks, placings, tuple(points), participations)


def derive_student(
    subject_id: str, lessons: Iterable[Lesson], facts: Facts, settings: RuleSettings, now: datetime
) -> dict[MarkKey, Mark]:
    """Return the marks of a student in lessons of one site, day by day."""
    lessons = list(lessons)
    marks: dict[MarkKey, Mark] = {}
    for day in sorted({one.date for one in lessons}):
        theirs = [one for one in lessons if one.date == day]
        site = theirs[0].site
        derived = derive_day(
            theirs,
            [(one.room, one.scan) for one in facts.seen.get(subject_id, ()) if one.site == site],
            {one.room: facts.doors.get((site, one.room), ()) for one in theirs},
            settings,
            now,
            corrected=_corrected(subject_id, theirs, facts),
            elsewhere=_elsewhere(subject_id, theirs, facts),
        )
        marks |= {(lesson_id, subject_id): mark for lesson_id, mark in derived.items()}
    return marks


def derive_class(
    lesson_ids: Iterable[str], facts: Facts, settings: RuleSettings, now: datetime
) -> dict[MarkKey, Mark]:
    """Return the marks of everybody who is expected in lessons, on the days of these."""
    wanted = set(lesson_ids)
    marks: dict[MarkKey, Mark] = {}
    for subject_id, ids in facts.expected.items():
        places = {(facts.lessons[one].site, facts.lessons[one].date) for one in wanted & set(ids)}
        for site, day in places:
            theirs = [one for one in _lessons_of(subject_id, site, facts) if one.date == day]
            marks |= derive_student(subject_id, theirs, facts, settings, now)
    return marks


def _lessons_of(subject_id: str, site: str, facts: Facts) -> list[Lesson]:
    lessons = [facts.lessons[one] for one in facts.expected.get(subject_id, ())]
    return [one for one in lessons if one.site == site]


def _corrected(subject_id: str, lessons: Iterable[Lesson], facts: Facts) -> dict[str, Code]:
    marks = {one.lesson_id: facts.marks.get((one.lesson_id, subject_id)) for one in lessons}
    return {key: Code(one.status) for key, one in marks.items() if one and one.is_corrected}


def _elsewhere(subject_id: str, lessons: Iterable[Lesson], facts: Facts) -> set[str]:
    """Return those of a student's lessons at whose time the student is a guest of another one."""
    visited = [facts.lessons[one] for one in facts.guest_in.get(subject_id, ())]
    own = [one for one in lessons if one not in visited]
    return {one.lesson_id for one in own if any(one.overlaps(other) for other in visited)}


def _may_concern(lesson: Lesson, event: Seen, settings: RuleSettings) -> bool:
    """Return whether an event may change the mark of a lesson, or of one after it."""
    scan, settings = event.scan, lesson.rules(settings)
    begin = lesson.starts_at - settings.window_before
    end = lesson.ends_at + settings.window_after
    if begin <= scan.scanned_at < end:
        return True
    if event.first_at is not None and begin <= event.first_at < end:  # where it was until now
        return True
    is_then = begin <= scan.arrived_at < lesson.ends_at + ARRIVAL
    return was_adrift(event) and lesson.room == event.room and is_then


def _reason(event: Seen, misfit: Misfit, facts: Facts, settings: RuleSettings) -> str:
    """Return why an event belongs to no lesson; others may have one there and then."""
    if misfit is Misfit.NO_LESSON and any(
        (one.site, one.room) == (event.site, event.room)
        and not one.is_cancelled
        and in_window(event.scan, one, settings)
        for one in facts.lessons.values()
    ):
        return NOT_IN_CLASS
    return _REASONS[misfit]
