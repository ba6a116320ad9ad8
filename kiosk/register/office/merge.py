"""Merge a temporary student into a listed one: marks, points and classes move, events stay."""

from datetime import datetime
from typing import Final

from django.db import transaction

from kiosk.register.audit import append, tell
from kiosk.register.erasing.orders import reopen
from kiosk.register.marking.stale import touch
from kiosk.register.models import (
    Account,
    Event,
    Lesson,
    Mark,
    MarkChange,
    ParticipationPoint,
    Person,
)
from kiosk.register.models.placing import DISMISSED, NEW

_REASON: Final = "temporary student merged"
_NOT_KNOWN: Final = "not-known"
_WEAK: Final = frozenset({"absent", _NOT_KNOWN})
"""What a mark says that no event supports."""


@transaction.atomic
def merge(temporary: Person, student: Person, account: Account | None, now: datetime) -> int:
    """Say who a temporary student was; return how many marks moved.

    A mark moves unless the student has one that a person has set or an event supports. Both changes
    are in the audit trail. The marker then looks at the events again, as those of the student. A
    consent moves to a student who has none. Where the student's was withdrawn, the kiosks are to
    erase the face of this id, too.
    """
    temporary.merged_into = student
    temporary.save(update_fields=["merged_into"])
    moved = [
        one.lesson_id
        for one in Mark.objects.select_for_update().filter(person=temporary)
        if _move(one, student, account, now)
    ]
    ParticipationPoint.objects.filter(person=temporary).update(person=student)
    joined = Lesson.objects.filter(school_class__in=temporary.memberships.values("school_class"))
    touch(joined, now)
    classes = student.memberships.values("school_class")
    temporary.memberships.exclude(school_class__in=classes).update(person=student)
    temporary.memberships.all().delete()
    guest_in = student.guest_in.values("lesson")
    touch(Lesson.objects.filter(guests__person=temporary), now)
    temporary.guest_in.exclude(lesson__in=guest_in).update(person=student)
    temporary.guest_in.all().delete()
    if not student.consents.exists():
        temporary.consents.filter(withdrawn_at=None).update(person=student)
    reopen(student.pk)
    events = Event.objects.filter(subject_id=temporary.subject_id)
    events.exclude(placing=DISMISSED).update(placing=NEW)
    tell("lesson", moved, now)
    return len(moved)


def _move(mark: Mark, student: Person, account: Account | None, now: datetime) -> bool:
    """Move a mark to a student; ``False`` if the student's own one counts more."""
    own = Mark.objects.select_for_update().filter(lesson=mark.lesson_id, person=student).first()
    is_moved = own is None or (not own.is_corrected and own.status in _WEAK)
    before = mark.person
    if is_moved:
        was, version = (own.status, own.version) if own else (_NOT_KNOWN, 0)
        if own is not None:
            own.delete()
        _note(mark, student, was, mark.status, version + 1, account, now)
    _note(mark, before, mark.status, _NOT_KNOWN, mark.version + 1, account, now)
    if not is_moved:
        mark.delete()
        return False
    mark.person, mark.version, mark.updated_at = student, version + 1, now
    mark.save()
    return True


def _note(
    mark: Mark,
    person: Person,
    before: str,
    after: str,
    version: int,
    account: Account | None,
    now: datetime,
) -> None:
    change = MarkChange(
        lesson_id=mark.lesson_id,
        person=person,
        at=now,
        before=before,
        after=after,
        account=account,
        rule="" if account else "merge",
        reason=_REASON,
        version=version,
    )
    append([change])
