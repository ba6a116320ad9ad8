"""Erasure orders and receipts: who can read them, who can make them, and what they may hold."""

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kiosk.errors import PayloadError
from kiosk.protocol.erasure import (
    ORDERS_MAX,
    ErasureOrders,
    ErasureReceipts,
    ErasureResult,
    NotErased,
    Order,
    SealedOrder,
    decode_orders,
    decode_receipts,
    encode_orders,
    encode_receipts,
    open_order,
    seal_order,
)
from kiosk.protocol.payload import PAYLOAD_MAX
from kiosk.protocol.sealing import Opener
from kiosk.protocol.signature import Signer
from kiosk.protocol.topics import KioskAddress

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
OTHER = Ed25519PrivateKey.from_private_bytes(b"x" * 32)
DOOR = KioskAddress("school", "room-1", "kiosk-1")
ORDER = Order(subject_id="s-1", consent=7)


def name(number: int) -> str:
    return f"11111111-1111-4111-8111-{number:012x}"


def test_one_kiosk_alone_reads_an_order() -> None:
    """Sealed twice it looks different, and equally long for a shorter id."""
    sealed = seal_order(ORDER, Opener(KEY).public_key)
    assert open_order(sealed, Opener(KEY)) == ORDER
    with pytest.raises(PayloadError, match="not sealed for the key of this kiosk"):
        open_order(sealed, Opener(OTHER))
    again = seal_order(Order(subject_id="s-1041-kappa", consent=123_456), Opener(KEY).public_key)
    assert again != sealed
    assert len(again) == len(sealed)


def test_the_key_follows_from_the_signing_key_and_is_not_it() -> None:
    """The same at each start; it tells nothing of the one that signs."""
    assert Opener(KEY).public_key == Opener(KEY).public_key
    assert Opener(KEY).public_key not in {Signer(KEY, DOOR).public_key, Opener(OTHER).public_key}


@pytest.mark.parametrize("sealed", ["", "A", "A" * 64, "!" * 64, "A" * 235])
def test_what_was_not_sealed_is_one_error(sealed: str) -> None:
    """Whatever the text."""
    with pytest.raises(PayloadError):
        open_order(sealed, Opener(KEY))


@pytest.mark.parametrize("key", ["", "A", "!" * 43, "A" * 60])
def test_what_is_no_key_is_one_error(key: str) -> None:
    """The key comes from a message."""
    with pytest.raises(PayloadError, match="not a key to seal with"):
        seal_order(ORDER, key)


def test_the_longest_list_and_its_receipts_fit_into_a_payload() -> None:
    """With the longest ids that a kiosk can enrol, and every place failing."""
    sealed = seal_order(Order(subject_id="s" * 64, consent=2**53 - 1), Opener(KEY).public_key)
    orders = tuple(SealedOrder(order=name(i), sealed=sealed) for i in range(ORDERS_MAX))
    payload = Signer(KEY, DOOR).sign(encode_orders(ErasureOrders(version=2**53 - 1, orders=orders)))
    assert len(payload) <= PAYLOAD_MAX
    assert decode_orders(payload).orders == orders
    places = tuple(NotErased(place=f"gallery-{i}.npz", why="not permitted") for i in range(5))
    counts = {"gallery": 1, "old_galleries": 10, "attendance": 1000, "damaged_events": 1000}
    results = tuple(
        ErasureResult(order=name(i), erased=counts, not_erased=places) for i in range(ORDERS_MAX)
    )
    receipts = encode_receipts(ErasureReceipts(version=1, results=results))
    assert len(Signer(KEY, DOOR).sign(receipts)) <= PAYLOAD_MAX
    assert not decode_receipts(receipts).results[0].is_done


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"version": 0, "orders": []},
        {"version": 1},
        {"version": 1, "orders": [{"order": "x", "sealed": "A" * 64}]},
        {"version": 1, "orders": [{"order": name(1), "sealed": "A" * 64}] * 2},
        {"version": 1, "orders": [{"order": name(1), "sealed": "A"}]},
    ],
)
def test_a_broken_list_is_one_error(facts: object) -> None:
    """Whoever may publish can send anything."""
    with pytest.raises(PayloadError, match="not a list of erasure orders"):
        decode_orders(msgspec.json.encode(facts))


def test_readers_ignore_what_a_newer_version_adds() -> None:
    """Another field, another reason."""
    facts = {"order": name(1), "not_erased": [{"place": "cloud", "why": "raining"}], "x": 1}
    receipts = decode_receipts(msgspec.json.encode({"version": 1, "results": [facts], "y": 2}))
    assert receipts.results[0].not_erased == (NotErased(place="cloud", why="raining"),)
