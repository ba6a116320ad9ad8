"""Guests: a student of another class in one lesson, on the page, in marks, files and the API."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from kiosk.protocol.topics import KioskAddress
from kiosk.register.handover.position import position_now
from kiosk.register.handover.selection import Scope, select
from kiosk.register.ingest.store import store
from kiosk.register.models import Account, Event, Guest, Lesson, Mark, MarkChange, Person
from kiosk.register.office.guests import add_guest
from kiosk.register.office.merge import merge
from kiosk.register.overview.history import Span
from kiosk.register.overview.members import expected_in
from kiosk.register.web.api.tokens import make_token
from tests.kiosk.register.marking.support import work
from tests.kiosk.register.support import arrival, event
from tests.kiosk.register.web.support import School, client_of

PATH = "/lessons/7b/maths/1"


@pytest.fixture
def now(school: School) -> datetime:
    assert school
    return datetime.now(UTC)


def add(text: str, account: str = "alice") -> tuple[int, str]:
    response = client_of(account).post(f"{PATH}/guests", {"guest": text}, follow=True)
    return response.status_code, response.content.decode()


def see(subject_id: str, now: datetime) -> None:
    """The kiosk at the door of 7B recognises somebody."""
    door = KioskAddress("school", "room-7", "kiosk-1")
    time = now.isoformat(timespec="milliseconds")
    made = event(1, subject_id=subject_id, time=time, room=door.room, kiosk=door.kiosk)
    store([arrival(made, address=door, at=now)], now)


@pytest.mark.parametrize("text", ["s-4", "dora  LIND"])
def test_a_guest_is_in_the_lesson_with_what_was_seen(
    school: School, now: datetime, text: str
) -> None:
    """The event that belonged to no lesson of the student becomes the mark."""
    see("s-4", now)
    work(now)
    assert Event.objects.get().placing == "not in the class"
    code, page = add(text)
    assert (code, "Dora Lind is a guest of this lesson." in page) == (200, True)
    work(now)
    assert Event.objects.get().placing == "placed"
    assert Mark.objects.get(lesson=school.lesson).person_id == "s-4"
    assert [one.subject_id for one in expected_in(school.lesson)] == ["s-1", "s-2", "s-3", "s-4"]
    assert [one.subject_id for one in expected_in(school.other_lesson)] == ["s-4"]
    assert client_of("alice").get(f"{PATH}/students/s-4/mark").status_code == 200
    assert client_of("alice").get("/students/s-4/lessons").status_code == 200


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Dora", "No student has this id"),
        ("", "No student has this id"),
        ("s-1", "is in the lesson already"),
        ("Alma Ibarra", "is in the lesson already"),
        ("Twin", "Several students have this name"),
    ],
)
def test_a_guest_is_named_exactly(now: datetime, text: str, says: str) -> None:
    """A part of a name finds nobody, so that no teacher reads the list of the school here."""
    assert now
    for number in (7, 8):
        Person.objects.create(subject_id=f"s-{number}", name="Twin")
    code, page = add(text)
    assert (code, says in page) == (400, True)
    assert f'name="guest" value="{text}"' in page
    assert not Guest.objects.exists()


def test_a_guest_is_removed_with_the_mark_of_the_rules(school: School, now: datetime) -> None:
    """The trail keeps what was; what a person has set is not rewritten."""
    add("s-4")
    see("s-4", now)
    work(now)
    alice = client_of("alice")
    assert alice.post(f"{PATH}/guests", {"remove": "s-4"}).status_code == 302
    work(now)
    assert Mark.objects.get(lesson=school.lesson).status == "not-known"
    assert MarkChange.objects.order_by("pk").last().after == "not-known"  # type: ignore[union-attr]
    assert "Dora" not in alice.get(f"{PATH}/now").content.decode()


def test_a_guest_is_exempt_from_the_own_lesson_at_that_time(school: School, now: datetime) -> None:
    """Until the guest is a guest no more; the lesson after it counts as ever."""
    own = school.other_lesson
    Lesson.objects.create(
        lesson_id="8a/art/1",
        school_class=own.school_class,
        site="school",
        room="room-8",
        date=own.date,
        starts_at=own.ends_at,
        ends_at=own.ends_at + timedelta(minutes=45),
        title="Art",
    )
    add("s-4")
    work(now)
    exempt = Mark.objects.filter(person="s-4", status="exempt")
    assert [(one.lesson_id, one.rule) for one in exempt] == [(own.pk, "exempt.guest-elsewhere")]
    page = client_of("bob").get(f"/lessons/{own.pk}/students/s-4/mark").content.decode()
    assert "a guest of another lesson at this time" in page
    assert "Guest of Maths 7B," in page
    assert "Added by alice," in page
    client_of("alice").post(f"{PATH}/guests", {"remove": "s-4"})
    work(now)
    assert Mark.objects.get(lesson=own).status == "not-known"


def test_who_comes_to_the_own_lesson_is_present_there(school: School, now: datetime) -> None:
    """What a kiosk has seen counts more than a plan."""
    add("s-4")
    door = KioskAddress("school", "room-8", "kiosk-1")
    time = now.isoformat(timespec="milliseconds")
    made = event(1, subject_id="s-4", time=time, room=door.room, kiosk=door.kiosk)
    store([arrival(made, address=door, at=now)], now)
    work(now)
    assert Mark.objects.get(lesson=school.other_lesson).rule != "exempt.guest-elsewhere"


def test_a_guest_of_a_cancelled_lesson_is_not_exempt(school: School, now: datetime) -> None:
    """There is nowhere else to be."""
    Lesson.objects.filter(pk=school.lesson.pk).update(status="cancelled")
    add_guest(school.lesson, "s-4", Account.objects.get(username="olga"), now)
    work(now)
    assert not Mark.objects.filter(status="exempt").exists()


def test_after_the_time_to_correct_nobody_adds_guests(school: School) -> None:
    """A teacher asks the office, as with marks."""
    Lesson.objects.filter(pk=school.lesson.pk).update(
        starts_at=school.lesson.starts_at - timedelta(days=9),
        ends_at=school.lesson.ends_at - timedelta(days=9),
    )
    assert add("s-4")[0] == 400
    assert add("s-4", "olga")[0] == 200


def test_files_and_the_api_have_the_guest_of_the_lesson(school: School, now: datetime) -> None:
    """Only there: the class is that of the lesson."""
    add("s-4")
    today = school.lesson.date
    scope = Scope("7B", ["7b"], Span(today, today))
    lines = select(scope, position_now(now), lambda _site: ZoneInfo("UTC")).lines
    assert [one.student_id for one in lines] == ["s-1", "s-2", "s-3", "s-4"]
    token = make_token("t", ["attendance"], Account.objects.get(username="ada"), now)
    answer = Client(headers={"Authorization": f"Bearer {token}"}).get(
        "/api/v1/marks", {"lesson_id": school.lesson.pk}
    )
    assert [one["subject_id"] for one in answer.json()][-1] == "s-4"


def test_a_visitor_who_is_merged_is_one_guest(school: School, now: datetime) -> None:
    """The student was there already, or takes the place."""
    olga = Account.objects.get(username="olga")
    visitor = Person.objects.create(subject_id="s-9", name="Visitor", is_temporary=True)
    for text in ("s-9", "s-4"):
        add_guest(school.lesson, text, olga, now)
    merge(visitor, Person.objects.get(pk="s-4"), olga, now)
    assert list(Guest.objects.values_list("person", flat=True)) == ["s-4"]
