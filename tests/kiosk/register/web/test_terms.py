"""The page of terms: list, add, change, delete while nothing is in it."""

from datetime import date

import pytest

from kiosk.register.models import Term
from tests.kiosk.register.web.support import School, client_of

pytestmark = pytest.mark.usefixtures("school")


def post(**fields: str) -> tuple[int, str]:
    response = client_of("olga").post("/terms/change", fields)
    return response.status_code, response.content.decode()


def stored() -> list[tuple[str, date, date]]:
    return list(Term.objects.order_by("begin").values_list("title", "begin", "end"))


def test_without_terms_the_page_says_what_happens() -> None:
    """In words."""
    assert "There is no term yet" in client_of("olga").get("/terms").content.decode()


def test_a_term_is_added_changed_and_deleted() -> None:
    """Its title may change, too; then pages offer it by the new one."""
    assert post(title="Autumn", begin="2020-08-31", end="2020-12-18")[0] == 302
    assert post(term="Autumn", title="1/2 Fall", begin="2020-09-01", end="2020-12-18")[0] == 302
    assert stored() == [("1/2 Fall", date(2020, 9, 1), date(2020, 12, 18))]
    assert "1/2 Fall" in client_of("alice").get("/classes/7b/days").content.decode()
    assert post(term="1/2 Fall", do="delete")[0] == 302
    assert stored() == []


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"title": "", "begin": "2020-01-01", "end": "2020-02-01"}, "Give the term a title"),
        ({"title": "B", "begin": "2020-02-01", "end": "2020-01-01"}, "Give the first and the last"),
        ({"title": "B", "begin": "soon", "end": "2020-01-01"}, "Give the first and the last"),
        ({"title": "B", "begin": "0026-08-31", "end": "2026-12-18"}, "between the years 2000 and"),
        ({"title": "B", "begin": "2026-08-31", "end": "9999-12-31"}, "between the years 2000 and"),
        ({"title": "A", "begin": "2020-01-01", "end": "2020-02-01"}, "Another term has this title"),
        (
            {"term": "C", "title": "B", "begin": "2020-01-01", "end": "2020-02-01"},
            "gone meanwhile",
        ),
        ({"term": "C", "do": "delete"}, "gone meanwhile"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_stored(fields: dict[str, str], text: str) -> None:
    """The form has what was typed."""
    Term.objects.create(title="A", begin=date(2020, 1, 1), end=date(2020, 6, 1))
    code, page = post(**fields)
    assert (code, text in page) == (400, True)
    assert [title for title, _, _ in stored()] == ["A"]


def test_a_term_with_lessons_stays(school: School) -> None:
    """Files of its days would be without it."""
    Term.objects.create(title="A", begin=school.lesson.date, end=school.lesson.date)
    page = client_of("olga").get("/terms").content.decode()
    assert "has lessons" in page
    assert 'value="delete"' not in page
    code, page = post(term="A", do="delete")
    assert (code, "Lessons are in this term" in page) == (400, True)
    assert len(stored()) == 1
