"""The rows of a class are written once for what they say, and for nobody who must not see them."""

from datetime import timedelta

import pytest
from django.utils import translation

from kiosk.register.models import Account, Lesson, Mark, Person
from kiosk.register.web import student_rows
from kiosk.register.web.class_state import load_rows
from kiosk.register.web.student_rows import write_rows
from tests.kiosk.register.web.support import School, client_of, mark

PARTLY = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def _nothing_is_kept() -> None:
    student_rows._write.cache_clear()


def live_update(lesson: Lesson, name: str = "alice") -> tuple[int, str]:
    answer = client_of(name).get(f"/lessons/{lesson.lesson_id}/now", headers=PARTLY)
    return answer.status_code, answer.content.decode()


def test_only_rows_that_changed_are_written(school: School) -> None:
    """Another update of the same class repeats the others."""
    live_update(school.lesson)
    mark(school.lesson, "s-1", "present")
    before = student_rows._write.cache_info()
    _, html = live_update(school.lesson)
    after = student_rows._write.cache_info()
    assert (after.misses - before.misses, after.hits - before.hits) == (1, 2)
    assert 'id="row-s-1" data-status="present"' in html


def test_what_is_kept_is_told_to_nobody_else(school: School) -> None:
    """After Alice's update, Bob and the technician still see nothing of her class."""
    assert "Alma Ibarra" in live_update(school.lesson)[1]
    for name, status in (("bob", 404), ("tom", 403)):
        code, html = live_update(school.lesson, name)
        assert (code, "Alma Ibarra" in html) == (status, False)


def test_rows_for_who_may_change_marks_are_not_those_of_others(school: School) -> None:
    """The office may still correct what the time of the teacher is over for."""
    Lesson.objects.filter(pk=school.lesson.pk).update(
        starts_at=school.lesson.starts_at - timedelta(days=9),
        ends_at=school.lesson.ends_at - timedelta(days=9),
    )
    for name in ("olga", "alice", "olga"):
        html = live_update(school.lesson, name)[1]
        assert ('type="checkbox"' in html) == (name == "olga")


def test_each_language_has_its_own_rows(school: School) -> None:
    """Whoever was first."""
    mark(school.lesson, "s-1", "late")
    said = {}
    for language in ("en", "es", "en"):
        Account.objects.filter(username="alice").update(language=language)
        said[language] = live_update(school.lesson)[1]
        assert (" late<" in said[language], " retardo<" in said[language]) == (
            language == "en",
            language == "es",
        )


def test_every_fact_of_a_row_shows_at_once(school: School) -> None:
    """A name, a mark, its doubt, correction and minutes: nothing of before is repeated."""
    one = mark(school.lesson, "s-1", "present")
    seen = {live_update(school.lesson)[1]}
    for facts in (
        {"status": "late", "minutes_late": 7},
        {"minutes_late": 8},
        {"version": 2},
        {"clock": "unsynchronised"},
        {"is_corrected": True},
    ):
        Mark.objects.filter(pk=one.pk).update(**facts)
        seen.add(live_update(school.lesson)[1])
    Person.objects.filter(pk="s-1").update(name='<b>"Alma"</b>')
    seen.add(live_update(school.lesson)[1])
    assert len(seen) == 7
    assert not any("<b>" in html for html in seen)


def test_a_row_is_of_one_lesson(school: School) -> None:
    """The same student in another lesson has the address of that lesson's mark."""
    rows = load_rows(school.lesson)
    with translation.override("en"):
        one, other = (write_rows(rows, path, is_open=True) for path in ("/a/", "/b/"))
    assert ('href="/a/s-1/mark"' in one, 'href="/b/s-1/mark"' in other) == (True, True)


def test_who_is_erased_is_gone_from_the_page(school: School) -> None:
    """What was written before is not shown again."""
    assert "Alma Ibarra" in live_update(school.lesson)[1]
    Person.objects.get(pk="s-1").delete()
    assert "Alma" not in live_update(school.lesson)[1]
