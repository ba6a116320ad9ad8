"""The page of a lesson."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.formats import date_format
from msgspec import structs

from kiosk.protocol.health import encode_health
from kiosk.protocol.topics import KioskAddress
from kiosk.register.ingest.heartbeat import beat
from kiosk.register.ingest.store import store
from kiosk.register.models import (
    Event,
    Kiosk,
    Lesson,
    Mark,
    Membership,
    ParticipationPoint,
    Person,
    Taken,
)
from tests.kiosk.protocol.test_health import HEALTH
from tests.kiosk.register.support import OUTBOX, arrival, event
from tests.kiosk.register.web.support import School, client_of, mark
from tests.kiosk.register.web.test_history import earlier


def page_of(lesson: Lesson, query: str = "", name: str = "alice") -> str:
    response = client_of(name).get(f"/lessons/{lesson.lesson_id}/now{query}")
    assert response.status_code == 200
    return response.content.decode()


def test_a_teacher_does_not_see_the_class_of_another(school: School) -> None:
    """Another teacher's lesson is not found, whether it exists or not."""
    response = client_of("alice").get(f"/lessons/{school.other_lesson.lesson_id}/now")
    assert response.status_code == 404


def test_the_head_counts_each_status(school: School) -> None:
    """Words and numbers, for those who are not seen yet, too."""
    mark(school.lesson, "s-1", "present")
    html = page_of(school.lesson)
    assert "1 present" in html
    assert "2 not known yet" in html


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("?status=present", {"s-1"}),
        ("?name=KEL", {"s-2"}),
        ("?name=kéll+brú", {"s-2"}),
        ("?status=late", set()),
        ("", {"s-1", "s-2", "s-3"}),
    ],
)
def test_status_and_name_are_filtered_without_a_script(
    school: School, query: str, shown: set[str]
) -> None:
    """The form works by itself; rows that are left out are hidden, and it says if all are."""
    mark(school.lesson, "s-1", "present")
    html = page_of(school.lesson, query)
    rows = {one: html.split(f'id="row-{one}"')[1].split(">")[0] for one in ("s-1", "s-2", "s-3")}
    assert {key for key, tag in rows.items() if " hidden" not in tag} == shown
    assert (">Nobody in this lesson has this name or status.<" in html) == (not shown)


def test_students_of_one_name_are_told_apart(school: School) -> None:
    """By their ids; nobody else's id is on the page."""
    Person.objects.filter(pk="s-3").update(name="Alma Ibarra")
    html = page_of(school.lesson)
    assert "Alma Ibarra (s-1)" in html
    assert "Alma Ibarra (s-3)" in html
    assert "(s-2)" not in html


def test_a_kiosk_that_is_away_is_named_instead_of_absences(school: School) -> None:
    """Who is not known yet is counted with the reason."""
    now = datetime.now(UTC)
    Kiosk.objects.create(
        site="school",
        room="room-7",
        kiosk="door-7",
        is_online=False,
        availability_at=now - timedelta(minutes=4),
    )
    html = page_of(school.lesson)
    assert "door-7 is offline since" in html
    assert "3 students not known yet" in html


def test_a_register_that_is_away_is_named_instead_of_the_kiosk(school: School) -> None:
    """The kiosk may well be there."""
    then = datetime.now(UTC) - timedelta(hours=1)
    Kiosk.objects.create(
        site="school", room="room-7", kiosk="door-7", is_online=True, health_at=then
    )
    beat("register-1", then)
    html = page_of(school.lesson)
    assert "because the register does not run" in html
    assert "3 students not known yet" in html
    assert "is offline since" not in html


def test_a_kiosk_without_a_picture_is_named(school: School) -> None:
    """At once: a teacher may look who is there."""
    now = datetime.now(UTC)
    facts = {"time": now.isoformat(timespec="milliseconds"), "outbox_id": OUTBOX}
    said = structs.replace(HEALTH, camera="black", last_sequence=0, **facts)
    where = KioskAddress("school", "room-7", "door-7")
    store([arrival(encode_health(said), "health", address=where, at=now)], now)
    assert "door-7 gives no usable picture; 3 students not known yet" in page_of(school.lesson)


def test_a_room_without_a_kiosk_says_so(school: School) -> None:
    """Nobody waits for what cannot come."""
    assert "No kiosk of room-7 was heard yet." in page_of(school.lesson)


def test_who_took_the_register_is_shown_and_whether_marks_changed_since(school: School) -> None:
    """The confirmation is of the marks as they stood."""
    client = client_of("alice")
    path = f"/lessons/{school.lesson.lesson_id}"
    assert client.post(f"{path}/take").status_code == 302
    html = page_of(school.lesson)
    assert "Register taken by alice" in html
    assert "Marks have changed since" not in html
    form = {"student": ["0:s-1"], "code": "late", "reason": "bus"}
    client.post(f"{path}/mend", form)
    assert "Marks have changed since" in page_of(school.lesson)


def test_the_list_of_registers_has_those_that_were_not_taken(school: School) -> None:
    """A teacher sees the own classes, the office all."""
    seen = {name: client_of(name).get("/registers").content.decode() for name in ("alice", "olga")}
    assert ("Maths 7B" in seen["alice"], "Maths 8A" in seen["alice"]) == (True, False)
    assert ("Maths 7B" in seen["olga"], "Maths 8A" in seen["olga"]) == (True, True)
    client_of("alice").post(f"/lessons/{school.lesson.lesson_id}/take")
    assert "Maths 7B" not in client_of("olga").get("/registers").content.decode()
    assert "Register taken by alice" in client_of("alice").get("/now").content.decode()
    assert Taken.objects.get().account.username == "alice"
    Lesson.objects.update(starts_at=datetime.now(UTC) + timedelta(minutes=5))
    page = client_of("olga").get("/registers").content.decode()
    assert "No lesson of your classes has begun today." in page


def test_registers_of_the_days_before_are_listed_until_they_are_taken(school: School) -> None:
    """The oldest first, with their days, as long as the account may take them; never others'."""
    days = [earlier(school.lesson, number) for number in (1, 2, 6, 20)]
    Lesson.objects.filter(pk=days[1].pk).update(ends_at=days[1].ends_at + timedelta(hours=1))
    cancelled = earlier(school.lesson, 3)
    Lesson.objects.filter(pk=cancelled.pk).update(status="cancelled")
    other = earlier(school.other_lesson, 1)

    def listed(account: str) -> list[str]:
        found = client_of(account).get("/registers").context["earlier"]
        return [one.lesson.pk for one in found]

    assert listed("alice") == [days[1].pk, days[0].pk]  # 48 hours
    assert listed("olga") == [days[2].pk, days[1].pk, days[0].pk, other.pk]
    assert listed("bob") == [other.pk]
    page = client_of("alice").get("/registers").content.decode()
    assert f'href="/lessons/{days[1].pk}/now"' in page
    assert date_format(days[1].date, "j M Y") in page
    client_of("alice").post(f"/lessons/{days[1].pk}/take")
    assert listed("alice") == [days[0].pk]


def test_a_long_list_of_registers_is_cut_and_says_so(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A school that takes no registers has thousands."""
    for number in (1, 2, 3):
        earlier(school.lesson, number)
    assert "are shown" not in client_of("olga").get("/registers").content.decode()
    monkeypatch.setattr("kiosk.register.web.pages.registers._EARLIER_MAX", 2)
    answer = client_of("olga").get("/registers")
    assert len(answer.context["earlier"]) == 2
    assert "The oldest 2 are shown." in answer.content.decode()


def test_who_takes_a_register_hears_who_is_not_known(school: School) -> None:
    """It is taken, and the page says how many nobody has seen."""
    mark(school.lesson, "s-1", "present")
    path = f"/lessons/{school.lesson.lesson_id}/take"
    page = client_of("alice").post(path, follow=True).content.decode()
    assert "The register is taken." in page
    assert "2 students are not known yet." in page
    assert "Take the register again" in page


def test_a_lesson_says_on_the_list_of_today_what_state_it_has(school: School) -> None:
    """Running, over, to come or cancelled, with its marks."""
    mark(school.lesson, "s-1", "late")
    html = client_of("alice").get("/now").content.decode()
    assert "running" in html
    assert "1 late" in html
    Lesson.objects.filter(pk=school.lesson.pk).update(status="cancelled")
    assert "cancelled" in client_of("alice").get("/now").content.decode()


def test_the_reason_of_a_mark_has_the_kiosk_s_figures_and_no_image(school: School) -> None:
    """Score, threshold, margin, votes, quality, model, times and clock."""
    where = KioskAddress("school", "room-7", "door-7")
    now = datetime.now(UTC)
    made = event(
        1,
        subject_id="s-1",
        room="room-7",
        kiosk="door-7",
        time=now.isoformat(timespec="milliseconds"),
        clock="unsynchronised",
    )
    store([arrival(made, address=where, at=now)], now)
    one = mark(school.lesson, "s-1", "present")
    Mark.objects.filter(pk=one.pk).update(event=Event.objects.get(), rule="late.after")
    path = f"/lessons/{school.lesson.lesson_id}/students/s-1/mark"
    html = client_of("alice").get(path).content.decode()
    for text in ("0.50", "0.10", "0.20", "5 of 6", "0.90", "small-1", "may be wrong", "late.after"):
        assert text in html
    assert "<img" not in html
    assert client_of("bob").get(path).status_code == 404
    assert client_of("alice").get(path.replace("s-1", "s-4")).status_code == 404


@pytest.mark.parametrize("path", ["/lessons/{}/now", "/now", "/registers"])
def test_the_number_of_queries_does_not_grow_with_the_students(school: School, path: str) -> None:
    """A page of 40 students costs as many as one of 3."""
    client = client_of("alice")
    address = path.format(school.lesson.lesson_id)

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(address).status_code == 200
        return len(queries)

    mark(school.lesson, "s-1", "present")
    before = count()
    for number in range(37):
        person = Person.objects.create(subject_id=f"x-{number}", name=f"Person {number}")
        Membership.objects.create(person=person, school_class_id="7b")
        mark(school.lesson, person.subject_id, "late")
        ParticipationPoint.objects.create(lesson=school.lesson, person=person, at=datetime.now(UTC))
    assert count() == before <= 20
