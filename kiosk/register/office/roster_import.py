"""Compare a roster with the database, and store what it changes."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from django.db import transaction

from kiosk.register.audit import tell
from kiosk.register.erasing.erased_people import find_erased
from kiosk.register.imports.oneroster import read_oneroster
from kiosk.register.imports.outcome import Outcome, Remark
from kiosk.register.imports.plan import RosterPlan, plan_roster
from kiosk.register.imports.records import ClassRow, MembershipRow, PersonRow, Roster, TermRow
from kiosk.register.imports.roster_csv import read_roster
from kiosk.register.ingest.bin_table import make_due
from kiosk.register.marking.stale import touch
from kiosk.register.messages.arrival import Reason
from kiosk.register.models import (
    Account,
    Lesson,
    Membership,
    Person,
    Role,
    SchoolClass,
    Teaching,
    Term,
)

_ZIP: Final = b"PK\x03\x04"


def read(data: bytes, file: str) -> Outcome[Roster]:
    """Read a OneRoster zip or a plain CSV."""
    return read_oneroster(data, file) if data[:4] == _ZIP else read_roster(data, file)


def students_of(roster: Roster) -> Roster:
    """Return the roster without teachers, who are accounts and no students."""
    students = {one.person_id for one in roster.people if one.role == "student"}
    return replace(
        roster,
        people=tuple(one for one in roster.people if one.person_id in students),
        memberships=tuple(one for one in roster.memberships if one.person_id in students),
    )


def plan(roster: Roster, today: date) -> RosterPlan:
    """Return what the students of a roster would change."""
    return plan_roster(students_of(roster), _stored(), today)


def former(roster: Roster) -> int:
    """Return how many students of the list are not in the roster: their events go to the bin."""
    ids = {one.person_id for one in students_of(roster).people}
    listed = Person.objects.filter(is_listed=True, is_temporary=False)
    return len(set(listed.values_list("pk", flat=True)) - ids)


def doubles(changes: RosterPlan, file: str) -> tuple[Remark, ...]:
    """Return a note for each new class that is called like a stored one, or like another new one.

    A school that changes the program its lists come from gets other ids for its classes.
    """
    added = [one.title for one in changes.classes_added]
    taken = {*SchoolClass.objects.filter(title__in=added).values_list("title", flat=True)}
    taken |= {title for title, count in Counter(added).items() if count > 1}
    return tuple(
        Remark(
            file,
            0,
            "class",
            f"another class is called {one}, too; its lessons and marks stay with it",
        )
        for one in sorted(taken)
    )


def erased(roster: Roster, zone: ZoneInfo) -> tuple[Remark, ...]:
    """Return a note for each student whose id is that of an erased person: it stays refused."""
    found = find_erased(one.person_id for one in students_of(roster).people)
    return tuple(
        Remark(
            *roster.places[one],
            "id",
            f"this id was erased on {at.astimezone(zone):%F}, so its messages are refused;"
            " give the student a new one",
            one,
        )
        for one, at in found.items()
    )


@transaction.atomic
def apply(changes: RosterPlan, roster: Roster, today: date, now: datetime) -> int:
    """Store what a plan says, all or nothing; return how many teachers got classes."""
    people = students_of(roster).people
    _save_people(people)
    _save_classes((*changes.classes_added, *(after for _, after in changes.classes_changed)))
    _save_terms((*changes.terms_added, *(after for _, after in changes.terms_changed)))
    Membership.objects.bulk_create(
        Membership(
            person_id=one.person_id, school_class_id=one.class_id, begin=one.begin, end=one.end
        )
        for one in changes.begun
    )
    for one in changes.changed:
        _change_membership(one.before, one.after)
    _touch(changes, now)
    make_due([Reason.UNKNOWN_PERSON], now)
    taught = _save_teachers(roster)
    touched = {one.class_id for one in changes.begun}
    touched |= {one.before.class_id for one in changes.changed}
    lessons = Lesson.objects.filter(date=today, school_class__in=touched)
    tell("lesson", lessons.values_list("pk", flat=True), now)
    return taught


def _stored() -> Roster:
    people = Person.objects.filter(is_temporary=False).order_by("pk")
    memberships = Membership.objects.filter(person__is_temporary=False).order_by("pk")
    return Roster(
        tuple(
            PersonRow(one.subject_id, one.name, "student", one.sis_id, one.email) for one in people
        ),
        tuple(
            ClassRow(one.class_id, one.title, one.course_code)
            for one in SchoolClass.objects.order_by("pk")
        ),
        tuple(
            MembershipRow(one.person_id, one.school_class_id, one.begin, one.end)
            for one in memberships
        ),
        tuple(TermRow(one.title, one.begin, one.end) for one in Term.objects.order_by("pk")),
    )


def _save_people(people: Iterable[PersonRow]) -> None:
    """Store the list of students; who is no longer in it stays with all marks, not listed."""
    rows = [
        Person(subject_id=one.person_id, name=one.name, sis_id=one.sis_id, email=one.email)
        for one in people
    ]
    listed = Person.objects.filter(is_listed=True, is_temporary=False)
    gone = set(listed.values_list("pk", flat=True)) - {one.subject_id for one in rows}
    Person.objects.filter(pk__in=gone).update(is_listed=False)
    Person.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["subject_id"],
        update_fields=["name", "sis_id", "email", "is_listed", "is_temporary", "merged_into"],
    )


def _save_classes(classes: Iterable[ClassRow]) -> None:
    SchoolClass.objects.bulk_create(
        (
            SchoolClass(class_id=one.class_id, title=one.title, course_code=one.course_code)
            for one in classes
        ),
        update_conflicts=True,
        unique_fields=["class_id"],
        update_fields=["title", "course_code"],
    )


def _save_terms(terms: Iterable[TermRow]) -> None:
    Term.objects.bulk_create(
        (Term(title=one.title, begin=one.begin, end=one.end) for one in terms),
        update_conflicts=True,
        unique_fields=["title"],
        update_fields=["begin", "end"],
    )


def _change_membership(before: MembershipRow, after: MembershipRow) -> None:
    """Give one stored membership other dates; equal ones of an old mistake change together."""
    Membership.objects.filter(
        person=before.person_id, school_class=before.class_id, begin=before.begin, end=before.end
    ).update(begin=after.begin, end=after.end)


def _touch(changes: RosterPlan, now: datetime) -> None:
    """Have the lessons of the classes derived again from the first day on which a list differs."""
    firsts: dict[str, date] = {}
    for class_id, day in [
        *((one.class_id, one.begin or date.min) for one in changes.begun),
        *((one.before.class_id, one.first_day) for one in changes.changed),
    ]:
        firsts[class_id] = min(firsts.get(class_id, day), day)
    classes: dict[date, list[str]] = {}
    for class_id, day in firsts.items():
        classes.setdefault(day, []).append(class_id)
    for day, some in classes.items():
        touch(Lesson.objects.filter(school_class__in=some, date__gte=day), now)


def _save_teachers(roster: Roster) -> int:
    """Give teachers who have an account with the same address the classes of the file, too."""
    emails = {one.person_id: one.email.lower() for one in roster.people if one.role == "teacher"}
    accounts = {
        one.email.lower(): one
        for one in Account.objects.filter(role=Role.TEACHER).exclude(email="")
    }
    rows = {
        (accounts[email].pk, one.class_id)
        for one in roster.memberships
        if (email := emails.get(one.person_id)) and email in accounts
    }
    Teaching.objects.bulk_create(
        (Teaching(account_id=account, school_class_id=class_id) for account, class_id in rows),
        ignore_conflicts=True,
    )
    return len({account for account, _ in rows})
