"""Today's lessons, live."""

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
