"""The pages of classes and students over days."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kiosk.register.config import RegisterConfig
from kiosk.register.models import Lesson, Membership, Person
from kiosk.register.rules.codes import Code, CodeSection
from tests.kiosk.register.web.support import School, client_of, mark


def earlier(lesson: Lesson, days: int) -> Lesson:
    """The same lesson some days before."""
    shift = timedelta(days=days)
    return Lesson.objects.create(
        lesson_id=f"{lesson.lesson_id}-{days}",
        school_class=lesson.school_class,
        site=lesson.site,
        room=lesson.room,
        date=lesson.date - shift,
        starts_at=lesson.starts_at - shift,
        ends_at=lesson.ends_at - shift,
        title=lesson.title,
    )


def text_of(name: str, path: str) -> str:
    response = client_of(name).get(path)
    assert response.status_code == 200
    return str(response.content, "utf-8")


def test_absences_in_a_row_are_counted(school: School) -> None:
    """A student who was absent on the last two days has two in a row; one who came has none."""
    for days in (1, 2):
        lesson = earlier(school.lesson, days)
        mark(lesson, "s-1", "absent")
        mark(lesson, "s-2", "present")
    response = client_of("alice").get("/classes/7b/days")
    runs = {one.person.pk: one.run.days for one, _, _ in response.context["rows"]}
    assert runs == {"s-1": 2, "s-2": 0, "s-3": 0}


def test_half_days_absent_are_counted(school: School) -> None:
    """A half-day counts when every lesson of it does; the page of the student shows the sum."""
    for days, status in ((1, "absent"), (2, "absent"), (3, "present")):
        mark(earlier(school.lesson, days), "s-1", status)
    response = client_of("alice").get("/students/s-1/lessons")
    assert response.context["days"].half_days_absent == 2
    assert "Half-days absent</dt><dd>2</dd>" in response.content.decode()


def test_the_rate_counts_what_counts(school: School) -> None:
    """Late attends, excused does not count, not known yet does not count."""
    for days, status in ((1, "present"), (2, "late"), (3, "absent"), (4, "excused")):
        mark(earlier(school.lesson, days), "s-1", status)
    response = client_of("alice").get("/students/s-1/lessons")
    rate = response.context["days"].rate
    assert (rate.attended, rate.counted) == (2, 3)


def test_the_school_says_what_a_code_counts_as(
    school: School, monkeypatch: pytest.MonkeyPatch, config: RegisterConfig
) -> None:
    """`[[code]]` has effect on a student's lessons and days, on a class's days, and on the list."""
    excused = CodeSection(code=Code.EXCUSED, counts_toward_rate=True, counts_absent=False)
    counted = RegisterConfig(pages=config.pages, code=(excused,))
    for name in ("student", "class_days", "classes"):
        monkeypatch.setattr(f"kiosk.register.web.pages.{name}.config", lambda: counted)
    lesson = earlier(school.lesson, 1)
    for subject_id in ("s-1", "s-2", "s-3"):
        mark(lesson, subject_id, "excused")
    alice = client_of("alice")
    days = alice.get("/students/s-1/lessons").context["days"]
    assert (days.rate.counted, days.run.days) == (1, 0)
    (rate,) = [
        rate for day, rate in alice.get("/classes/7b/days").context["rates"] if day == lesson.date
    ]
    assert rate.counted == 3
    (card,) = alice.get("/classes").context["cards"]
    assert (card.sum.rate.counted, card.sum.often_absent) == (3, 0)


def test_a_list_of_an_earlier_day_is_that_days_list(school: School) -> None:
    """Who left the class later is in it on the days before, and no longer after."""
    old = earlier(school.lesson, 5)
    Membership.objects.filter(person="s-3").update(end=old.date)
    text = text_of("alice", f"/classes/7b/days?from={old.date}&to={old.date}")
    assert "Chen Wei" in text
    today = school.lesson.date
    assert "Chen Wei" not in text_of("alice", f"/classes/7b/days?from={today}&to={today}")


def test_each_lesson_of_a_class_is_opened_from_its_days(school: School) -> None:
    """From the head of its day; the next seven days are listed, also before the first lesson."""
    yesterday, tomorrow, later = (earlier(school.lesson, days) for days in (1, -1, -8))
    cancelled = earlier(school.lesson, -2)
    Lesson.objects.filter(pk=cancelled.pk).update(status="cancelled")
    text = text_of("alice", "/classes/7b/days")
    found = [text.count(f'href="/lessons/{one.pk}/now"') for one in (yesterday, school.lesson)]
    assert found == [1, 1]
    head, table = text.split("<table", 1)
    assert f'href="/lessons/{tomorrow.pk}/now"' in head
    assert "1 lesson in the next seven days" in head
    assert f'href="/lessons/{yesterday.pk}/now"' in table
    assert later.pk not in text
    assert cancelled.pk not in text
    alone = text_of("alice", "/classes/7b/days?from=2020-01-01&to=2020-01-05")
    assert f'href="/lessons/{tomorrow.pk}/now"' in alone


def test_two_lessons_of_a_day_stand_in_one_head_in_their_order(school: School) -> None:
    """Each by its time; who hears the page hears its title."""
    second = Lesson.objects.get(pk=earlier(school.lesson, 1).pk)
    second.pk, second.title = "7b/art", "Art"
    second.starts_at -= timedelta(minutes=1)
    second.save()
    days = client_of("alice").get("/classes/7b/days").context["lessons"]
    assert [one.pk for one in days[second.date]] == ["7b/art", f"{school.lesson.pk}-1"]


@pytest.mark.usefixtures("school")
def test_a_day_without_lessons_is_explained() -> None:
    """No empty table, but what to do."""
    text = text_of("alice", "/classes/7b/days?from=2020-01-01&to=2020-01-05")
    assert "no lesson on these days" in text


@pytest.mark.usefixtures("school")
@pytest.mark.parametrize(
    ("account", "path", "code"),
    [
        ("alice", "/classes/7b/days", 200),
        ("alice", "/classes/8a/days", 404),
        ("alice", "/students/s-4/lessons", 404),
        ("bob", "/students/s-4/lessons", 200),
        ("olga", "/students/s-1/lessons", 200),
        ("tom", "/students/s-1/lessons", 403),
        ("tom", "/classes", 403),
    ],
)
def test_a_class_is_seen_by_those_who_may(account: str, path: str, code: int) -> None:
    """A teacher sees the own classes and their students, the office all, a technician none."""
    assert client_of(account).get(path).status_code == code


def test_the_page_of_a_class_asks_the_database_as_often_for_many(school: School) -> None:
    """Forty students more need no query more."""
    client = client_of("alice")
    with CaptureQueriesContext(connection) as few:
        client.get("/classes/7b/days")
    for i in range(40):
        person = Person.objects.create(subject_id=f"m-{i}", name=f"Member {i}")
        Membership.objects.create(person=person, school_class=school.lesson.school_class)
        mark(school.lesson, person.pk, "present")
    with CaptureQueriesContext(connection) as many:
        client.get("/classes/7b/days")
    assert len(many) == len(few)
