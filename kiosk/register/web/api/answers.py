"""What each address of the API answers: one function for each, from the database to records."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Final

import msgspec
from django.db.models import Max

from kiosk.register.models import Event, Lesson, MarkChange, SchoolClass
from kiosk.register.overview.members import expected_in
from kiosk.register.overview.status import load_statuses
from kiosk.register.web.api.records import (
    ChangeRecord,
    ClassRecord,
    EventRecord,
    KioskRecord,
    LessonRecord,
    MarkRecord,
)

PAGE: Final = 500
"""Records in one answer of those that are paged through."""
SETTLED: Final = timedelta(seconds=5)
"""Paged records show up after this: with several instances, one that is stored a moment later may
have the smaller position, and who pages through must not miss it."""
Values = Mapping[str, str]
"""Parameters of the request; the caller has checked them."""


def classes(_values: Values, _now: datetime) -> list[ClassRecord]:
    """Return all classes."""
    return [
        ClassRecord(class_id=one.pk, title=one.title, site=one.site, sis_id=one.sis_id)
        for one in SchoolClass.objects.order_by("class_id")
    ]


def lessons(values: Values, _now: datetime) -> list[LessonRecord]:
    """Return the lessons of a day."""
    found = Lesson.objects.filter(date=date.fromisoformat(values["date"]))
    if values.get("class_id"):
        found = found.filter(school_class=values["class_id"])
    return [
        LessonRecord(
            lesson_id=one.pk,
            class_id=one.school_class_id,
            title=one.title,
            site=one.site,
            room=one.room,
            date=one.date,
            starts_at=one.starts_at,
            ends_at=one.ends_at,
            status=one.status,
            taken_at=one.taken_at,
        )
        for one in found.annotate(taken_at=Max("taken__at")).order_by("starts_at", "lesson_id")
    ]


def marks(values: Values, _now: datetime) -> list[MarkRecord] | None:
    """Return the students of a lesson with their marks, by name; ``None``: no such lesson."""
    lesson = Lesson.objects.filter(pk=values["lesson_id"]).first()
    if lesson is None:
        return None
    known = {one.person_id: one for one in lesson.marks.all()}
    records = []
    for person in expected_in(lesson):
        mark = known.get(person.subject_id)
        records.append(
            MarkRecord(
                subject_id=person.subject_id,
                name=person.name,
                status=mark.status if mark else "not-known",
                derived=mark.derived if mark else "not-known",
                rule=mark.rule if mark else "",
                is_corrected=mark.is_corrected if mark else False,
                minutes_late=mark.minutes_late if mark else None,
                clock=mark.clock if mark else "",
                version=mark.version if mark else 0,
            )
        )
    return records


def changes(values: Values, now: datetime) -> list[ChangeRecord]:
    """Return changes of marks after a position, oldest first."""
    found = MarkChange.objects.filter(pk__gt=_position(values), at__lte=now - SETTLED)
    return [
        ChangeRecord(
            position=one.pk,
            lesson_id=one.lesson_id,
            subject_id=one.person_id,
            at=one.at,
            before=one.before,
            after=one.after,
            account=one.account.username if one.account else None,
            rule=one.rule,
            reason=one.reason,
            undoes=one.undoes_id,
        )
        for one in found.select_related("account").order_by("pk")[:PAGE]
    ]


def events(values: Values, now: datetime) -> list[EventRecord]:
    """Return events after a position, in the order of storing."""
    found = Event.objects.filter(pk__gt=_position(values), arrived_at__lte=now - SETTLED)
    return [
        EventRecord(
            position=one.pk,
            arrived_at=one.arrived_at,
            is_replayed=one.is_replayed,
            placing=one.placing,
            event=msgspec.Raw(bytes(one.payload)),
        )
        for one in found.order_by("pk")[:PAGE]
    ]


def kiosks(_values: Values, now: datetime) -> list[KioskRecord]:
    """Return all kiosks, one record for each outbox file."""
    return [
        KioskRecord(
            site=one.address.site,
            room=one.address.room,
            kiosk=one.address.kiosk,
            complete_until=one.completeness.complete_until,
            offline_since=one.completeness.offline_since,
            missing=one.completeness.missing,
        )
        for one in load_statuses(now)
    ]


def _position(values: Values) -> int:
    return int(values.get("after") or 0)
