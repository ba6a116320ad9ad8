"""The class that the sample people are in, in a new database of the register."""

from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from kiosk.protocol.topics import KioskAddress
from kiosk.register.models import Account, Lesson, Membership, Person, Role, SchoolClass, Teaching

_NAMES: Final = ("Alma Ibarra", "Bruno Keller", "Chen Wei", "Dora Lindqvist", "Emil Novák", "You")
"""Invented names, for the sample people in the order in which they come, and for who is enrolled
from a camera."""
_AT_HOME: Final = {"sample-6": "Farah Haddad", "sample-7": "Gael Moreau"}
"""Two who do not come."""
_CLASS_ID: Final = "sample-7b"
_LESSON: Final = timedelta(minutes=45)


def fill(
    people: tuple[str, ...], kiosk: KioskAddress, *, late_from: datetime, late_after: timedelta
) -> Lesson:
    """Store the class, its teacher and one lesson at the kiosk's door.

    Args:
        people: Subject ids of the sample people, in the order in which they come; then "you", if
            somebody may be enrolled from a camera.
        kiosk: The kiosk at the door.
        late_from: Who comes after this is late.
        late_after: How long after its start a lesson counts as begun, as the rules have it.
    """
    school_class = SchoolClass.objects.create(class_id=_CLASS_ID, title="7B", site=kiosk.site)
    for subject_id, name in {**dict(zip(people, _NAMES, strict=False)), **_AT_HOME}.items():
        person = Person.objects.create(subject_id=subject_id, name=name)
        Membership.objects.create(person=person, school_class=school_class)
    teacher = Account.objects.create_user(
        "teacher", role=Role.TEACHER, first_name="Sample", last_name="Teacher"
    )
    Teaching.objects.create(account=teacher, school_class=school_class)
    begin = late_from - late_after
    return Lesson.objects.create(
        lesson_id=f"{_CLASS_ID}-{begin:%Y%m%d%H%M}",
        school_class=school_class,
        site=kiosk.site,
        room=kiosk.room,
        date=begin.astimezone(ZoneInfo("UTC")).date(),
        starts_at=begin.astimezone(UTC),
        ends_at=begin + _LESSON,
        title="Mathematics",
    )
