"""Consent: recorded with who, when and which text; a withdrawal never claims an erasure."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from kiosk.register.models import Consent, Kiosk, Mark, Person
from kiosk.register.office.consent import withdrawals
from kiosk.register.store import store
from tests.kiosk.register.support import arrival, event
from tests.kiosk.register.web.support import School, client_of, mark

PAGE = "/students/s-1/consent"
FORM = {"given_at": "2026-01-05", "given_by": "the mother", "text_id": "2026-01"}


def post(address: str, account: str = "olga", **data: str) -> Any:  # noqa: ANN401 - Django's own response
    return client_of(account).post(address, data, follow=True)


def withdrawn() -> Consent:
    """Alma's consent, recorded and withdrawn by Olga."""
    post(PAGE, **FORM)
    post(f"{PAGE}/withdraw")
    return Consent.objects.get()


def seen(sequence: int, at: datetime, method: str = "face") -> None:
    """Store an event of Alma."""
    changes: dict[str, Any] = {"subject_id": "s-1", "time": at.isoformat(timespec="milliseconds")}
    if method == "qr":
        changes |= {"method": "qr", "decision": msgspec.UNSET}
    store([arrival(event(sequence, **changes), at=at)], at)


def test_a_consent_says_who_when_and_which_text(school: School) -> None:
    """The page shows it, with the account that recorded it."""
    assert school
    text = post(PAGE, **FORM).content.decode()
    row = Consent.objects.select_related("recorded_by").get()
    assert (row.person_id, row.given_by, row.text_id) == ("s-1", "the mother", "2026-01")
    assert row.recorded_by is not None
    assert row.recorded_by.username == "olga"
    assert "agreed on" in text
    assert "the mother" in text


@pytest.mark.parametrize(
    ("field", "value"),
    [("given_at", ""), ("given_at", "2999-01-01"), ("given_by", " "), ("text_id", "")],
)
def test_a_consent_without_a_fact_is_not_recorded(field: str, value: str, school: School) -> None:
    """Each of the three is asked for, and what was typed stays in the form."""
    assert school
    answer = post(PAGE, **{**FORM, field: value})
    assert answer.status_code == 400
    assert "Enter" in answer.content.decode()
    assert not Consent.objects.exists()


def test_a_second_consent_needs_a_withdrawal_first(school: School) -> None:
    """Two clicks record one."""
    assert school
    post(PAGE, **FORM)
    assert post(PAGE, **FORM).status_code == 400
    assert Consent.objects.count() == 1


def test_a_withdrawal_does_not_claim_an_erasure(school: School) -> None:
    """The page says that the face is still there, at which kiosks, and what to run."""
    Kiosk.objects.create(site="school", room="room-7", kiosk="door")
    mark(school.lesson, "s-1", "present")
    post(PAGE, **FORM)
    text = post(f"{PAGE}/withdraw").content.decode()
    assert "The face is not erased yet" in text
    assert "sudo kiosk gallery remove s-1" in text
    assert "school/room-7/door" in text
    assert Person.objects.filter(pk="s-1", is_listed=True).exists()
    assert Mark.objects.filter(person="s-1").exists()


def test_the_technician_sees_what_to_erase_and_no_name(school: School) -> None:
    """The id is enough to run the command."""
    assert school
    withdrawn()
    text = client_of("tom").get("/consents").content.decode()
    assert "sudo kiosk gallery remove s-1" in text
    assert "Alma" not in text


def test_an_erasure_is_confirmed_by_a_person_with_a_receipt(school: School) -> None:
    """It is open until then; without a receipt it stays open."""
    assert school
    row = withdrawn()
    post(f"/consents/{row.pk}/erased", "tom", receipt=" ")
    assert len(withdrawals()) == 1
    post(f"/consents/{row.pk}/erased", "tom", receipt="door: erased")
    assert withdrawals() == []
    row.refresh_from_db()
    assert row.receipt == "door: erased"
    assert row.erased_by is not None
    assert "door: erased" in client_of("olga").get(PAGE).content.decode()


def test_a_consent_that_stands_is_not_erased(school: School) -> None:
    """A forged form confirms nothing."""
    assert school
    post(PAGE, **FORM)
    post(f"/consents/{Consent.objects.get().pk}/erased", "tom", receipt="x")
    assert Consent.objects.get().erased_at is None


def test_a_kiosk_that_still_knows_the_face_is_named(school: School) -> None:
    """A face that was recognised after the confirmed erasure opens it again; a card does not."""
    assert school
    row = withdrawn()
    post(f"/consents/{row.pk}/erased", "tom", receipt="door: erased")
    later = datetime.now(UTC) + timedelta(minutes=1)
    seen(1, later, "qr")
    assert withdrawals() == []
    seen(2, later)
    (found,) = withdrawals()
    assert found.seen is not None
    text = client_of("tom").get("/consents").content.decode()
    assert "A kiosk recognised this face after that" in text
    assert "room-1, kiosk-1" in text


def test_a_new_consent_ends_what_is_open(school: School) -> None:
    """Who agrees again need not be erased; the history keeps both."""
    assert school
    withdrawn()
    post(PAGE, **FORM)
    assert withdrawals() == []
    assert Consent.objects.count() == 2
    assert client_of("olga").get(PAGE).content.decode().count("agreed by") == 2


def test_the_id_of_a_command_is_quoted(school: School) -> None:
    """What is copied into a shell is one word."""
    assert school
    person = Person.objects.create(subject_id="a; rm b", name="X")
    Consent.objects.create(
        person=person,
        given_at=datetime.now(UTC),
        given_by="x",
        text_id="1",
        withdrawn_at=datetime.now(UTC),
    )
    assert withdrawals()[0].command == "sudo kiosk gallery remove 'a; rm b'"


def test_forms_of_a_class_are_recorded_at_once(school: School) -> None:
    """For the chosen students of the class, and for nobody who has a consent or is not in it."""
    assert school
    post(PAGE, **FORM)
    data = {**FORM, "class": "7b", "student": ["s-1", "s-2", "s-4"], "given_by": "the parents"}
    text = client_of("olga").post("/consents/record", data, follow=True).content.decode()
    assert "1 consent is recorded." in text
    found = Consent.objects.order_by("pk").values_list("person", "given_by")
    assert list(found) == [("s-1", "the mother"), ("s-2", "the parents")]
    answer = client_of("olga").post("/consents/record", data | {"student": []}, follow=True)
    assert "Choose at least one student." in answer.content.decode()
