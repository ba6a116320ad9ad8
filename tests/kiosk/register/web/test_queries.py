"""No page, export or answer asks the database more often where a school is larger."""

from datetime import UTC, date, datetime, timedelta

from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from kiosk.protocol.topics import KioskAddress
from kiosk.register.config import RegisterConfig
from kiosk.register.handover.files import Kind
from kiosk.register.ingest.store import store
from kiosk.register.models import (
    Account,
    BinEntry,
    Card,
    Consent,
    Event,
    Kiosk,
    KioskAlert,
    Lesson,
    Mark,
    MarkChange,
    Membership,
    ParticipationPoint,
    Person,
    Role,
    SchoolClass,
    Taken,
    Teaching,
    Term,
)
from kiosk.register.overview.class_sums import ClassSum, class_sums
from kiosk.register.overview.history import Counting, Span, class_days
from kiosk.register.rules.day import Rate
from kiosk.register.web.api.endpoints import ENDPOINTS
from kiosk.register.web.api.tokens import SCOPES, make_token
from tests.kiosk.register.support import arrival, event, event_id
from tests.kiosk.register.web.browser.tour import STOPS, furnish
from tests.kiosk.register.web.support import School, client_of, mark
from tests.kiosk.register.web.test_history import earlier

FEW, MANY = 3, 30


@transaction.atomic
def enlarge(school: School, begin: int, end: int) -> None:
    """Add as much of everything: classes, students of 7B, kiosks, accounts, and what they do."""
    now = datetime.now(UTC)
    olga = Account.objects.get(username="olga")
    for i in range(begin, end):
        teacher = Account.objects.create(username=f"t-{i}", role=Role.TEACHER)
        school_class = SchoolClass.objects.create(class_id=f"c-{i}", title=f"C{i}", site="school")
        for account in (teacher, Account.objects.get(username="alice")):
            Teaching.objects.create(account=account, school_class=school_class)
        Term.objects.create(title=f"T{i}", begin=now.date(), end=now.date())
        person = Person.objects.create(subject_id=f"m-{i}", name=f"Member {i}")
        Person.objects.create(subject_id=f"v-{i}", name=f"Visitor {i}", is_temporary=True)
        for one in (school_class, school.lesson.school_class):
            Membership.objects.create(person=person, school_class=one)
        lesson = Lesson.objects.create(
            lesson_id=f"c-{i}/1",
            school_class=school_class,
            site="school",
            room=f"door-{i}",
            date=school.lesson.date,
            starts_at=school.lesson.starts_at,
            ends_at=school.lesson.ends_at,
            title=f"Lesson {i}",
        )
        _attend(lesson, person, olga, now)
        _attend(school.lesson, person, olga, now)
        door = {"site": "school", "room": f"door-{i}", "kiosk": "kiosk-1"}
        outbox = f"11111111-1111-4111-8111-{i:012x}"
        made = event(9, outbox, event_id=event_id(900 + i), subject_id=person.pk, **door)
        address = KioskAddress(**door)
        store([arrival(made, address=address, at=now)], now)
        for room in (f"silent-{i}", "room-7"):
            Kiosk.objects.create(site="school", room=room, kiosk=f"kiosk-{i}")
        KioskAlert.objects.create(**door, kind="silent", begin=now)
        KioskAlert.objects.create(**door, kind="blind", begin=now, end=now)
        BinEntry.objects.create(
            digest=str(i), reason="unknown person", topic="t", payload=b"{}", arrived_at=now
        )
        make_token(f"token {i}", SCOPES, olga, now)


def _attend(lesson: Lesson, person: Person, by: Account, now: datetime) -> None:
    Mark.objects.create(
        lesson=lesson, person=person, status="late", derived="late", rule="r", updated_at=now
    )
    MarkChange.objects.create(
        lesson=lesson,
        person=person,
        at=now - timedelta(minutes=1),
        before="not-known",
        after="late",
        account=by,
        version=1,
    )
    ParticipationPoint.objects.create(lesson=lesson, person=person, at=now, account=by)
    Taken.objects.create(lesson=lesson, account=by, at=now, audit_position=1)
    Consent.objects.create(
        person=person, given_at=now, given_by="A", text_id="1", withdrawn_at=now, withdrawn_by=by
    )
    Card.objects.create(
        card_id=f"{lesson.pk}-{person.pk}",
        person=person,
        issued_at=now,
        issued_by=by,
        expires_on=date(2099, 1, 1),
    )


def addresses(places: dict[str, str]) -> list[tuple[str, str]]:
    """Every page and file, each with an account that sees it, and every answer of the API ("")."""
    found = [(account, path.format(**places)) for account, path in STOPS if account]
    files = [("olga", f"/exports/{kind.value}?class=7b") for kind in Kind]
    queries = {"lessons": f"?date={datetime.now(UTC).date()}", "marks": "?lesson_id=7b/maths/1"}
    answers = [("", reverse(f"api-{one.name}") + queries.get(one.name, "")) for one in ENDPOINTS]
    return [*found, *files, *answers]


def test_no_address_asks_the_database_more_often_in_a_larger_school(school: School) -> None:
    """With 3 and with 30 of everything the number of queries is the same."""
    with transaction.atomic():
        places = furnish(school)
    enlarge(school, 0, FEW)
    token = make_token("all", SCOPES, Account.objects.get(username="ada"), datetime.now(UTC))
    clients = {name: client_of(name) for name in ("alice", "bob", "olga", "tom", "ada")}
    clients[""] = Client(headers={"Authorization": f"Bearer {token}"})

    for client in clients.values():
        client.get("/my-account")  # what is asked once for a session

    def queries() -> dict[str, list[str]]:
        found = {}
        for account, path in addresses(places):
            with CaptureQueriesContext(connection) as captured:
                clients[account].get(path)
            found[f"{account} {path}"] = [one["sql"] for one in captured]
        return found

    few = queries()
    enlarge(school, FEW, MANY)
    many = queries()
    assert Event.objects.count() > MANY
    more = {
        path: (len(few[path]), len(asked))
        for path, asked in many.items()
        if len(asked) > len(few[path])
    }
    assert more == {}


def test_the_sums_of_classes_are_those_of_their_days(
    school: School, config: RegisterConfig
) -> None:
    """The database counts what the page of a class shows: members, lessons, absences in a row."""
    school_class = school.lesson.school_class
    today = school.lesson.date
    days = [earlier(school.lesson, number) for number in range(1, 6)]
    days.append(earlier(school.lesson, 30))
    codes = {
        "s-1": ("absent", "excused", "absent", "present", "absent", "absent"),
        "s-2": ("absent", "absent", "late", "absent", "absent", "absent"),
        "s-3": ("off-site", "absent", "absent", "absent", "absent", "present"),
    }
    for subject_id, row in codes.items():
        for lesson, code in zip(days, row, strict=True):
            mark(lesson, subject_id, code)
    Membership.objects.filter(person="s-2").update(begin=today - timedelta(days=2))
    Membership.objects.create(
        person=Person.objects.create(subject_id="s-5", name="Former"),
        school_class=school_class,
        end=today - timedelta(days=20),
    )
    counting = Counting(config.zone, config.rules.noon, config.codes)
    span, now = Span(today - timedelta(days=13), today), datetime.now(UTC)
    sums = class_sums(SchoolClass.objects.order_by("pk"), span, 3, now=now, counting=counting)
    found = class_days(school_class.pk, span, now=now, counting=counting)
    runs = [one.run.days for one in found.students]
    assert runs == [3, 2, 0]
    assert sums["7b"] == ClassSum(3, Rate(3, 14), 1)
    assert sums["8a"] == ClassSum(1, Rate(0, 0), 0)
