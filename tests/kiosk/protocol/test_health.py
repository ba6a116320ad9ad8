"""The health message: written strictly, read tolerantly."""

import msgspec
import pytest

from kiosk.errors import PayloadError
from kiosk.protocol.health import Health, decode_health, encode_health

HEALTH = Health(
    time="2026-11-24T08:00:00.000+00:00",
    clock="synchronised",
    boot_id="b",
    version="0.3",
    outbox_id="3f2b8c1a-5d3e-4f6a-9b7c-8d9e0f1a2b3c",
    last_sequence=7,
    waiting=3,
    undelivered=1,
    in_memory=0,
    dropped=0,
    set_aside=0,
    camera="ok",
    faces_seen=9,
    faces_refused={"blurred": 2},
    model_id="m",
    people=12,
)


def test_a_health_message_survives_writing_and_reading() -> None:
    """What is read is what was written, fields without a value included."""
    assert decode_health(encode_health(HEALTH)) == HEALTH


def test_a_field_of_a_newer_kiosk_is_ignored() -> None:
    """A reader of this version reads the message of the next one."""
    fields = msgspec.to_builtins(HEALTH) | {"humidity": 0.4}
    assert decode_health(msgspec.json.encode(fields)) == HEALTH


def test_a_message_that_breaks_the_schema_is_not_written() -> None:
    """A negative count is refused."""
    with pytest.raises(PayloadError, match="not a health message"):
        encode_health(msgspec.structs.replace(HEALTH, waiting=-1))


@pytest.mark.parametrize("payload", [b"", b"\xff", b"{}", b"[" * 100_000])
def test_a_malformed_message_is_rejected(payload: bytes) -> None:
    """Whatever is published on the topic, reading raises our error alone."""
    with pytest.raises(PayloadError):
        decode_health(payload)
