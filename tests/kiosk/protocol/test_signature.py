"""Signatures: what they cover, and that old readers do not mind them."""

import base64
import json

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kiosk.protocol.event import decode
from kiosk.protocol.signature import Signer, fingerprint, is_signed, is_signed_by
from kiosk.protocol.topics import KioskAddress

DOOR = KioskAddress("school", "room-1", "kiosk-1")
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SIGNER = Signer(KEY, DOOR)
EVENT = json.dumps(
    {
        "type": "attendance",
        "schema_version": 1,
        "event_id": "01932f00-0000-7000-8000-000000000001",
        "sequence": 1,
        "site": "school",
        "room": "room-1",
        "kiosk": "kiosk-1",
        "subject_id": "s-1",
        "session": "2026-01-15/day",
        "time": "2026-01-15T11:00:00.000+00:00",
        "clock": "synchronised",
        "boot_id": "boot-1",
        "monotonic_s": 1.0,
        "decision": {
            "score": 0.5,
            "margin": 0.2,
            "threshold": 0.1,
            "votes": 5,
            "frames": 6,
            "quality": 0.9,
            "model_id": "m",
        },
    }
).encode()


def test_a_signed_event_is_an_event_with_one_more_field() -> None:
    """It is JSON, this version reads it, and the bytes before the field are as they were."""
    signed = SIGNER.sign(EVENT)
    assert json.loads(signed) == {**json.loads(EVENT), "signature": json.loads(signed)["signature"]}
    assert signed.startswith(EVENT[:-1])
    assert getattr(decode(signed), "signature", None) == json.loads(signed)["signature"]
    assert getattr(decode(EVENT), "signature", None) is msgspec.UNSET


def test_a_signature_counts_for_these_bytes_this_kiosk_and_this_key() -> None:
    """Anything else is refused: another key, another kiosk, one changed byte, no signature."""
    signed = SIGNER.sign(EVENT)
    assert is_signed_by(signed, DOOR, SIGNER.public_key)
    other = Signer(Ed25519PrivateKey.generate(), DOOR)
    assert not is_signed_by(signed, DOOR, other.public_key)
    assert not is_signed_by(signed, KioskAddress("school", "room-1", "kiosk-2"), SIGNER.public_key)
    assert not is_signed_by(EVENT, DOOR, SIGNER.public_key)
    for place in range(0, len(signed), 7):
        changed = bytearray(signed)
        changed[place] ^= 1
        assert not is_signed_by(bytes(changed), DOOR, SIGNER.public_key), place


def test_the_signature_is_defined_by_the_bytes() -> None:
    """A reader in any language can check it: this example never changes (Ed25519 has no chance)."""
    assert SIGNER.public_key == "A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg"
    assert fingerprint(SIGNER.public_key) == "b43c dfe1 bf18 0ef4"
    signature = KEY.sign(b'attendance-kiosk 1\nschool/room-1/kiosk-1\n{"a":1}')
    text = base64.urlsafe_b64encode(signature).rstrip(b"=")
    assert SIGNER.sign(b'{"a":1}') == b'{"a":1,"signature":"' + text + b'"}'


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        b'{"signature":"' + b"A" * 86 + b'"}',
        b'{"a":1,"signature":"' + b"\xff" * 86 + b'"}',
    ],
)
def test_what_is_not_signed_is_refused_without_an_error(payload: bytes) -> None:
    """Whatever the bytes are; a key that is none is refused, too."""
    assert not is_signed_by(payload, DOOR, SIGNER.public_key)
    assert not is_signed_by(SIGNER.sign(EVENT), DOOR, "no key")
    assert is_signed(SIGNER.sign(EVENT))


def test_a_signature_has_one_spelling() -> None:
    """The last character has bits to spare; a copy that uses them is refused."""
    signed = SIGNER.sign(EVENT)
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet.index(signed[-3])
    copy = signed[:-3] + alphabet[last + 1 : last + 2] + signed[-2:]
    assert not is_signed_by(copy, DOOR, SIGNER.public_key)
