"""Students of one name, and classes of one title, can be told apart wherever they are listed."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kiosk.register.models import Account, Membership, Person, SchoolClass
from kiosk.register.office.card_sheet import PrintedCard, card_sheet
from kiosk.register.office.cards import issue
from tests.kiosk.register.web.support import School, client_of

TWINS = {"Alma Ibarra (s-1)", "alma ibárra (s-3)"}


@pytest.fixture(autouse=True)
def _twins(school: School) -> None:
    """Chen is called almost as Alma is."""
    assert school
    Person.objects.filter(pk="s-3").update(name="alma ibárra")


def names_on(account: str, path: str) -> set[str]:
    """What a page calls the students of 7B."""
    text = client_of(account).get(path).content.decode()
    return set(re.findall(r"(?:alma ib[aá]rra|Bruno Keller)(?: \(s-\d\))?", text, re.IGNORECASE))


@pytest.mark.parametrize(
    ("account", "path"),
    [
        ("alice", "/lessons/7b/maths/1/now"),
        ("alice", "/classes/7b/days"),
        ("alice", "/cards?class=7b"),
        ("olga", "/cards?class=7b"),
        ("olga", "/consents?class=7b"),
        ("alice", "/exports?class=7b&lesson=7b/maths/1"),
    ],
)
def test_a_list_says_who_of_two_is_meant(account: str, path: str) -> None:
    """By the id, also where a checkbox is named; who is called otherwise has the name alone."""
    assert names_on(account, path) == {*TWINS, "Bruno Keller"}


def test_the_page_of_a_mark_says_who_of_two_it_is() -> None:
    """The heading and the title have the id."""
    assert names_on("alice", "/lessons/7b/maths/1/students/s-1/mark") == {"Alma Ibarra (s-1)"}


@pytest.mark.parametrize("students", [[], ["s-1"]])
def test_a_printed_card_says_whose_it_is(
    students: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where only one of the two is printed: the other one's card is printed another day."""
    printed: list[str] = []

    def noted(found: list[PrintedCard], *rest: Any) -> bytes:  # noqa: ANN401 - passed on
        printed.extend(one.name for one in found)
        return card_sheet(found, *rest)

    monkeypatch.setattr("kiosk.register.web.pages.cards.card_sheet", noted)
    now = datetime.now(UTC)
    until = now.date() + timedelta(days=9)
    olga = Account.objects.get(username="olga")
    issue(Person.objects.all(), until, account=olga, now=now, today=now.date())
    client_of("olga").post("/cards/sheet", {"class": "7b", "student": students})
    expected = {"Alma Ibarra (s-1)"} if students else {*TWINS, "Bruno Keller"}
    assert set(printed) == expected


def test_an_id_that_is_too_long_for_a_card_is_named_with_its_student() -> None:
    """Two of one name, and one of them has the long id."""
    key = "s-" + "9" * 100
    Membership.objects.create(
        person=Person.objects.create(subject_id=key, name="Bruno Keller"), school_class_id="7b"
    )
    until = datetime.now(UTC).date() + timedelta(days=9)
    form = {"class": "7b", "do": "issue", "expires": str(until)}
    page = client_of("olga").post("/cards/change", form, follow=True).content.decode()
    assert f"got none: Bruno Keller ({key})." in page


def test_a_guest_of_a_students_name_is_confirmed_with_the_id() -> None:
    """A teacher adds the other one by the id, and sees that it was that one."""
    Person.objects.filter(pk="s-4").update(name="Bruno Keller")
    client = client_of("alice")
    page = client.post("/lessons/7b/maths/1/guests", {"guest": "s-4"}, follow=True)
    assert "Bruno Keller (s-4) is a guest of this lesson." in page.content.decode()


def test_the_page_of_a_student_has_the_id_that_lists_and_exports_ask_for() -> None:
    """Beside the one of the school's other systems."""
    Person.objects.filter(pk="s-1").update(sis_id="2026-0117")
    page = client_of("alice").get("/students/s-1/lessons").content.decode()
    assert "<h1>Alma Ibarra <small>s-1, 2026-0117</small></h1>" in page


def test_a_visitor_is_merged_with_the_id_in_sight() -> None:
    """Two visitors may be called "Visitor"."""
    Person.objects.create(subject_id="s-99", name="Visitor", is_temporary=True)
    page = client_of("olga").get("/people/s-99/merge").content.decode()
    assert "Who was Visitor? <small>s-99</small>" in page


@pytest.mark.parametrize(
    ("account", "path"),
    [
        ("olga", "/classes"),
        ("olga", "/cards"),
        ("olga", "/consents"),
        ("olga", "/exports"),
        ("olga", "/imports"),
        ("ada", "/accounts"),
    ],
)
def test_classes_of_one_title_are_told_apart(account: str, path: str) -> None:
    """Two sites may each have a 7B, and a OneRoster file several "Algebra"."""
    SchoolClass.objects.filter(pk="8a").update(title="7B")
    SchoolClass.objects.create(class_id="9c", title="9C")
    text = client_of(account).get(path).content.decode()
    assert set(re.findall(r">\s*(7B[^<]*?|9C[^<]*?)\s*<", text)) >= {"7B (7b)", "7B (8a)", "9C"}
