"""The messages between register and kiosk about what was stored and what is missing."""

import msgspec
import pytest

from kiosk.errors import PayloadError
from kiosk.protocol.delivery import (
    Confirmation,
    DeliveryMessage,
    ReplayDone,
    ReplayRequest,
    decode_delivery,
    encode_delivery,
)

OUTBOX = "11111111-1111-4111-8111-111111111111"
REGISTER = "22222222-2222-4222-8222-222222222222"


@pytest.mark.parametrize(
    "message",
    [
        Confirmation(register_id=REGISTER, outbox_id=OUTBOX, sequence=0),
        ReplayRequest(outbox_id=OUTBOX, first=1, last=500),
        ReplayDone(outbox_id=OUTBOX, first=1, last=500, gone=((3, 9), (12, 12))),
    ],
)
def test_a_message_survives_writing_and_reading(message: DeliveryMessage) -> None:
    """What is written is read back as it was."""
    assert decode_delivery(encode_delivery(message), type(message)) == message


def test_a_field_of_a_newer_version_is_ignored() -> None:
    """A newer register may say more without stopping older kiosks."""
    payload = msgspec.json.encode({"outbox_id": OUTBOX, "first": 1, "last": 2, "more": True})
    assert decode_delivery(payload, ReplayRequest).last == 2


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff",
        b"[" * 100_000,
        msgspec.json.encode({"outbox_id": "x", "first": 1, "last": 2}),
        msgspec.json.encode({"outbox_id": OUTBOX, "first": 0, "last": 2}),
        msgspec.json.encode({"outbox_id": OUTBOX, "first": 3, "last": 2}),
        msgspec.json.encode({"outbox_id": OUTBOX, "first": 3, "last": 2**53}),
        msgspec.json.encode({"outbox_id": OUTBOX, "first": 1, "last": 2, "gone": [[2, 1]]}),
    ],
)
def test_another_payload_is_an_error(payload: bytes) -> None:
    """A message that is malformed or names an impossible range is reported as such."""
    with pytest.raises(PayloadError):
        decode_delivery(payload, ReplayDone)


def test_a_wrong_message_is_not_written() -> None:
    """A number below the allowed range is found by the writer, not by its reader."""
    with pytest.raises(PayloadError):
        encode_delivery(Confirmation(register_id=REGISTER, outbox_id=OUTBOX, sequence=-1))
