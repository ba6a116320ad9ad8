"""Today's lessons, live, and what a teacher sees first."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from kiosk.register.models import Lesson
from tests.kiosk.register.web.support import School, client_of


def test_the_list_hears_of_its_lessons(school: School) -> None:
    """The page names them to the stream; htmx gets the list alone, with its sum."""
    alice = client_of("alice")
    page = alice.get("/now").content.decode()
    assert f'kind=lesson&amp;key={quote(school.lesson.lesson_id, "")}"' in page
    part = alice.get("/now", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert "1 lesson; 1 register not taken" in part


def test_a_long_list_names_no_lesson_and_asks_less_often(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An office sees hundreds; who sees none hears of none."""
    assert school
    monkeypatch.setattr("kiosk.register.web.pages.now._KEYS_MAX", 1)
    page = client_of("olga").get("/now").content.decode()
    assert 'kind=lesson"' in page
    assert "throttle:10s" in page
    Lesson.objects.update(date="2020-01-01")
    page = client_of("olga").get("/now").content.decode()
    assert "kind=lesson&amp;key=-" in page
    assert "has a lesson today" in page


@pytest.mark.parametrize(
    ("begins", "is_first"),
    [
        ((-60,), False),
        ((-10,), True),
        ((8,), True),
        ((30,), False),
        ((-40, 8), True),
        ((8, 8), False),
    ],
)
def test_a_teacher_begins_at_the_class_of_now(
    school: School, begins: tuple[int, ...], *, is_first: bool
) -> None:
    """The lesson that runs, or whose students come in already; else, or if in doubt, the list."""
    now = datetime.now(UTC)
    for number, minutes in enumerate(begins):
        lesson = school.lesson
        lesson.pk = lesson.pk if number == 0 else f"{lesson.pk}-{number}"
        lesson.starts_at = now + timedelta(minutes=minutes)
        lesson.ends_at = lesson.starts_at + timedelta(minutes=45)
        lesson.save()
    first = "/lessons/7b/maths/1/now"
    assert client_of("alice").get("/").headers["Location"] == (first if is_first else "/now")
    assert client_of("olga").get("/").headers["Location"] == "/now"
