"""Every page, with an account that may see it: where the checks of all pages stop."""

from datetime import UTC, datetime, timedelta
from typing import Final

from axes.models import AccessAttempt
from msgspec import structs

from kiosk.protocol.health import encode_health
from kiosk.register.accounts.manage import invite
from kiosk.register.ingest.store import store
from kiosk.register.marking.corrections import set_marks, take
from kiosk.register.marking.participation import give_points
from kiosk.register.models import Account, Blind, Event, KioskAlert, Mark, Person, Role, Term
from kiosk.register.office.consent import record, withdraw
from kiosk.register.office.timetable_import import Options
from kiosk.register.office.uploads import keep
from kiosk.register.rules.codes import Code
from kiosk.register.rules.settings import RuleSettings
from kiosk.register.web.api.tokens import make_token
from tests.kiosk.protocol.test_health import HEALTH
from tests.kiosk.register.support import OUTBOX, arrival, event
from tests.kiosk.register.web.support import School, mark

LESSON = "7b/maths/1"
STOPS: tuple[tuple[str, str], ...] = (
    ("", "/sign-in"),
    ("", "/invitation/{invitation}"),
    ("", "/invitation/gone"),
    ("", "/sign-in-link?token=old"),
    ("alice", "/now"),
    ("alice", f"/lessons/{LESSON}/now"),
    ("alice", f"/lessons/{LESSON}/students/s-1/mark"),
    ("alice", "/registers"),
    ("alice", "/classes"),
    ("alice", "/classes/7b/days"),
    ("alice", "/students/s-1/lessons"),
    ("alice", "/exports?class=7b"),
    ("alice", "/accounts"),
    ("alice", "/no-such-page"),
    ("alice", "/cards?class=7b"),
    ("olga", "/cards?class=7b"),
    ("olga", "/now"),
    ("olga", "/bin"),
    ("olga", "/bin/people/s-98"),
    ("olga", "/people/s-99/merge"),
    ("olga", "/imports"),
    ("olga", "/imports/{problems}"),
    ("olga", "/imports/{changes}"),
    ("olga", "/terms"),
    ("ada", "/set-up"),
    ("ada", "/accounts"),
    ("ada", "/accounts/1"),
    ("olga", "/consents?class=7b"),
    ("olga", "/students/s-1/consent"),
    ("ada", "/programs"),
    ("tom", "/kiosks"),
    ("tom", "/kiosks/school/room-1/kiosk-1"),
    ("tom", "/my-account"),
)
"""Account ("" is nobody) and path; a name in braces is a place of :func:`furnish`."""
PRESSES: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("alice", f"/lessons/{LESSON}/mend", {"code": "late", "reason": "bus"}),
    ("ada", "/accounts/1/link", {}),
    ("ada", "/programs", {"title": "Library", "scopes": "attendance"}),
    ("olga", "/students/s-3/consent", {"given_by": "the mother"}),
)
"""Pages that only a form leads to: account, where it is sent, and what is in it."""
NO_PAGES: Final = {
    "start": "goes on to the page of the role",
    "changes": "a stream",
    "export": "a file",
    "openapi": "a file",
    "oidc": "goes on to a service",
    "oidc-callback": "comes from a service",
}
"""What is opened by GET, and is no page."""


def furnish(school: School) -> dict[str, str]:
    """Give every page something to show; return the places that only the database knows."""
    now = datetime.now(UTC)
    people = {one.username: one for one in Account.objects.all()}
    _send(now)
    mark(school.lesson, "s-1", "late")
    Mark.objects.filter(person="s-1").update(event=Event.objects.get(subject_id="s-1"))
    alice = people["alice"]
    give_points(school.lesson, ["s-1"], 1, "explained the proof", account=alice, now=now)
    set_marks(
        school.lesson,
        {"s-2": 0},
        Code.EXCUSED,
        "choir",
        account=alice,
        settings=RuleSettings(),
        now=now,
    )
    take(school.lesson, alice, now)
    Person.objects.create(subject_id="s-99", name="A visitor", is_temporary=True)
    Term.objects.create(title="Autumn", begin=now.date(), end=now.date() + timedelta(days=90))
    make_token("Library", ["attendance"], people["ada"], now)
    alma, olga = Person.objects.get(pk="s-1"), people["olga"]
    record(alma, now, "the mother", "2026-01", account=olga, now=now)
    withdraw(alma, olga, now)
    files = {
        "problems": b"id,name,class\n,Ana,7b\ns-6,,7b\n",
        "changes": b"id,name,class\ns-5,Eva,7b",
    }
    kept = {
        name: str(
            keep(people["olga"], "roster", f"{name}.csv", Options(site="school"), data, now).pk
        )
        for name, data in files.items()
    }
    token = invite("eve", Role.TEACHER, email="", classes=[], made_by=people["ada"], now=now)
    return {**kept, "invitation": token}


def lock(name: str) -> None:
    """Have too many wrong passwords behind a name."""
    AccessAttempt.objects.create(username=name, ip_address="127.0.0.1", failures_since_start=10)


def _send(now: datetime) -> None:
    """A kiosk that sees nothing sends an event of a student, and one of nobody."""
    health = structs.replace(
        HEALTH,
        time=now.isoformat(timespec="milliseconds"),
        outbox_id=OUTBOX,
        last_sequence=5,
        camera="black",
    )
    events = [event(1, subject_id="s-1"), event(2, subject_id="s-98")]
    store([arrival(encode_health(health), "health", at=now)], now)
    store([arrival(one, at=now) for one in events], now)
    hour = timedelta(hours=1)
    door = {"site": "school", "room": "room-1", "kiosk": "kiosk-1"}
    KioskAlert.objects.create(**door, kind="blind", begin=now - hour)
    KioskAlert.objects.create(**door, kind="silent", begin=now - 9 * hour, end=now - 8 * hour)
    Blind.objects.create(begin=now - 3 * hour, end=now - 2 * hour)
