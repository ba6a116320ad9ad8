"""Say who an unknown subject id is: a student of the list, or a temporary one.

Events name a subject id for ever. An id that the list does not have becomes a temporary student,
who is merged into a listed one: at once, or when it is known who it was.
"""

from dataclasses import dataclass
from datetime import date, datetime

import msgspec
from django.db import transaction
from django.db.models import Prefetch, prefetch_related_objects

from kiosk.decoder import decoder_of
from kiosk.register.alphabet import contains
from kiosk.register.audit import tell
from kiosk.register.identity.keys import SignaturePolicy
from kiosk.register.ingest.retry import retry_bin
from kiosk.register.marking.stale import touch
from kiosk.register.messages.arrival import Reason
from kiosk.register.models import BinEntry, Lesson, Membership, Person, SchoolClass
from kiosk.register.office.merge import merge
from kiosk.register.overview.members import by_name

FOUND_MAX = 20


class _Subject(msgspec.Struct, frozen=True):
    subject_id: str = ""


@dataclass(frozen=True, slots=True)
class Messages:
    """What the bin has of an unknown subject id."""

    numbers: tuple[int, ...]
    first_at: datetime | None
    last_at: datetime | None


def subject_of(payload: bytes) -> str:
    """Return the subject id in a message; "" if there is none."""
    try:
        return decoder_of(_Subject).decode(payload).subject_id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""


def messages_of(subject_id: str) -> Messages:
    """Return the messages in the bin that name an unknown subject id."""
    entries = BinEntry.objects.filter(reason=Reason.UNKNOWN_PERSON, dismissed_at=None)
    found = [
        one
        for one in entries.order_by("arrived_at", "pk").iterator()
        if subject_of(bytes(one.payload)) == subject_id
    ]
    times = [one.arrived_at for one in found]
    return Messages(
        tuple(one.pk for one in found), min(times, default=None), max(times, default=None)
    )


def find_students(text: str) -> list[Person]:
    """Return listed students whose name or id has these words, by name; at most 20."""
    if not text.split():
        return []
    listed = Person.objects.filter(is_listed=True, is_temporary=False)
    # Not by the database: SQLite knows no capitals beyond ASCII, and none of them knows accents.
    found = [one for one in listed if contains(f"{one.name} {one.subject_id}", text)]
    people = sorted(found, key=by_name)[:FOUND_MAX]
    classes = Prefetch("memberships", Membership.objects.select_related("school_class"))
    prefetch_related_objects(people, classes)
    return people


def temporary_students() -> list[Person]:
    """Return those who are not merged yet, by name."""
    people = Person.objects.filter(is_temporary=True, merged_into=None)
    return sorted(people, key=by_name)


@transaction.atomic
def make_temporary(
    subject_id: str,
    name: str,
    school_class: SchoolClass | None,
    begin: date,
    *,
    now: datetime,
    policy: SignaturePolicy,
) -> tuple[int, int]:
    """Make an unknown subject id a temporary student, of a class from a day on.

    Returns:
        How many messages were placed by that, and how many remain.
    """
    person = _temporary(subject_id, name)
    if school_class is not None:
        Membership.objects.create(person=person, school_class=school_class, begin=begin)
        touch(Lesson.objects.filter(school_class=school_class, date__gte=begin), now)
    return _retry(subject_id, now, policy)


@transaction.atomic
def assign(
    subject_id: str, student: Person, now: datetime, policy: SignaturePolicy
) -> tuple[int, int]:
    """Say that an unknown subject id is a listed student.

    Returns:
        How many messages were placed by that, and how many remain.
    """
    merge(_temporary(subject_id, student.name), student, None, now)
    return _retry(subject_id, now, policy)


@transaction.atomic
def put_back(person: Person, now: datetime, policy: SignaturePolicy) -> tuple[int, int]:
    """Accept a student again who is no longer in the list.

    Returns:
        How many messages were placed by that, and how many remain.
    """
    person.is_listed = True
    person.save(update_fields=["is_listed"])
    return _retry(person.subject_id, now, policy)


def _temporary(subject_id: str, name: str) -> Person:
    """Store the temporary student, or take the one of an earlier attempt."""
    facts = {"name": name, "is_temporary": True, "is_listed": True}
    return Person.objects.update_or_create(subject_id=subject_id, defaults=facts)[0]


def _retry(subject_id: str, now: datetime, policy: SignaturePolicy) -> tuple[int, int]:
    entries = BinEntry.objects.filter(pk__in=messages_of(subject_id).numbers)
    outcome = retry_bin(entries, now, policy)
    tell("bin", [""], now)
    return outcome
