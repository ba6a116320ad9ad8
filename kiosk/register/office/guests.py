"""Guests: students of another class in one lesson."""

from datetime import datetime
from enum import StrEnum

from django.db import transaction
from django.db.models import Q, QuerySet

from kiosk.register.alphabet import folded
from kiosk.register.audit import tell
from kiosk.register.marking.stale import touch
from kiosk.register.models import Account, Guest, Lesson, Membership, Person
from kiosk.register.overview.members import expected_in


class GuestProblem(StrEnum):
    """Why nobody was added."""

    NOBODY = "nobody"
    SEVERAL = "several"
    EXPECTED = "expected"


def find_guest(text: str) -> Person | GuestProblem:
    """Return the one student with this id or full name; a part of them finds nobody.

    So nobody reads the list of the school here; who adds a student is told the name.
    """
    people = Person.objects.filter(is_listed=True, merged_into=None)
    own = people.filter(pk=text).first()
    if own is not None:
        return own
    name = folded(" ".join(text.split()))
    found = [one for one in people if folded(one.name) == name]
    if not found:
        return GuestProblem.NOBODY
    return found[0] if len(found) == 1 else GuestProblem.SEVERAL


@transaction.atomic
def add_guest(lesson: Lesson, text: str, account: Account, now: datetime) -> Person | GuestProblem:
    """Add a student to a lesson; the marker then places what was seen of the student there.

    Args:
        lesson: The lesson.
        text: The student's id or full name.
        account: Who adds.
        now: When.
    """
    found = find_guest(text)
    if isinstance(found, GuestProblem):
        return found
    if found.pk in {one.subject_id for one in expected_in(lesson)}:
        return GuestProblem.EXPECTED
    Guest.objects.get_or_create(
        lesson=lesson, person=found, defaults={"added_by": account, "added_at": now}
    )
    _tell(lesson, found.pk, now)
    return found


@transaction.atomic
def remove_guest(lesson: Lesson, subject_id: str, now: datetime) -> bool:
    """Remove a guest; return whether there was one. What a person has set stays in the trail."""
    count, _ = Guest.objects.filter(lesson=lesson, person=subject_id).delete()
    if count:
        _tell(lesson, subject_id, now)
    return count > 0


def guest_elsewhere(lesson: Lesson, subject_id: str) -> QuerySet[Guest]:
    """Return where a student is a guest at the time of a lesson, with who has added the student."""
    found = Guest.objects.filter(
        person=subject_id,
        lesson__status="scheduled",
        lesson__starts_at__lt=lesson.ends_at,
        lesson__ends_at__gt=lesson.starts_at,
    )
    others = found.exclude(lesson=lesson).order_by("lesson__starts_at", "pk")
    return others.select_related("lesson", "added_by")


def _tell(lesson: Lesson, subject_id: str, now: datetime) -> None:
    """Have the lesson derived again, and the student's own ones at the same time."""
    classes = Membership.objects.filter(person=subject_id).values("school_class")
    at_once = Q(starts_at__lt=lesson.ends_at, ends_at__gt=lesson.starts_at)
    touch(Lesson.objects.filter(Q(at_once, school_class__in=classes) | Q(pk=lesson.pk)), now)
    tell("lesson", [lesson.pk], now)
