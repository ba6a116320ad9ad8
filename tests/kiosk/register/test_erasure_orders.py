"""Erasure orders at the register: who gets them, what is published, and when all is done."""

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kiosk.config.keys import parse_config
from kiosk.protocol.erasure import (
    ORDERS_MAX,
    ErasureOrders,
    ErasureReceipts,
    ErasureResult,
    NotErased,
    SealedOrder,
    decode_orders,
    encode_receipts,
    open_order,
)
from kiosk.protocol.sealing import Opener
from kiosk.protocol.signature import Signer, is_signed_by
from kiosk.protocol.topics import ERASURE, KioskAddress
from kiosk.register.commands.key import show_key
from kiosk.register.config import DatabaseSection
from kiosk.register.erasing.doors import Doors, load_doors
from kiosk.register.erasing.erase import erase_subject
from kiosk.register.erasing.message import Told, next_message
from kiosk.register.erasing.orders import publish_orders
from kiosk.register.identity.key_table import distrust, trust
from kiosk.register.identity.keys import SignaturePolicy
from kiosk.register.identity.own_key import own_public_key
from kiosk.register.ingest.store import store
from kiosk.register.models import (
    Account,
    BinEntry,
    Consent,
    ErasureOrder,
    Kiosk,
    Person,
    Publication,
)
from kiosk.register.office import consent as office
from kiosk.register.office.merge import merge
from tests.kiosk.protocol.test_health import HEALTH
from tests.kiosk.register.support import DOOR, NOON, OTHER_OUTBOX, OUTBOX, arrival, event

OTHER_DOOR = KioskAddress("school", "room-2", "kiosk-2")
NAMESAKE = KioskAddress("annex", DOOR.room, DOOR.kiosk)
KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
LATER = NOON + timedelta(days=1)

pytestmark = pytest.mark.usefixtures("people")


@pytest.fixture
def kind() -> str:
    """Nothing here depends on the kind of the database."""
    return "sqlite"


@pytest.fixture
def people(database: DatabaseSection) -> None:
    """Two students, and Olga of the office."""
    assert database
    Account.objects.create(username="olga", role="office")
    for one in ("s-1", "s-2"):
        Person.objects.create(subject_id=one, name=one)


def report(
    address: KioskAddress = DOOR,
    key: Ed25519PrivateKey = KEY,
    *,
    signed: bool = True,
    at: datetime = NOON,
    policy: SignaturePolicy | None = None,
    **changes: Any,  # noqa: ANN401 - a field of the message
) -> None:
    """Have the register hear a kiosk's health, which trusts this register."""
    signer = Signer(key, address)
    facts = {
        "outbox_id": OUTBOX if address == DOOR else OTHER_OUTBOX,
        "public_key": signer.public_key,
        "sealing_key": Opener(key).public_key,
        "register_key": own_public_key(),
    } | changes
    payload = msgspec.json.encode(msgspec.structs.replace(HEALTH, **facts))
    payload = signer.sign(payload) if signed else payload
    store([arrival(payload, "health", address=address, at=at)], at, policy)


def door(address: KioskAddress = DOOR, key: Ed25519PrivateKey = KEY) -> None:
    """A kiosk with a trusted key, which signs its health."""
    report(address, key)
    trust(address, NOON)
    report(address, key)


def withdraw(subject_id: str = "s-1", at: datetime = NOON) -> Consent:
    person, account = Person.objects.get(pk=subject_id), Account.objects.get()
    assert office.record(person, NOON, "the mother", "1", account=account, now=at)
    assert office.withdraw(person, account, at)
    return Consent.objects.filter(person=person).latest("pk")


def agree(now: datetime) -> None:
    """Record another consent of the first student."""
    person, account = Person.objects.get(pk="s-1"), Account.objects.get()
    assert office.record(person, NOON, "x", "1", account=account, now=now)


def told(address: KioskAddress = DOOR) -> bytes | None:
    """What the broker keeps for a kiosk."""
    row = Publication.objects.filter(topic=address.topic(ERASURE)).order_by("pk").last()
    return bytes(row.payload) if row else None


def listed(address: KioskAddress = DOOR) -> ErasureOrders:
    payload = told(address)
    assert payload
    assert is_signed_by(payload, address, own_public_key())
    return decode_orders(payload)


def answer(
    *not_erased: NotErased,
    address: KioskAddress = DOOR,
    key: Ed25519PrivateKey = KEY,
    orders: ErasureOrders | None = None,
    signed: bool = True,
) -> None:
    """Have a kiosk answer the list that it was told."""
    orders = orders or listed(address)
    erased = {} if not_erased else {"gallery": 1}
    results = tuple(
        ErasureResult(order=one.order, erased=erased, not_erased=not_erased)
        for one in orders.orders
    )
    payload = encode_receipts(ErasureReceipts(version=orders.version, results=results))
    payload = Signer(key, address).sign(payload) if signed else payload
    store([arrival(payload, "erasure-receipt", address=address, at=LATER)], LATER)


def doors(consent: Consent) -> Doors:
    return load_doors([consent])[consent.pk]


def states(consent: Consent) -> list[str]:
    return [one.state for one in doors(consent).all]


# The course of a withdrawal


def test_a_withdrawal_is_over_when_every_kiosk_has_answered() -> None:
    """Each gets an order that it alone can read; then what the broker keeps is cleared."""
    door()
    door(OTHER_DOOR, OTHER_KEY)
    consent = withdraw()
    (order,) = listed().orders
    opened = open_order(order.sealed, Opener(KEY))
    assert (opened.subject_id, opened.consent) == ("s-1", consent.pk)
    assert order.order != listed(OTHER_DOOR).orders[0].order
    assert all(b"s-1" not in bytes(one.payload) for one in Publication.objects.all())

    answer()
    assert (told(), states(consent)) == (b"", ["done", "waiting"])
    consent.refresh_from_db()
    assert consent.erased_at is None
    answer(address=OTHER_DOOR, key=OTHER_KEY)
    assert told(OTHER_DOOR) == b""
    consent.refresh_from_db()
    assert (consent.erased_at, consent.erased_by) == (LATER, None)
    assert "school/room-1/kiosk-1" in consent.receipt
    assert "gallery 1" in consent.receipt
    assert office.withdrawals() == []
    assert publish_orders(LATER) == 0


def test_what_is_left_is_shown_until_it_is_gone() -> None:
    """A full disk, and who uses a file; the order stays at the broker."""
    door()
    consent = withdraw()
    before = told()
    answer(NotErased(place="gallery.npz", why="disk full"))
    (one,) = doors(consent).all
    assert (one.state, one.not_erased[0].why) == ("failed", "disk full")
    assert told() == before
    answer()
    assert states(consent) == ["done"]


def test_two_withdrawals_share_a_message() -> None:
    """And what is done leaves it."""
    door()
    withdraw("s-1")
    first = listed()
    withdraw("s-2", LATER)
    both = listed()
    assert len(both.orders) == 2
    assert both.version > first.version
    answer(orders=first)
    assert listed().orders == both.orders[1:]


def test_a_new_consent_takes_the_order_back() -> None:
    """By a newer list without it, which is cleared once the kiosk has answered it."""
    door()
    consent = withdraw()
    first = listed()
    agree(LATER)
    assert (listed().orders, states(consent)) == ((), ["taken back"])
    assert listed().version > first.version
    publish_orders(LATER)
    assert listed().orders == ()
    answer()
    assert told() == b""
    assert not Consent.objects.exclude(erased_at=None).exists()


def test_a_withdrawal_after_a_new_consent_is_another_order() -> None:
    """With a higher number, so a kiosk that has enrolled the person again erases them again."""
    door()
    first = withdraw()
    answer()
    second = withdraw(at=LATER)
    (order,) = listed().orders
    assert open_order(order.sealed, Opener(KEY)).consent == second.pk > first.pk


# Ids that were merged


def merged(own: str = "s-1x", student: str = "s-1") -> Person:
    """A temporary student, whom the office has merged into one of the list."""
    one = Person.objects.create(subject_id=own, name=own, is_temporary=True)
    merge(one, Person.objects.get(pk=student), None, NOON)
    return one


def opened(key: Ed25519PrivateKey = KEY, address: KioskAddress = DOOR) -> list[str]:
    """Whom the orders of a kiosk are about."""
    orders = [open_order(one.sealed, Opener(key)) for one in listed(address).orders]
    return sorted(one.subject_id for one in orders)


def test_a_withdrawal_erases_the_ids_that_were_merged_too() -> None:
    """A kiosk may have enrolled the student under a wrong id; it is done when all are erased."""
    door()
    merged()
    consent = withdraw()
    assert opened() == ["s-1", "s-1x"]
    both = listed()
    answer(orders=ErasureOrders(version=both.version, orders=both.orders[:1]))
    assert states(consent) == ["waiting"]
    answer(orders=both)
    assert states(consent) == ["done"]
    consent.refresh_from_db()
    assert (consent.erased_at, consent.receipt.count("gallery 1")) == (LATER, 2)


def test_a_merge_after_the_end_of_a_withdrawal_opens_it_anew() -> None:
    """The new id is ordered alone, and the receipt keeps what it said."""
    door()
    consent = withdraw()
    office.confirm_erased(consent, "by hand", Account.objects.get(), NOON)
    answer()
    merged()
    consent.refresh_from_db()
    assert (consent.erased_at, consent.erased_by) == (None, None)
    publish_orders(LATER)
    assert opened() == ["s-1x"]
    answer()
    consent.refresh_from_db()
    assert consent.erased_at == LATER
    assert consent.receipt.startswith("by hand\n")
    assert consent.receipt.count("gallery 1") == 2


def test_a_merge_into_who_has_agreed_orders_nothing() -> None:
    """Nor does one into who never gave a consent."""
    door()
    withdraw()
    answer()
    agree(NOON)
    merged()
    merged("s-2x", "s-2")
    assert publish_orders(LATER) == 0


def test_a_new_consent_takes_the_orders_of_merged_ids_back() -> None:
    """As those of the student."""
    door()
    merged()
    consent = withdraw()
    agree(LATER)
    assert (listed().orders, states(consent)) == ((), ["taken back"])


def test_an_order_of_a_merged_id_outlives_both_in_the_register() -> None:
    """An erasure deletes the names; the kiosk still hears its orders."""
    door()
    merged()
    withdraw()
    before = told()
    erase_subject("s-1x", LATER)
    erase_subject("s-1", LATER)
    publish_orders(LATER)
    assert told() == before
    answer()
    assert told() == b""
    assert not ErasureOrder.objects.filter(done_at=None).exists()


def test_a_consent_of_a_temporary_student_moves_with_a_merge() -> None:
    """It does not where the student has one: that one counts."""
    account = Account.objects.get()
    for own, student in (("s-1x", "s-1"), ("s-2x", "s-2")):
        one = Person.objects.create(subject_id=own, name=own, is_temporary=True)
        office.record(one, NOON, own, "1", account=account, now=NOON)
        if student == "s-2":
            withdraw(student)
        merge(one, Person.objects.get(pk=student), account, NOON)
    rows = Consent.objects.order_by("pk").values_list("person", "given_by", "withdrawn_at")
    assert list(rows) == [
        ("s-1", "s-1x", None),
        ("s-2x", "s-2x", None),
        ("s-2", "the mother", NOON),
    ]


def test_a_face_of_a_merged_id_that_is_seen_later_is_shown() -> None:
    """With the commands for both ids."""
    one = merged()
    consent = withdraw()
    office.confirm_erased(consent, "gone", Account.objects.get(), NOON)
    later = event(1, subject_id=one.subject_id, time=LATER.isoformat(timespec="milliseconds"))
    store([arrival(later, at=LATER)], LATER)
    (found,) = office.withdrawals()
    assert found.seen is not None
    assert found.seen.subject_id == "s-1x"
    assert found.commands == (
        "sudo kiosk gallery remove s-1",
        "sudo kiosk gallery remove s-1x",
    )


# Who gets one


@pytest.mark.parametrize(
    ("obstacle", "orders_told"),
    [("silent", 0), ("untrusted", 0), ("old", 0), ("no key", 1), ("other key", 1)],
)
def test_a_kiosk_that_takes_no_order_is_named(obstacle: str, orders_told: int) -> None:
    """With the reason, and it is left to a person; one that lacks a key finds its order later."""
    match obstacle:
        case "silent":
            Kiosk.objects.create(site=DOOR.site, room=DOOR.room, kiosk=DOOR.kiosk)
        case "untrusted":
            report()
        case _:
            door()
            changes: dict[str, dict[str, Any]] = {
                "old": {"sealing_key": None},
                "no key": {"register_key": None},
                "other key": {"register_key": Signer(OTHER_KEY, DOOR).public_key},
            }
            report(**changes[obstacle])
    consent = withdraw()
    (one,) = doors(consent).all
    assert (one.state, one.obstacle) == ("by hand", obstacle)
    assert len(listed().orders if told() else ()) == orders_told
    door()
    publish_orders(LATER)
    answer()
    assert states(consent) == ["done"]


def test_a_kiosk_that_comes_later_gets_the_order_too() -> None:
    """It may have the face of an exported gallery."""
    door()
    consent = withdraw()
    door(OTHER_DOOR, OTHER_KEY)
    assert publish_orders(LATER) == 1
    assert len(listed(OTHER_DOOR).orders) == 1
    answer()
    consent.refresh_from_db()
    assert consent.erased_at is None


def test_an_instance_orders_at_its_own_sites_alone() -> None:
    """Neither does it tell a kiosk of another site, nor order anything new there."""
    door()
    report(NAMESAKE, OTHER_KEY)
    withdraw()
    door(NAMESAKE, OTHER_KEY)
    door(OTHER_DOOR, OTHER_KEY)
    door(annexed := KioskAddress("annex", "room-2", "kiosk-2"), OTHER_KEY)
    publish_orders(LATER, [DOOR.site])
    assert len(listed(OTHER_DOOR).orders) == 1
    assert (told(NAMESAKE), told(annexed)) == (None, None)
    assert ErasureOrder.objects.filter(site="annex").get().room == NAMESAKE.room


def test_with_a_list_only_its_kiosks_are_waited_for() -> None:
    """One that is out of service is not in it."""
    door()
    door(OTHER_DOOR, OTHER_KEY)
    Kiosk.objects.filter(room="room-1").update(is_listed=True)
    consent = withdraw()
    answer()
    consent.refresh_from_db()
    assert consent.erased_at == LATER


def test_nobody_waits_for_a_kiosk_that_is_out_of_service() -> None:
    """Its order stays, for the day on which it is switched on again."""
    door()
    door(OTHER_DOOR, OTHER_KEY)
    consent = withdraw()
    Kiosk.objects.filter(room=OTHER_DOOR.room).update(retired_at=NOON)
    answer()
    consent.refresh_from_db()
    assert (consent.erased_at, states(consent)) == (LATER, ["done", "retired"])
    assert OTHER_DOOR.room not in consent.receipt
    assert len(listed(OTHER_DOOR).orders) == 1


def test_a_kiosk_with_a_new_key_gets_its_order_anew() -> None:
    """The old one could not be read there."""
    door()
    withdraw()
    old = listed()
    report(key=OTHER_KEY)
    trust(DOOR, NOON)
    report(key=OTHER_KEY)
    publish_orders(LATER)
    new = listed()
    assert new.orders[0].order == old.orders[0].order
    assert open_order(new.orders[0].sealed, Opener(OTHER_KEY)).subject_id == "s-1"


def test_an_order_outlives_the_person_in_the_register() -> None:
    """`kiosk register erase` deletes the name; the kiosk that is away still hears its order."""
    door()
    withdraw()
    before = told()
    erase_subject("s-1", LATER)
    publish_orders(LATER)
    assert told() == before
    answer()
    assert told() == b""
    assert ErasureOrder.objects.get().done_at == LATER


# Whom it believes


@pytest.mark.parametrize("how", ["unsigned", "forged", "neighbour"])
def test_a_forged_receipt_ends_nothing(how: str) -> None:
    """It goes to the bin; a kiosk cannot answer for its neighbour."""
    door()
    door(OTHER_DOOR, OTHER_KEY)
    consent = withdraw()
    orders = listed()
    match how:
        case "unsigned":
            answer(signed=False)
        case "forged":
            answer(key=OTHER_KEY)
        case _:
            answer(orders=orders, address=OTHER_DOOR, key=OTHER_KEY)
    assert states(consent) == ["waiting", "waiting"]
    assert BinEntry.objects.count() == (how != "neighbour")


def test_a_kiosk_does_not_answer_for_its_namesake_at_another_site() -> None:
    """Two sites may each have a room of this name, and each kiosk has its own order."""
    door()
    door(NAMESAKE, OTHER_KEY)
    consent = withdraw()
    answer(orders=listed(), address=NAMESAKE, key=OTHER_KEY)
    assert states(consent) == ["waiting", "waiting"]
    answer(address=NAMESAKE, key=OTHER_KEY)
    assert states(consent) == ["done", "waiting"]


def test_a_receipt_that_makes_no_sense_is_harmless() -> None:
    """Unknown orders, and what is no receipt."""
    door()
    unknown = SealedOrder(order="11111111-1111-4111-8111-111111111111", sealed="A" * 64)
    answer(orders=ErasureOrders(version=1, orders=(unknown,)))
    store([arrival(b"{}", "erasure-receipt")], NOON)
    assert [one.reason for one in BinEntry.objects.all()] == ["foreign payload"]


def row() -> Kiosk:
    return Kiosk.objects.get(room="room-1")


def test_unsigned_health_is_accepted_where_no_key_is_trusted() -> None:
    """And what is known of the signature is shown."""
    report(signed=False)
    assert (row().health_signature, row().health_at) == ("unsigned", NOON)
    report(at=LATER)
    assert (row().health_signature, row().health_at) == ("own", LATER)


def test_a_kiosk_that_signs_its_health_is_not_impersonated() -> None:
    """Without its signature, or with another, a report is dropped, and the page can say when."""
    report(signed=False)
    trust(DOOR, NOON)
    report(signed=False)  # its software is older
    assert row().health_signature == "unsigned"
    report()
    assert row().health_signature == "signed"
    forged: tuple[dict[str, Any], ...] = ({"signed": False}, {"key": OTHER_KEY})
    for changes in forged:
        report(at=LATER, people=99, **changes)
        assert (row().health_at, row().health_refused_at) == (NOON, LATER)
    store([arrival(b"", "health", at=LATER)], LATER)
    assert row().health_at == NOON
    assert not BinEntry.objects.exists()
    distrust(DOOR)  # it went back to the older software
    report(signed=False, at=LATER)
    assert (row().health_signature, row().health_at) == ("unsigned", LATER)


def test_where_signatures_are_off_all_health_is_accepted() -> None:
    """As all events are."""
    door()
    report(signed=False, at=LATER, policy=SignaturePolicy("off"))
    assert row().health_at == LATER


# The next message


def orders(version: int, *names: str) -> ErasureOrders:
    return ErasureOrders(version=version, orders=wanted(*names))


def wanted(*names: str) -> tuple[SealedOrder, ...]:
    return tuple(SealedOrder(order=one, sealed=one) for one in names)


@pytest.mark.parametrize(
    ("names", "known", "expected"),
    [
        ((), Told(), None),
        (("a",), Told(), orders(10, "a")),
        (("a",), Told(orders(10, "a")), None),
        (("a", "b"), Told(orders(10, "a")), orders(11, "a", "b")),
        (("b",), Told(orders(99, "a", "b")), orders(100, "b")),
        # A register that was restored from a backup knows less than the kiosk.
        (("a",), Told(orders(10, "a"), heard=50), orders(51, "a")),
        ((), Told(orders(10, "a"), done={"a"}), b""),
        ((), Told(orders(10, "a"), heard=10), orders(11)),
        ((), Told(orders(11), heard=10), None),
        ((), Told(orders(11), heard=11), b""),
    ],
)
def test_what_a_kiosk_is_told_next(
    names: tuple[str, ...], known: Told, expected: ErasureOrders | bytes | None
) -> None:
    """Nothing twice, versions that grow, and nothing cleared that was taken back unheard."""
    assert next_message(wanted(*names), known, 10) == expected


def test_more_orders_than_a_message_holds_follow_later() -> None:
    """As those before them are carried out."""
    door()
    for i in range(ORDERS_MAX + 2):
        Person.objects.create(subject_id=f"t-{i}", name="x")
        Consent.objects.create(
            person_id=f"t-{i}", given_at=NOON, given_by="x", text_id="1", withdrawn_at=NOON
        )
    publish_orders(NOON)
    assert len(listed().orders) == ORDERS_MAX
    answer()
    assert len(listed().orders) == 2
    answer()
    assert told() == b""


def test_the_command_prints_a_kiosks_drop_in(capsys: pytest.CaptureFixture[str]) -> None:
    """What it prints is a whole file of configuration."""
    assert show_key(as_json=False) == 0
    config = parse_config(capsys.readouterr().out.encode(), "register.toml")
    assert config.register.public_key == own_public_key()
