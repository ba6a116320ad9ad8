"""Publish to each kiosk the lessons of its room in the next days."""

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db import transaction

from kiosk.protocol.timetable import RoomTimetable, TimetableLesson, encode_timetable
from kiosk.protocol.topics import TIMETABLE, KioskAddress
from kiosk.register.models import Kiosk, Lesson, Publication
from kiosk.register.publications.newest import told_last

AHEAD: Final = timedelta(days=14)
"""So long a kiosk without a network knows its lessons."""
_DAY: Final = timedelta(days=1)


@transaction.atomic
def publish_timetables(now: datetime, sites: Collection[str] = ()) -> int:
    """Write what kiosks must be told of their lessons, if it is not what they were told last.

    Args:
        now: The current time, UTC.
        sites: Only kiosks of these sites; empty for all.

    Returns:
        How many kiosks are told something.
    """
    since = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - _DAY
    until = since + _DAY + AHEAD
    kiosks = Kiosk.objects.filter(site__in=sites) if sites else Kiosk.objects.all()
    addresses = [KioskAddress(*one) for one in kiosks.values_list("site", "room", "kiosk")]
    lessons = _lessons(since, until)
    payloads = {
        one.topic(TIMETABLE): _payload(lessons.get((one.site, one.room), ()), since, until)
        for one in addresses
        if lessons  # a school without a timetable tells nobody that there are no lessons
    }
    told = told_last(payloads)
    news = {topic: payload for topic, payload in payloads.items() if told.get(topic) != payload}
    Publication.objects.bulk_create(
        Publication(topic=topic, payload=payload, retain=True, made_at=now)
        for topic, payload in sorted(news.items())
    )
    return len(news)


def _lessons(since: datetime, until: datetime) -> dict[tuple[str, str], list[Lesson]]:
    found: dict[tuple[str, str], list[Lesson]] = {}
    rows = Lesson.objects.filter(starts_at__lt=until, ends_at__gt=since, status="scheduled")
    for one in rows.order_by("starts_at", "lesson_id"):
        found.setdefault((one.site, one.room), []).append(one)
    return found


def _payload(lessons: Iterable[Lesson], since: datetime, until: datetime) -> bytes:
    rows = tuple(
        TimetableLesson(
            session=one.lesson_id, starts_at=_text(one.starts_at), ends_at=_text(one.ends_at)
        )
        for one in lessons
    )
    return encode_timetable(RoomTimetable(since=_text(since), until=_text(until), lessons=rows))


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")
