"""A class with a lesson from 11:00 to 11:45 at one door, and a marker that is told the time."""

import threading
from datetime import datetime, timedelta
from typing import Any

from kiosk.clock import ManualClock
from kiosk.protocol.event import AttendanceEvent, ParticipationEvent, encode
from kiosk.register.config import RegisterConfig
from kiosk.register.ingest.store import store
from kiosk.register.marking.sweeping import Sweeper
from kiosk.register.marking.worker import Marker
from kiosk.register.models import Lesson, Mark, MarkChange, Membership, Person, SchoolClass
from kiosk.register.rules.settings import RuleSettings
from tests.kiosk.register.support import DOOR, NOON, OUTBOX, arrival, event, health

START = NOON - timedelta(hours=1)
END = START + timedelta(minutes=45)


def minutes(count: float) -> datetime:
    """So many minutes after the start of the lesson."""
    return START + timedelta(minutes=count)


def make_class(*subject_ids: str, class_id: str = "7b") -> SchoolClass:
    school_class = SchoolClass.objects.create(class_id=class_id, title=class_id, site=DOOR.site)
    for one in subject_ids:
        person = Person.objects.create(subject_id=one, name=one.upper())
        Membership.objects.create(person=person, school_class=school_class)
    return school_class


def make_lesson(
    school_class: SchoolClass,
    lesson_id: str = "maths",
    *,
    start: datetime = START,
    **changes: Any,  # noqa: ANN401 - a column of the lesson
) -> Lesson:
    facts: dict[str, Any] = {
        "site": DOOR.site,
        "room": DOOR.room,
        "date": start.date(),
        "ends_at": start + timedelta(minutes=45),
        "title": lesson_id,
    }
    return Lesson.objects.create(
        lesson_id=lesson_id, school_class=school_class, starts_at=start, **(facts | changes)
    )


def scan(
    sequence: int,
    subject_id: str,
    at: datetime,
    *,
    arrives: datetime | None = None,
    outbox_id: str = OUTBOX,
    **changes: Any,  # noqa: ANN401 - a field of the event
) -> None:
    """Store an event."""
    made = event(
        sequence,
        outbox_id,
        subject_id=subject_id,
        time=at.isoformat(timespec="milliseconds"),
        **changes,
    )
    store([arrival(made, at=arrives or at)], arrives or at)


def report(last_sequence: int, at: datetime, outbox_id: str = OUTBOX) -> None:
    """Store the word of the kiosk that it has used numbers up to this one."""
    store([health(last_sequence, outbox_id, at=at)], at)


def marker_at(now: datetime, rules: RuleSettings | None = None) -> Marker:
    """A marker for which it is this time."""
    return Marker(
        RegisterConfig(rules=rules or RuleSettings()),
        clock=ManualClock(now),
        stop=threading.Event(),
        news=threading.Event(),
        ingest_is_idle=threading.Event(),
    )


def place(now: datetime) -> None:
    """Place everything that is new."""
    marker = marker_at(now)
    while marker.place_new():
        pass


def work(now: datetime) -> None:
    """Do everything that the marker has to do at this time."""
    marker = marker_at(now)
    while marker.work():
        pass


def sweep(now: datetime, *, since: datetime | None = None) -> None:
    """Do what the time brings about, as a process does that began at ``since``."""
    Sweeper(RuleSettings(), (), since or now).sweep(now)


def marks(lesson_id: str = "maths") -> dict[str, str]:
    """The status of each student who has a mark."""
    return dict(Mark.objects.filter(lesson=lesson_id).values_list("person_id", "status"))


def history(subject_id: str) -> list[tuple[str, str, int]]:
    """What a student's mark was before and after each change, and its version."""
    changes = MarkChange.objects.filter(person=subject_id).order_by("id")
    return list(changes.values_list("before", "after", "version"))


def participate(
    sequence: int,
    subject_id: str,
    at: datetime,
    **changes: Any,  # noqa: ANN401 - a field of the event
) -> None:
    """Store an event of participation."""
    fields = {name: getattr(event(sequence), name) for name in AttendanceEvent.__struct_fields__}
    del fields["direction"]
    time = at.isoformat(timespec="milliseconds")
    made = ParticipationEvent(
        **fields | {"subject_id": subject_id, "time": time} | changes, count=1
    )
    store([arrival(encode(made), "participation", at=at)], at)
