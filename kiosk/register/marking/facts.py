"""Read what the rules need: events, lessons, who is in which class, marks."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, TypeAlias

from django.db.models import Q

from kiosk.register import models
from kiosk.register.marking.doors import Place
from kiosk.register.marking.events import Seen, read_events
from kiosk.register.marking.rule_sets import kept_rules
from kiosk.register.models.placing import CLOCK, NEW
from kiosk.register.rules.lesson import Door, Lesson, Membership
from kiosk.register.rules.settings import RuleSettings

ARRIVAL: Final = timedelta(days=1)
"""How long after a lesson an event whose time is not known may arrive and still be of it."""

HALF_DAY: Final = timedelta(hours=18)
"""All lessons of a day begin within this time of any moment of it; a school day is shorter."""
ONE_DAY: Final = timedelta(days=1)
_PAIRS: Final = 5_000
"""Marks that are read at once; each is two parameters."""
_LESSON: Final = (
    *("lesson_id", "site", "room", "date", "starts_at", "ends_at", "status"),
    "decided_by_id",
)

Span: TypeAlias = tuple[datetime, datetime]
DoorsOf: TypeAlias = Callable[[Collection[str]], Mapping[Place, tuple[Door, ...]]]
MarkKey: TypeAlias = tuple[str, str]
"""Lesson id and subject id."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of some students on some days.

    Attributes:
        lessons: Lessons of their classes, and of the rooms where they were seen, by lesson id.
        expected: The ids of the lessons in which each student is expected.
        seen: Their events at doors, by subject id.
        doors: The kiosks of the rooms.
        marks: Their marks as they are stored.
        guest_in: The ids of the lessons that each is a guest of.
    """

    lessons: Mapping[str, Lesson]
    expected: Mapping[str, tuple[str, ...]]
    seen: Mapping[str, tuple[Seen, ...]]
    doors: Mapping[Place, tuple[Door, ...]]
    marks: Mapping[MarkKey, models.Mark]
    guest_in: Mapping[str, frozenset[str]]


def load_facts(
    subjects: Collection[str],
    spans: Collection[Span],
    settings: RuleSettings,
    doors_of: DoorsOf,
    *,
    rooms: Collection[str] = (),
) -> Facts:
    """Read everything about these students in lessons that begin within these spans.

    Args:
        subjects: Subject ids.
        spans: When the lessons begin.
        settings: The rules.
        doors_of: Returns the doors of rooms.
        rooms: Read the lessons of these rooms, too, whoever is expected there.
    """
    memberships = list(
        models.Membership.objects.filter(person_id__among=subjects).values_list(
            "person_id", "school_class_id", "begin", "end"
        )
    )
    guests = list(
        models.Guest.objects.filter(person__in=subjects).values_list("person_id", "lesson_id")
    )
    guest_lessons = {lesson_id for _, lesson_id in guests}
    found = _load_lessons({one[1] for one in memberships}, rooms, guest_lessons, spans)
    lessons = {one.lesson_id: one for _, one in found}
    of_class: dict[str, list[Lesson]] = {}
    for class_id, one in found:
        of_class.setdefault(class_id, []).append(one)
    expected: dict[str, list[str]] = {}
    for subject_id, class_id, begin, end in memberships:
        membership = Membership(begin, end)
        expected.setdefault(subject_id, []).extend(
            one.lesson_id for one in of_class.get(class_id, ()) if membership.covers(one.date)
        )
    guest_in: dict[str, set[str]] = {}
    for subject_id, lesson_id in guests:
        if lesson_id in lessons:
            guest_in.setdefault(subject_id, set()).add(lesson_id)
    for subject_id, ids in guest_in.items():
        expected.setdefault(subject_id, []).extend(sorted(ids))
    theirs = {one for ids in expected.values() for one in ids}
    own = [lessons[one] for one in theirs]
    pairs = [(one, key) for key, ids in expected.items() for one in dict.fromkeys(ids)]
    return Facts(
        lessons,
        {key: tuple(dict.fromkeys(ids)) for key, ids in expected.items()},
        _load_seen(expected, own, settings),
        doors_of({one.room for one in own}) if own else {},
        {(one.lesson_id, one.person_id): one for one in _load_marks(pairs)},
        {subject_id: frozenset(ids) for subject_id, ids in guest_in.items()},
    )


def lesson_of(row: models.Lesson) -> Lesson:
    """Return a lesson as the rules see it; a kiosk that is told its timetable sends the id."""
    return _lesson([getattr(row, name) for name in _LESSON])


def _lesson(row: Sequence[Any]) -> Lesson:
    lesson_id, site, room, day, starts_at, ends_at, status, decided_by = row
    return Lesson(
        lesson_id=lesson_id,
        site=site,
        room=room,
        date=day,
        starts_at=starts_at,
        ends_at=ends_at,
        session=lesson_id,
        is_cancelled=status == "cancelled",
        decided_by=kept_rules(decided_by) if decided_by else None,
    )


def spans_around(moments: Iterable[datetime]) -> list[Span]:
    """Return when the lessons of the days of these moments begin, whatever the time zone."""
    days: dict[date, Span] = {}
    for one in moments:
        first, last = days.get(one.date(), (one, one))
        days[one.date()] = min(first, one), max(last, one)
    return [(first - HALF_DAY, last + HALF_DAY) for first, last in days.values()]


def _load_lessons(
    classes: Collection[str],
    rooms: Collection[str],
    lesson_ids: Collection[str],
    spans: Collection[Span],
) -> list[tuple[str, Lesson]]:
    """Return lessons with their classes."""
    if not ((classes or rooms or lesson_ids) and spans):
        return []
    then = Q()
    for begin, end in spans:
        # The date is in the index of classes, the start in that of rooms.
        days = (begin.date() - ONE_DAY, end.date() + ONE_DAY)
        then |= Q(starts_at__gte=begin, starts_at__lt=end, date__range=days)
    wanted = Q(school_class_id__among=classes) | Q(room__among=rooms) | Q(pk__among=lesson_ids)
    rows = models.Lesson.objects.filter(then, wanted).values_list("school_class_id", *_LESSON)
    return [(class_id, _lesson(row)) for class_id, *row in rows]


def _load_marks(pairs: Sequence[MarkKey]) -> Iterator[models.Mark]:
    """Yield the marks of these pairs; "in lessons, of students" would look up the product."""
    for start in range(0, len(pairs), _PAIRS):
        some = pairs[start : start + _PAIRS]
        values = ", ".join(["(%s, %s)"] * len(some))
        yield from models.Mark.objects.extra(  # noqa: S610 - of placeholders
            where=[f"(lesson_id, person_id) IN (VALUES {values})"],
            params=[one for pair in some for one in pair],
        )


def _load_seen(
    subjects: Collection[str], lessons: Collection[Lesson], settings: RuleSettings
) -> dict[str, tuple[Seen, ...]]:
    """Return the events that may be of these lessons."""
    spans: dict[date, tuple[datetime, datetime]] = {}
    for one in lessons:
        rules = one.rules(settings)
        begin, end = one.starts_at - rules.window_before, one.ends_at + rules.window_after
        first, last = spans.get(one.date, (begin, end))
        spans[one.date] = min(first, begin), max(last, end)
    if not spans:
        return {}
    then = arrived = Q()
    for begin, end in spans.values():
        then |= Q(scanned_at__gte=begin, scanned_at__lt=end, corrected_at=None)
        then |= Q(corrected_at__gte=begin, corrected_at__lt=end)
        arrived |= Q(arrived_at__gte=begin, arrived_at__lt=end + ARRIVAL)
    merged = models.Person.objects.filter(merged_into_id__among=subjects)
    ids = [*subjects, *merged.values_list("pk", flat=True)]
    events = models.Event.objects.filter(type="attendance", subject_id__among=ids)
    has_exits = any(one.rules(settings).exit_direction for one in lessons)
    found = read_events(events.filter(then), has_direction=has_exits)
    adrift = events.extra(where=["""NOT ("placing" = 'placed')"""])
    adrift = adrift.filter(arrived, placing__in=[CLOCK, NEW])
    found += read_events(adrift, has_direction=has_exits)
    seen: dict[str, dict[int, Seen]] = {}
    for event in found:
        seen.setdefault(event.subject_id, {})[event.key] = event
    return {subject_id: tuple(events.values()) for subject_id, events in seen.items()}
