"""A small school, and a person who visits its pages."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.test import Client

from kiosk.register.models import (
    Account,
    Change,
    Lesson,
    Mark,
    Membership,
    Person,
    Role,
    SchoolClass,
    Teaching,
)

PASSWORD = "correct horse battery staple"
NAMES = {"s-1": "Alma Ibarra", "s-2": "Bruno Keller", "s-3": "Chen Wei"}


@dataclass(frozen=True)
class School:
    """Two classes, each with a teacher and a lesson that runs now.

    Alice teaches 7B (Alma, Bruno, Chen); Bob teaches 8A (Dora). Olga is in the office, Tom is the
    technician, Ada the administrator.
    """

    lesson: Lesson
    other_lesson: Lesson


def find_school() -> School:
    """Return the school of the database in use."""
    return School(*Lesson.objects.order_by("lesson_id"))


def make_school(now: datetime) -> None:
    """Fill an empty database; the lessons began ten minutes ago, or at midnight."""
    accounts = {
        name: Account.objects.create_user(name, password=PASSWORD, role=role)
        for name, role in (
            ("alice", Role.TEACHER),
            ("bob", Role.TEACHER),
            ("olga", Role.OFFICE),
            ("tom", Role.TECHNICIAN),
            ("ada", Role.ADMINISTRATOR),
        )
    }
    _class("7b", "7B", "room-7", NAMES, accounts["alice"], now)
    _class("8a", "8A", "room-8", {"s-4": "Dora Lind"}, accounts["bob"], now)


def _class(
    class_id: str, title: str, room: str, names: dict[str, str], teacher: Account, now: datetime
) -> None:
    school_class = SchoolClass.objects.create(class_id=class_id, title=title, site="school")
    Teaching.objects.create(account=teacher, school_class=school_class)
    for subject_id, name in names.items():
        person = Person.objects.create(subject_id=subject_id, name=name)
        Membership.objects.create(person=person, school_class=school_class)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    begin = max(now - timedelta(minutes=10), midnight)  # a lesson of today, also at midnight
    Lesson.objects.create(
        lesson_id=f"{class_id}/maths/1",
        school_class=school_class,
        site="school",
        room=room,
        date=begin.date(),
        starts_at=begin,
        ends_at=begin + timedelta(minutes=45),
        title=f"Maths {title}",
    )


def mark(lesson: Lesson, subject_id: str, status: str) -> Mark:
    """Store a mark as a rule would, and tell open pages."""
    now = datetime.now(UTC)
    made = Mark.objects.create(
        lesson=lesson,
        person_id=subject_id,
        status=status,
        derived=status,
        rule="test",
        updated_at=now,
    )
    Change.objects.create(at=now, kind="lesson", key=lesson.lesson_id)
    return made


def client_of(name: str) -> Client:
    """Return a client in which an account is signed in, without the form."""
    client = Client()
    client.force_login(
        Account.objects.get(username=name), "django.contrib.auth.backends.ModelBackend"
    )
    return client


def session_of(name: str) -> str:
    """Return the session cookie of an account that is signed in."""
    return client_of(name).cookies["kiosk-session"].value
