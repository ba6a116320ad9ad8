"""Consent: recorded with who, when and which text; a withdrawal never claims an erasure."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kiosk.protocol.erasure import ErasureReceipts, ErasureResult, NotErased, encode_receipts
from kiosk.protocol.sealing import Opener
from kiosk.protocol.signature import Signer
from kiosk.protocol.topics import KioskAddress
from kiosk.register.identity.key_table import trust
from kiosk.register.identity.own_key import own_public_key
from kiosk.register.ingest.store import store
from kiosk.register.models import Consent, ErasureOrder, Kiosk, Mark, Person
from kiosk.register.office.consent import withdrawals
from tests.kiosk.protocol.test_health import HEALTH
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
    [
        ("given_at", ""),
        ("given_at", "2999-01-01"),
        ("given_at", "0026-11-27"),
        ("given_by", " "),
        ("text_id", ""),
    ],
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
    assert withdrawals()[0].commands == ("sudo kiosk gallery remove 'a; rm b'",)


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
    answer = client_of("olga").post(
        "/consents/record", data | {"student": "s-3", "given_at": "0026-11-27"}, follow=True
    )
    assert "not before the year 2000" in answer.content.decode()
    assert Consent.objects.count() == 2


# What the kiosks answer


DOOR_7 = KioskAddress("school", "room-7", "door")
KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)


def report(now: datetime, **changes: Any) -> None:  # noqa: ANN401 - a field of the message
    """The door of room 7 reports, and signs."""
    signer = Signer(KEY, DOOR_7)
    facts = {"sealing_key": Opener(KEY).public_key, "register_key": own_public_key(), **changes}
    health = msgspec.structs.replace(HEALTH, public_key=signer.public_key, **facts)
    payload = signer.sign(msgspec.json.encode(health))
    store([arrival(payload, "health", address=DOOR_7, at=now)], now)


def trusted_door(**changes: Any) -> None:  # noqa: ANN401 - a field of the message
    now = datetime.now(UTC)
    report(now, **changes)
    trust(DOOR_7, now)
    report(now, **changes)


def answer(*not_erased: NotErased) -> None:
    """The door answers every open order."""
    results = tuple(
        ErasureResult(order=one.order_id, erased={"gallery": 1}, not_erased=not_erased)
        for one in ErasureOrder.objects.filter(done_at=None)
    )
    payload = encode_receipts(ErasureReceipts(version=2**40, results=results))
    signed = Signer(KEY, DOOR_7).sign(payload)
    store([arrival(signed, "erasure-receipt", address=DOOR_7)], datetime.now(UTC))


def text_of(account: str = "tom") -> str:
    return str(client_of(account).get("/consents").content.decode())


def test_the_page_follows_a_withdrawal_to_its_end(school: School) -> None:
    """Not heard yet, failed with the reason, done; then it closes by itself, with a receipt."""
    assert school
    trusted_door()
    withdrawn()
    text = text_of()
    assert "Erased at 0 of 1 kiosk." in text
    assert "has not answered yet" in text
    assert "kiosk gallery remove" not in text
    answer(NotErased(place="gallery.npz", why="locked"))
    assert "not erased: gallery.npz: another program uses it" in text_of()
    answer(NotErased(place="cloud", why="<raining>"))  # a newer kiosk
    assert "cloud: &lt;raining&gt;" in text_of()
    answer()
    assert "Nothing is open" in text_of()
    page = client_of("olga").get(PAGE).content.decode()
    assert "Every kiosk has answered that the face is erased" in page
    assert "school/room-7/door" in page
    assert "gallery 1" in page
    assert Person.objects.filter(pk="s-1", is_listed=True).exists()


def test_a_kiosk_without_the_registers_key_is_left_to_a_person(school: School) -> None:
    """The page says what is missing, shows the command, and takes a receipt by hand as before."""
    assert school
    trusted_door(register_key=None)
    row = withdrawn()
    text = text_of()
    assert "takes no order: it does not know this register&#x27;s key: kiosk register key" in text
    assert "sudo kiosk gallery remove s-1" in text
    assert "Alma" not in text
    post(f"/consents/{row.pk}/erased", "tom", receipt="door: erased")
    assert withdrawals() == []


def test_the_page_of_a_kiosk_says_whether_it_signs(school: School) -> None:
    """And that a report was refused, with what to do."""
    assert school
    trusted_door()
    page = "/kiosks/school/room-7/door"
    assert "signed, and the key is trusted" in client_of("tom").get(page).content.decode()
    later = datetime.now(UTC) + timedelta(minutes=1)
    store([arrival(msgspec.json.encode(HEALTH), "health", address=DOOR_7, at=later)], later)
    assert "was refused, because its signature" in client_of("tom").get(page).content.decode()
