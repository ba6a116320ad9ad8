"""Fill an empty database with a district: classes, students, lessons of now, marks of two weeks."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

from django.db import connection, models, transaction
from django.test import Client

from kiosk.register.database import migrate
from kiosk.register.settings import SESSION_COOKIE_NAME

if TYPE_CHECKING:
    from kiosk.register.models import Account

LESSON_MIN: Final = 90
_BATCH: Final = 2_000
_EVERY_ABSENT: Final = 15
"""One mark in so many is an absence."""
T = TypeVar("T", bound=models.Model)


@dataclass(frozen=True, slots=True)
class Size:
    """How large the district is.

    Attributes:
        kiosks: Rooms with a kiosk; in each, a lesson of one class begins now.
        students: Students; each is in one of these classes.
        classes: All classes. Those without a lesson now are courses of the same students.
        days: Days of the past with a mark for each student.
    """

    kiosks: int
    students: int
    classes: int
    days: int

    def of_room(self, room: int) -> range:
        """Return the numbers of the students who come into a room."""
        each = -(-self.students // self.kiosks)
        return range(room * each, min((room + 1) * each, self.students))


def fill(size: Size, begin: datetime) -> None:
    """Make the district; its lessons of today begin at a time."""
    migrate()
    from kiosk.register import models as m

    with transaction.atomic():
        _store(
            m.Person, ({"subject_id": subject(i), "name": _name(i)} for i in range(size.students))
        )
        _store(
            m.SchoolClass,
            (
                {"class_id": f"c-{i}", "title": f"Class {i}", "site": "school"}
                for i in range(size.classes)
            ),
        )
        _store(m.Membership, _memberships(size))
        _store(m.Lesson, _lessons(size, begin))
        _store(m.Mark, _marks(size, begin))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    connection.close()


def make_accounts(teachers: int) -> tuple[str, list[str]]:
    """Make accounts; return the session of the office, and that of the teacher of each room."""
    from kiosk.register import models as m

    office = m.Account.objects.create_user("office", role=m.Role.OFFICE)
    sessions = []
    for i in range(teachers):
        teacher = m.Account.objects.create_user(f"teacher-{i}", role=m.Role.TEACHER)
        m.Teaching.objects.create(account=teacher, school_class_id=f"c-{i}")
        sessions.append(_session(teacher))
    return _session(office), sessions


def subject(number: int) -> str:
    """Return the id of a student."""
    return f"s-{number:05d}"


def lesson_id(room: int) -> str:
    """Return the id of the lesson that is in a room now."""
    return f"school/c-{room}/now"


def _session(account: "Account") -> str:
    client = Client()
    client.force_login(account, "django.contrib.auth.backends.ModelBackend")
    return client.cookies[SESSION_COOKIE_NAME].value


def _name(number: int) -> str:
    return f"Student {number:05d} Surname"


def _memberships(size: Size) -> Iterator[dict[str, Any]]:
    for room in range(size.kiosks):
        for student in size.of_room(room):
            yield {"person_id": subject(student), "school_class_id": f"c-{room}"}
    for course in range(size.kiosks, size.classes):
        for student in size.of_room(course % size.kiosks):
            yield {"person_id": subject(student), "school_class_id": f"c-{course}"}


def _days(size: Size, begin: datetime) -> Iterator[tuple[int, datetime]]:
    """Yield the days of the past, and today."""
    for back in range(size.days, -1, -1):
        yield back, begin - timedelta(days=back)


def _lessons(size: Size, begin: datetime) -> Iterator[dict[str, Any]]:
    for back, at in _days(size, begin):
        for room in range(size.kiosks):
            ends = at + timedelta(minutes=LESSON_MIN)
            yield {
                "lesson_id": f"school/c-{room}/{back}" if back else lesson_id(room),
                "school_class_id": f"c-{room}",
                "site": "school",
                "room": f"room-{room}",
                "date": at.date(),
                "starts_at": at,
                "ends_at": ends,
                "title": "Maths",
                "swept_at": ends if back else None,
            }


def _marks(size: Size, begin: datetime) -> Iterator[dict[str, Any]]:
    for back, at in _days(size, begin):
        for room in range(size.kiosks) if back else ():
            for student in size.of_room(room):
                is_absent = (student + back) % _EVERY_ABSENT == 0
                code = "absent" if is_absent else "present"
                yield {
                    "lesson_id": f"school/c-{room}/{back}",
                    "person_id": subject(student),
                    "status": code,
                    "derived": code,
                    "rule": "absent.lesson-over-and-complete" if is_absent else "present.in-window",
                    "updated_at": at,
                }


def _store(model: type[T], rows: Iterable[dict[str, Any]]) -> None:
    batch: list[T] = []
    for one in rows:
        batch.append(model(**one))
        if len(batch) == _BATCH:
            model._default_manager.bulk_create(batch)
            batch = []
    model._default_manager.bulk_create(batch)
