"""The bin's pages: see, process again, dismiss, and say who somebody is."""

from datetime import UTC, datetime

import msgspec
import pytest
from django.urls import reverse

from kiosk.protocol.event import encode
from kiosk.register.ingest.store import store
from kiosk.register.models import BinEntry, Change, Dismissal, Event, Mark, MarkChange, Person
from kiosk.register.office.merge import merge
from tests.kiosk.register.support import arrival, event
from tests.kiosk.register.web.support import School, client_of, mark


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def stranger(school: School, now: datetime) -> str:
    """The subject id of an unknown person, of whom two messages are in the bin."""
    assert school
    for number in (1, 2):
        time = now.isoformat(timespec="milliseconds")
        message = arrival(encode(event(number, subject_id="s-99", time=time)), at=now)
        store([message], now)
    return "s-99"


@pytest.fixture
def guest(school: School, now: datetime) -> Event:
    """A stored event of a student at another class's lesson."""
    assert school
    time = now.isoformat(timespec="milliseconds")
    store([arrival(encode(event(3, subject_id="s-1", time=time)), at=now)], now)
    Event.objects.update(placing="not in the class")
    return Event.objects.get()


def test_an_empty_bin_says_so(school: School) -> None:
    """In words, without an empty table."""
    assert school
    page = client_of("olga").get("/bin").content.decode()
    assert "The bin is empty" in page
    assert "<table" not in page


def test_messages_and_events_are_shown_with_their_reasons(stranger: str, guest: Event) -> None:
    """The list is filtered by reason, and says what to do about it."""
    assert guest
    office = client_of("olga")
    page = office.get("/bin").content.decode()
    assert "3 are in the bin" in page
    assert "unknown person (2)" in page
    assert "not in the class (1)" in page
    page = office.get("/bin?reason=unknown+person").content.decode()
    assert page.count(f'href="/bin/people/{stranger}"') == 2
    assert "import the roster" in page
    assert "school/room-1/kiosk-1" in page


@pytest.mark.parametrize("subject_id", ["2026/17", "a?b#c", "é %2f"])
def test_an_unknown_id_may_have_any_characters(
    subject_id: str, school: School, now: datetime
) -> None:
    """Ids of a school may have slashes, and a kiosk that was taken over may send anything."""
    assert school
    time = now.isoformat(timespec="milliseconds")
    store([arrival(encode(event(1, subject_id=subject_id, time=time)), at=now)], now)
    office = client_of("olga")
    address = reverse("bin-person", kwargs={"subject_id": subject_id})
    assert f'href="{address}"' in office.get("/bin").content.decode()
    answer = office.post(address, {"do": "temporary", "name": "A visitor"})
    assert answer.headers["Location"] == "/bin"
    merge_address = reverse("merge", kwargs={"subject_id": subject_id})
    assert f'href="{merge_address}"' in office.get("/bin").content.decode()
    assert office.get(merge_address).status_code == 200


def test_a_technician_sees_kiosks_and_not_people(stranger: str, guest: Event) -> None:
    """Neither subject ids nor the details that may hold them."""
    page = client_of("tom").get("/bin").content.decode()
    assert "school/room-1/kiosk-1" in page
    assert stranger not in page
    assert guest.subject_id not in page


def test_open_pages_hear_of_a_new_message(stranger: str) -> None:
    """The ingest tells them in the transaction that puts it there."""
    assert stranger
    assert Change.objects.filter(kind="bin").exists()


def test_an_item_is_dismissed_with_a_reason(stranger: str, guest: Event) -> None:
    """Who, when and why are kept, for messages and events; nothing is deleted."""
    assert stranger
    office = client_of("olga")
    entry = BinEntry.objects.earliest("pk")
    items = [f"m{entry.pk}", f"e{guest.pk}"]
    answer = office.post("/bin/change", {"item": items, "do": "dismiss"}, follow=True)
    assert b"Say why" in answer.content
    office.post("/bin/change", {"item": items, "do": "dismiss", "why": "a visitor"})
    entry.refresh_from_db()
    assert (entry.dismissed_by and entry.dismissed_by.username) == "olga"
    dismissal = Dismissal.objects.get()
    assert (dismissal.why, dismissal.placing) == ("a visitor", "not in the class")
    assert "1 is in the bin" in office.get("/bin").content.decode()
    page = office.get("/bin?reason=dismissed").content.decode()
    assert page.count("olga: a visitor") == 2


def test_items_are_processed_again(stranger: str, guest: Event) -> None:
    """What can be placed leaves the bin; an event goes back to the marker; dismissed ones, too."""
    office = client_of("olga")
    keys = [f"m{one}" for one in BinEntry.objects.values_list("pk", flat=True)]
    office.post("/bin/change", {"item": keys, "do": "dismiss", "why": "mistake"})
    answer = office.post("/bin/change", {"item": keys, "do": "again"}, follow=True)
    assert b"2 stay in the bin" in answer.content
    assert not BinEntry.objects.exclude(dismissed_at=None).exists()
    Person.objects.create(subject_id=stranger, name="Nora Vik")
    answer = office.post(
        "/bin/change", {"item": [*keys, f"e{guest.pk}"], "do": "again"}, follow=True
    )
    assert b"3 left the bin" in answer.content
    assert not BinEntry.objects.exists()
    assert set(Event.objects.values_list("placing", flat=True)) == {"new"}


def test_an_unknown_person_becomes_a_student_of_the_list(stranger: str) -> None:
    """The student is searched by name; the messages are stored, and later ones will be."""
    office = client_of("olga")
    assert b"Alma Ibarra" in office.get(f"/bin/people/{stranger}?q=ÍBAR+ál").content
    answer = office.post(f"/bin/people/{stranger}", {"do": "assign", "student": "s-1"}, follow=True)
    assert b"2 left the bin" in answer.content
    assert Person.objects.get(subject_id=stranger).merged_into_id == "s-1"
    assert Event.objects.filter(subject_id=stranger).count() == 2


def test_an_unknown_person_becomes_a_temporary_student(stranger: str, now: datetime) -> None:
    """With a name and a class from the day of the first message on."""
    office = client_of("olga")
    data = {"do": "temporary", "name": "Visitor in red", "class": "7b"}
    office.post(f"/bin/people/{stranger}", data)
    person = Person.objects.get(subject_id=stranger)
    assert (person.name, person.is_temporary, person.is_listed) == ("Visitor in red", True, True)
    membership = person.memberships.get()
    assert (membership.school_class_id, membership.begin) == ("7b", now.date())
    assert b"Visitor in red" in office.get("/bin").content
    assert office.get(f"/bin/people/{stranger}").status_code == 404


def test_who_has_left_the_list_can_be_put_back(stranger: str) -> None:
    """An id of the list is nobody else's."""
    Person.objects.create(subject_id=stranger, name="Nora Vik", is_listed=False)
    office = client_of("olga")
    assert b"no longer in the list" in office.get(f"/bin/people/{stranger}").content
    office.post(f"/bin/people/{stranger}")
    assert Person.objects.get(subject_id=stranger).is_listed
    assert not BinEntry.objects.exists()


@pytest.mark.parametrize(
    ("own", "expected"), [(None, "late"), ("absent", "late"), ("present", "present")]
)
def test_a_temporary_student_is_merged(school: School, own: str | None, expected: str) -> None:
    """Marks move unless the student has one that counts more; the audit trail names both."""
    visitor = Person.objects.create(subject_id="s-99", name="Visitor", is_temporary=True)
    mark(school.lesson, "s-99", "late")
    if own:
        mark(school.lesson, "s-1", own)
    office = client_of("olga")
    office.post(f"/people/{visitor.subject_id}/merge", {"student": "s-1"})
    (kept,) = Mark.objects.all()
    assert (kept.person_id, kept.status) == ("s-1", expected)
    assert kept.version == (2 if own == "absent" else 1)
    changes = {(one.person_id, one.after) for one in MarkChange.objects.all()}
    moved = {("s-1", "late")} if expected == "late" else set()
    assert changes == {("s-99", "not-known"), *moved}
    assert office.get("/people/s-99/merge").status_code == 404
    page = client_of("alice").get(f"/lessons/{school.lesson.lesson_id}/now").content
    assert b"Visitor" not in page


def test_classes_move_with_a_merged_student(school: School, now: datetime) -> None:
    """A class that the student has already is not doubled."""
    assert school
    visitor = Person.objects.create(subject_id="s-99", name="Visitor", is_temporary=True)
    for class_id in ("7b", "8a"):
        visitor.memberships.create(school_class_id=class_id)
    student = Person.objects.get(subject_id="s-1")
    merge(visitor, student, None, now)
    assert sorted(one.school_class_id for one in student.memberships.all()) == ["7b", "8a"]


def test_a_payload_that_is_not_json_is_shown(school: School, now: datetime) -> None:
    """Whatever came, the page opens."""
    assert school
    odd = [b"\xff", b"{", b"[1]", msgspec.json.encode({"subject_id": 5})]
    store([arrival(one, at=now) for one in odd], now)
    assert client_of("olga").get("/bin").content.count(b"not a message of a kiosk") > len(odd) - 1
