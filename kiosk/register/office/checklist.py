"""What a new system still needs, in the order in which a person does it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from kiosk.errors import PayloadError
from kiosk.protocol.health import decode_health
from kiosk.register.models import Account, Kiosk, Lesson, Membership, Person, Role, SchoolClass


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a system has.

    Attributes:
        students: Students in the list.
        classes: Classes.
        members: Students who are in a class.
        lessons: Lessons that are not over.
        kiosks: Kiosks that were heard.
        enrolled: The largest number of people who are enrolled on a kiosk.
        colleagues: Accounts beside administrators.
        untaught: Classes that no teacher's account has.
    """

    students: int = 0
    classes: int = 0
    members: int = 0
    lessons: int = 0
    kiosks: int = 0
    enrolled: int = 0
    colleagues: int = 0
    untaught: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """Something to do.

    Attributes:
        code: Which.
        is_done: It is done.
        count: How many there are, or are missing.
    """

    code: str
    is_done: bool
    count: int


NEEDED: Final = frozenset({"roster", "timetable", "kiosk", "enrolled"})
"""Without one of these, no mark can come."""


def load_facts(now: datetime) -> Facts:
    """Read what the system has."""
    kiosks = Kiosk.objects.exclude(availability_at=None, health_at=None)
    members = Membership.objects.filter(person__is_listed=True).values("person").distinct()
    return Facts(
        students=Person.objects.filter(is_listed=True).count(),
        classes=SchoolClass.objects.count(),
        members=members.count(),
        lessons=Lesson.objects.filter(ends_at__gt=now, status="scheduled").count(),
        kiosks=kiosks.count(),
        enrolled=max((_people(one) for one in kiosks), default=0),
        colleagues=Account.objects.filter(is_active=True).exclude(role=Role.ADMINISTRATOR).count(),
        untaught=SchoolClass.objects.filter(teaching=None).count(),
    )


def steps(facts: Facts) -> list[Step]:
    """Return all steps; pure."""
    return [
        Step("roster", facts.students > 0 and facts.members > 0, facts.students),
        Step("timetable", facts.lessons > 0, facts.lessons),
        Step("kiosk", facts.kiosks > 0, facts.kiosks),
        Step("enrolled", facts.enrolled > 0, facts.enrolled),
        Step("accounts", facts.colleagues > 0, facts.colleagues),
        Step("teachers", facts.classes > 0 and not facts.untaught, facts.untaught),
    ]


def is_ready(facts: Facts) -> bool:
    """Return whether marks can come; what else is open may wait."""
    return all(one.is_done for one in steps(facts) if one.code in NEEDED)


def _people(kiosk: Kiosk) -> int:
    try:
        return decode_health(bytes(kiosk.health)).people if kiosk.health else 0
    except PayloadError:
        return 0
