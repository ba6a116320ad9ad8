"""Compare a timetable with the database, and store what it changes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
from django.db import transaction
from django.db.models import Q

from kiosk.protocol.timetable import SESSION_MAX
from kiosk.register.audit import tell
from kiosk.register.imports.ics_series import Horizon
from kiosk.register.imports.outcome import Outcome, Remark, outcome
from kiosk.register.imports.plan import TimetablePlan, plan_timetable
from kiosk.register.imports.records import LessonRow
from kiosk.register.imports.timetable_csv import Place, read_timetable
from kiosk.register.imports.timetable_ics import read_calendar
from kiosk.register.marking.again import REACH, place_again
from kiosk.register.marking.stale import touch
from kiosk.register.models import Kiosk, Lesson, RoomName, SchoolClass
from kiosk.register.office.rooms import room_names
from kiosk.register.publications.room_timetables import publish_timetables

_YEAR: Final = timedelta(days=365)
_DAY: Final = timedelta(days=1)
_CALENDAR: Final = b"BEGIN:VCALENDAR"


class Options(msgspec.Struct, frozen=True):
    """What a timetable does not say itself.

    Attributes:
        site: The site.
        class_id: The class of calendar events without a category; "" if all have one.
        room: The room of calendar events without a location; "" if all have one.
    """

    site: str
    class_id: str = ""
    room: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a timetable speaks of; other lessons stay.

    Attributes:
        classes: Class ids.
        begin: The start of its first lesson.
        end: One day after the start of its last lesson.
    """

    classes: frozenset[str]
    begin: datetime
    end: datetime

    @property
    def first_day(self) -> date:
        """The day of its first lesson, at the site."""
        return self.begin.date()

    @property
    def last_day(self) -> date:
        """The day of its last lesson, at the site."""
        return (self.end - _DAY).date()


def read(
    data: bytes, file: str, options: Options, zone: ZoneInfo, now: datetime
) -> Outcome[tuple[LessonRow, ...]]:
    """Read an iCalendar file or a plain CSV; ``class_title`` of each lesson becomes a class id."""
    place = Place(options.site, zone)
    if _CALENDAR in data[:100].upper():
        # A school year back and one ahead.
        horizon = Horizon(now - _YEAR, now + _YEAR)
        found = read_calendar(
            data, file, place, horizon, class_title=options.class_id, room=options.room
        )
    else:
        found = read_timetable(data, file, place)
    if found.content is None:
        return found
    rows, problems = _with_class_ids(found.content, file)
    problems += [
        Remark(file, 0, "", f"the id of a lesson is longer than {SESSION_MAX} characters: {one}")
        for one in {row.class_title for row in rows if len(row.lesson_id) > SESSION_MAX}
    ]
    return outcome(tuple(rows), problems, [*found.notes, *_unheard_rooms(found.content, file)])


def scope_of(rows: Sequence[LessonRow]) -> Scope | None:
    """Return what a timetable speaks of; ``None`` for one without lessons."""
    if not rows:
        return None
    starts = [one.starts_at for one in rows]
    classes = frozenset(one.class_title for one in rows)
    return Scope(classes, min(starts), max(starts) + _DAY)


def plan(rows: Sequence[LessonRow], site: str, now: datetime) -> TimetablePlan:
    """Return what a timetable would change."""
    scope = scope_of(rows)
    if scope is None:
        return TimetablePlan((), (), (), 0)
    in_scope = Q(
        site=site,
        school_class__in=scope.classes,
        starts_at__gte=scope.begin,
        starts_at__lt=scope.end,
    )
    stored = {one.pk: one for one in Lesson.objects.filter(in_scope)}
    ids = [one.lesson_id for one in rows if one.lesson_id not in stored]
    for begin in range(0, len(ids), 500):
        moved = Lesson.objects.filter(pk__in=ids[begin : begin + 500])
        stored |= {one.pk: one for one in moved}
    return plan_timetable(rows, [_row_of(one) for one in stored.values()], now)


@transaction.atomic
def apply(changes: TimetablePlan, zone: ZoneInfo, now: datetime) -> int:
    """Store what a plan says, all or nothing; return how many kiosks are told of it."""
    planned = [*changes.added, *(after for _, after in changes.changed)]
    names = {site: room_names(site) for site in {one.site for one in planned}}
    rows = [_lesson_of(one, zone, names[one.site]) for one in planned]
    Lesson.objects.bulk_create(
        rows,
        batch_size=500,
        update_conflicts=True,
        unique_fields=["lesson_id"],
        update_fields=[
            *("school_class", "site", "room", "room_title", "date", "starts_at", "ends_at"),
            *("title", "status"),
        ],
    )
    gone = [one.lesson_id for one in changes.cancelled]
    for begin in range(0, len(gone), 500):
        Lesson.objects.filter(pk__in=gone[begin : begin + 500]).update(status="cancelled")
    _touch(changes, zone, now)
    today = now.astimezone(zone).date()
    touched = [one.pk for one in rows if one.date == today]
    touched += Lesson.objects.filter(date=today, pk__in=gone[:500]).values_list("pk", flat=True)
    told = publish_timetables(now)
    tell("lesson", touched, now)
    return told


def _touch(changes: TimetablePlan, zone: ZoneInfo, now: datetime) -> None:
    """Have the marks derived again that rest on a lesson which is now elsewhere, or at all.

    They are those of the days of the classes: who was in one lesson may have stayed for the next.
    """
    before = [*(one for one, _ in changes.changed), *changes.cancelled]
    names = {site: room_names(site) for site in {one.site for one in before}}
    place_again(
        replace(one, room=names[one.site].get(one.room, one.room))
        for one in before
        if one.starts_at <= now + REACH
    )
    after = [*changes.added, *(one for _, one in changes.changed)]
    days: dict[date, set[str]] = {}
    for one in (*before, *after):
        if one.starts_at <= now + REACH:
            day = one.starts_at.astimezone(zone).date()
            days.setdefault(day, set()).add(one.class_title)
    for day, classes in days.items():
        touch(Lesson.objects.filter(date=day, school_class__in=classes), now)
    # One that has begun, and was moved into the future, takes no marks along.
    ids = [one.lesson_id for one in before]
    for begin in range(0, len(ids), 500):
        touch(Lesson.objects.filter(pk__in=ids[begin : begin + 500]), now)


def _with_class_ids(rows: Iterable[LessonRow], file: str) -> tuple[list[LessonRow], list[Remark]]:
    """Replace titles by class ids, and name the classes that are not known."""
    known: dict[str, list[SchoolClass]] = {}
    for one in SchoolClass.objects.all():
        for name in {one.class_id, one.title}:
            known.setdefault(name, []).append(one)
    found: list[LessonRow] = []
    problems: dict[str, Remark] = {}
    for row in rows:
        matches = known.get(row.class_title, [])
        if len(matches) == 1:
            title = row.title or matches[0].title
            found.append(replace(row, class_title=matches[0].class_id, title=title))
        else:
            problems[row.class_title] = _class_problem(row.class_title, matches, file)
    return found, list(problems.values())


def _class_problem(title: str, matches: Sequence[SchoolClass], file: str) -> Remark:
    if matches:
        text = f"several classes are called {title}; write the id of one"
    else:
        text = f"class {title} is not known; import the roster first, or correct the name"
    return Remark(file, 0, "class", text)


def _unheard_rooms(rows: Iterable[LessonRow], file: str) -> list[Remark]:
    """Note rooms without a kiosk: a room that is written otherwise there would stay empty."""
    heard: Mapping[tuple[str, str], object] = dict.fromkeys(
        Kiosk.objects.values_list("site", "room")
    )
    named = RoomName.objects.values_list("site", "title")
    rooms = {(one.site, one.room) for one in rows} - set(heard) - set(named)
    text = "no kiosk of this room was heard yet; its page says which room it stands in"
    return [Remark(file, 0, "room", f"{room}: {text}") for _, room in sorted(rooms)]


def _row_of(lesson: Lesson) -> LessonRow:
    return LessonRow(
        lesson_id=lesson.lesson_id,
        class_title=lesson.school_class_id,
        room=lesson.room_title or lesson.room,
        site=lesson.site,
        starts_at=lesson.starts_at,
        ends_at=lesson.ends_at,
        title=lesson.title,
        status="cancelled" if lesson.status == "cancelled" else "scheduled",
    )


def _lesson_of(row: LessonRow, zone: ZoneInfo, names: Mapping[str, str]) -> Lesson:
    return Lesson(
        lesson_id=row.lesson_id,
        school_class_id=row.class_title,
        site=row.site,
        room=names.get(row.room, row.room),
        room_title=row.room if row.room in names else "",
        date=row.starts_at.astimezone(zone).date(),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        title=row.title,
        status=row.status,
    )
