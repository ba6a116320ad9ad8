"""Addresses and forms that nobody writes by hand: an answer, never a fault of the page."""

from datetime import UTC, date, datetime

import pytest
from django.test import Client

from kiosk.register.models import Account, BinEntry, Event, Term
from kiosk.register.web.api.tokens import make_token
from kiosk.register.web.spans import DEFAULT
from tests.kiosk.register.web.support import School, client_of

HUGE = "9" * 20
EXTREME = ("0001-01-01", "0026-11-27", "1999-12-31", "2100-01-01", "9999-12-31")
PAGES = ("/classes/7b/days", "/students/s-1/lessons", "/exports?class=7b")


@pytest.mark.parametrize("name", ["from", "to"])
@pytest.mark.parametrize("day", EXTREME)
def test_a_day_that_no_school_has_is_left_out(name: str, day: str, school: School) -> None:
    """As what is not a day; the pages show the last two weeks."""
    for page in PAGES:
        response = client_of("alice").get(f"{page}{'&' if '?' in page else '?'}{name}={day}")
        assert response.status_code == 200
        span = response.context["span"]
        assert span.last >= school.lesson.date
        assert span.first == span.last - DEFAULT


@pytest.mark.parametrize(
    ("query", "span"),
    [
        ("from=2026-03-02&to=2026-03-01", (date(2026, 3, 1), date(2026, 3, 1))),
        ("to=2000-01-01", (date(1999, 12, 19), date(2000, 1, 1))),
        ("from=2000-01-01&to=2099-12-31", (date(2098, 11, 26), date(2099, 12, 31))),
        ("from=2026-03-01&to=2026-03-02", (date(2026, 3, 1), date(2026, 3, 2))),
    ],
)
def test_a_span_is_cut_to_fit(query: str, span: tuple[date, date], school: School) -> None:
    """Where it ends before it begins, and at both ends of what is a day."""
    assert school
    for page in PAGES:
        response = client_of("alice").get(f"{page}{'&' if '?' in page else '?'}{query}")
        assert response.status_code == 200
        found = response.context["span"]
        assert (found.first, found.last) == span


@pytest.mark.parametrize("do", ["again", "dismiss"])
def test_items_of_the_bin_that_no_database_can_number_are_passed_over(
    do: str, school: School
) -> None:
    """The others of the form are still done."""
    assert school
    BinEntry.objects.create(
        digest="1",
        reason="no lesson",
        detail="",
        topic="t",
        payload=b"",
        arrived_at=datetime.now(UTC),
    )
    items = [f"{kind}{number}" for kind in "em" for number in (HUGE, "9" * 5000, "²", "-1", "")]
    items.append(f"m{BinEntry.objects.get().pk}")
    response = client_of("olga").post("/bin/change", {"item": items, "do": do, "why": "a try"})
    assert response.status_code == 302
    assert bool(BinEntry.objects.exclude(dismissed_at=None)) == (do == "dismiss")
    assert not Event.objects.exists()


@pytest.mark.parametrize("number", [HUGE, "9" * 5000])
@pytest.mark.parametrize(
    "address",
    [
        "/imports/{}",
        "/consents/{}/erased",
        "/accounts/{}",
        "/accounts/{}/link",
        "/accounts/{}/sign-out",
        "/accounts/{}/disable",
        "/lessons/7b/maths/1/undo/{}",
    ],
)
def test_an_address_that_no_database_can_number_is_not_there(
    address: str, number: str, school: School
) -> None:
    """As one whose number nothing has."""
    assert school
    facts = {"reason": "why", "receipt": "all gone"}
    assert client_of("ada").post(address.format(number), facts).status_code == 404


@pytest.mark.parametrize("number", [HUGE, "9" * 5000])
def test_numbers_of_marks_that_no_database_has_are_passed_over(number: str, school: School) -> None:
    """In the address of a class, and in the forms of its page."""
    assert school
    path = "/lessons/7b/maths/1"
    alice = client_of("alice")
    assert alice.get(f"{path}/now?changed={number[:100]}").status_code == 200
    assert alice.post(f"{path}/undo", {"changed": number}).status_code < 500
    chosen = {"student": f"{number}:s-1", "code": "excused", "reason": "ill", "points": "1"}
    assert alice.post(f"{path}/mend", chosen).status_code < 500
    assert alice.post(f"{path}/points", chosen).status_code < 500


@pytest.mark.parametrize(
    "query",
    [
        f"changes?after={HUGE}",
        f"events?after={HUGE}",
        *(f"lessons?date={day}" for day in EXTREME),
    ],
)
def test_a_program_is_told_what_was_expected(query: str, school: School) -> None:
    """A number or a day that the database could not take is refused by its name."""
    assert school
    token = make_token(
        "a program", ["attendance"], Account.objects.get(username="ada"), datetime.now(UTC)
    )
    response = Client().get(f"/api/v1/{query}", headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 400
    assert ": expected a " in response.json()["error"]


@pytest.mark.parametrize(
    "address", ["/classes/7b%00/days", "/cards?class=%00", "/api/v1/lessons?class_id=7b%00"]
)
def test_a_text_that_no_database_stores_is_refused(address: str, school: School) -> None:
    """In an address as in a form: PostgreSQL takes no NUL."""
    assert school
    olga = client_of("olga")
    assert olga.get(address).status_code == 400
    days = {"begin": "2026-08-31", "end": "2026-12-18"}
    assert olga.post("/terms/change", {"title": "A\0", **days}).status_code == 400
    assert olga.post("/terms/change", {"title": "A", **days}).status_code == 302
    assert [one.title for one in Term.objects.all()] == ["A"]


def test_an_address_that_is_too_long_for_the_database_is_refused(school: School) -> None:
    """PostgreSQL takes no longer one than the column is."""
    assert school
    email = f"{'a' * 60}@{'b' * 60}.{'c' * 60}.{'d' * 60}.{'e' * 60}.example"
    facts = {"username": "eve", "email": email, "role": "teacher"}
    assert "254" in client_of("ada").post("/accounts", facts).content.decode()
    assert not Account.objects.filter(username="eve").exists()
