"""Read what the rules need: events, lessons, who is in which class, marks."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, TypeAlias

import msgspec
from django.db.models import OuterRef, Q, QuerySet, Subquery, TextField
from django.db.models.functions import Coalesce

from kiosk.register import models
from kiosk.register.marking.doors import Place, load_doors
from kiosk.register.rules.lesson import Door, Lesson, Scan
from kiosk.register.rules.settings import RuleSettings

NEW: Final = "new"
PLACED: Final = "placed"
CLOCK: Final = "clock not synchronised"
"""Value of ``Event.placing``: the kiosk's clock was wrong, and its time is in no lesson."""
ARRIVAL: Final = timedelta(days=1)
"""How long after a lesson an event whose time is not known may arrive and still be of it."""

MarkKey: TypeAlias = tuple[str, str]
"""Lesson id and subject id."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An event.

    Attributes:
        key: Its primary key.
        type: "attendance" or "participation".
        subject_id: Who; of a temporary student the one whom that was merged into.
        site: Where.
        room: Where.
        scan: What the rules see of it.
    """

    key: int
    type: str
    subject_id: str
    site: str
    room: str
    scan: Scan


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of some students on some days.

    Attributes:
        lessons: Lessons of their classes, and of the rooms where they were seen, by lesson id.
        expected: The ids of the lessons in which each student is expected.
        seen: Their events at doors, by subject id.
        doors: The kiosks of the rooms.
        marks: Their marks as they are stored.
    """

    lessons: Mapping[str, Lesson]
    expected: Mapping[str, tuple[str, ...]]
    seen: Mapping[str, tuple[Seen, ...]]
    doors: Mapping[Place, tuple[Door, ...]]
    marks: Mapping[MarkKey, models.Mark]


class _Direction(msgspec.Struct, frozen=True):
    direction: str | None = None


def load_new(sites: Collection[str], settings: RuleSettings, limit: int) -> list[Seen]:
    """Return the oldest events that are not placed yet.

    Args:
        sites: The sites that this instance serves; empty for all.
        settings: The rules.
        limit: Return at most so many.
    """
    # Literally the condition of the index: SQLite does not use it for a parameter.
    events = models.Event.objects.extra(
        where=["""NOT ("placing" = 'placed')""", """"placing" = 'new'"""]
    )
    if sites:
        events = events.filter(site__in=sites)
    return _read(events.order_by("id")[:limit], settings)


def load_facts(
    subjects: Collection[str],
    dates: Collection[date],
    settings: RuleSettings,
    now: datetime,
    *,
    rooms: Collection[str] = (),
) -> Facts:
    """Read everything about these students on these days.

    Args:
        subjects: Subject ids.
        dates: Dates of lessons.
        settings: The rules.
        now: The current time.
        rooms: Read the lessons of these rooms, too, whoever is expected there.
    """
    memberships = list(
        models.Membership.objects.filter(person__in=subjects).values_list(
            "person_id", "school_class_id", "begin", "end"
        )
    )
    rows = _load_lessons({one[1] for one in memberships}, rooms, dates)
    lessons = {row.lesson_id: lesson_of(row) for row in rows}
    of_class: dict[str, list[Lesson]] = {}
    for row in rows:
        of_class.setdefault(row.school_class_id, []).append(lessons[row.lesson_id])
    expected: dict[str, list[str]] = {}
    for subject_id, class_id, begin, end in memberships:
        expected.setdefault(subject_id, []).extend(
            one.lesson_id
            for one in of_class.get(class_id, ())
            if (begin is None or begin <= one.date) and (end is None or one.date <= end)
        )
    theirs = {one for ids in expected.values() for one in ids}
    own = [lessons[one] for one in theirs]
    marks = models.Mark.objects.filter(lesson__in=theirs, person__in=expected)
    return Facts(
        lessons,
        {key: tuple(dict.fromkeys(ids)) for key, ids in expected.items()},
        _load_seen(expected, own, settings),
        load_doors({one.room for one in own}, now) if own else {},
        {(one.lesson_id, one.person_id): one for one in marks} if theirs else {},
    )


def lesson_of(row: models.Lesson) -> Lesson:
    """Return a lesson as the rules see it; a kiosk that is told its timetable sends the id."""
    return Lesson(
        lesson_id=row.lesson_id,
        site=row.site,
        room=row.room,
        date=row.date,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        session=row.lesson_id,
        is_cancelled=row.status == "cancelled",
    )


def days_around(seen: Iterable[Seen]) -> set[date]:
    """Return the dates that a lesson of these events may have, whatever the time zone."""
    moments = {one.scan.scanned_at.date() for one in seen}
    moments |= {one.scan.arrived_at.date() for one in seen if not one.scan.clock_is_synchronised}
    return {day + timedelta(days=more) for day in moments for more in (-1, 0, 1)}


def _load_lessons(
    classes: Collection[str], rooms: Collection[str], dates: Collection[date]
) -> list[models.Lesson]:
    if not (classes or rooms):
        return []
    wanted = Q(school_class__in=classes) | Q(room__in=rooms)
    return list(models.Lesson.objects.filter(wanted, date__in=dates))


def _load_seen(
    subjects: Collection[str], lessons: Collection[Lesson], settings: RuleSettings
) -> dict[str, tuple[Seen, ...]]:
    """Return the events that may be of these lessons."""
    spans: dict[date, tuple[datetime, datetime]] = {}
    for one in lessons:
        begin, end = one.starts_at - settings.window_before, one.ends_at + settings.window_after
        first, last = spans.get(one.date, (begin, end))
        spans[one.date] = min(first, begin), max(last, end)
    if not spans:
        return {}
    then = arrived = Q()
    for begin, end in spans.values():
        then |= Q(scanned_at__gte=begin, scanned_at__lt=end)
        arrived |= Q(arrived_at__gte=begin, arrived_at__lt=end + ARRIVAL)
    merged = models.Person.objects.filter(merged_into__in=subjects).values_list("pk", flat=True)
    ids = [*subjects, *merged]
    events = models.Event.objects.filter(type="attendance", subject_id__in=ids)
    found = _read(events.filter(then), settings)
    adrift = events.extra(where=["""NOT ("placing" = 'placed')"""])
    found += _read(adrift.filter(arrived, placing__in=[CLOCK, NEW]), settings)
    seen: dict[str, dict[int, Seen]] = {}
    for event in found:
        seen.setdefault(event.subject_id, {})[event.key] = event
    return {subject_id: tuple(events.values()) for subject_id, events in seen.items()}


def _read(events: QuerySet[models.Event], settings: RuleSettings) -> list[Seen]:
    columns = ["id", "type", "student", "site", "room", "event_id", "session"]
    columns += ["scanned_at", "arrived_at", "clock", "is_replayed"]
    if settings.exit_direction:  # otherwise nobody asks where people go
        columns.append("payload")
    merged = models.Person.objects.filter(pk=OuterRef("subject_id")).values("merged_into")
    events = events.annotate(
        student=Coalesce(Subquery(merged[:1]), "subject_id", output_field=TextField())
    )
    return [
        Seen(
            key=row["id"],
            type=row["type"],
            subject_id=row["student"],
            site=row["site"],
            room=row["room"],
            scan=Scan(
                event_id=row["event_id"],
                scanned_at=row["scanned_at"],
                arrived_at=row["arrived_at"],
                clock_is_synchronised=row["clock"] == "synchronised",
                session=row["session"],
                direction=_direction(row["payload"]) if "payload" in row else None,
                is_replayed=row["is_replayed"],
            ),
        )
        for row in events.values(*columns)
    ]


def _direction(payload: bytes) -> str | None:
    return msgspec.json.decode(bytes(payload), type=_Direction).direction
