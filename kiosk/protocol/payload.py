"""Read what somebody has published: whatever the bytes, a message or one error, in little memory.

Everybody who may publish at the broker can send anything, and a retained message comes again at
every start. So size and depth are checked before the payload is parsed.
"""

import re
from collections.abc import Callable
from typing import Any, Final

import msgspec

from kiosk.decoder import decoder_of
from kiosk.errors import PayloadError

PAYLOAD_MAX: Final = 16_384
"""Bytes of the largest payload that is read; an event has about 500."""
DEPTH_MAX: Final = 16
"""How deep arrays and objects may be nested; ours are 3 deep. Parsers and writers of JSON recurse,
and each has another limit."""
PACKET_MAX: Final = 1 << 20
"""Bytes of the largest packet that a broker may send at all (MQTT 5)."""

_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)


def decode_payload(
    payload: bytes,
    kind: Any,  # noqa: ANN401 - a union is no type to mypy
    what: str,
    *,
    size_max: int = PAYLOAD_MAX,
) -> Any:  # noqa: ANN401 - as `kind` says
    """Read a JSON payload.

    Args:
        payload: The bytes.
        kind: The type to read, for msgspec.
        what: What it should be, for the message: "an availability message".
        size_max: Bytes of the largest payload.

    Raises:
        PayloadError: It is too long, nested too deeply, not JSON, or not of that type.
    """
    if len(payload) > size_max:
        raise PayloadError(f"not {what}: longer than {size_max} bytes")
    if is_deep(payload):
        raise PayloadError(f"not {what}: nested more than {DEPTH_MAX} deep")
    try:
        return decoder_of(kind).decode(payload)
    # ValueError: not UTF-8, or a number with more digits than Python converts.
    except (msgspec.DecodeError, ValueError, OverflowError, RecursionError) as exc:
        raise PayloadError(f"not {what}: {exc}") from exc


def encode_payload(message: msgspec.Struct, decode: Callable[[bytes], object]) -> bytes:
    """Write a message as JSON that its own reader accepts.

    Args:
        message: The message.
        decode: Reads it: msgspec checks what it reads, not what it writes.

    Raises:
        PayloadError: A field breaks the schema.
    """
    payload = msgspec.json.encode(message)
    decode(payload)
    return payload


def is_deep(payload: bytes) -> bool:
    """Return whether JSON is nested more than :data:`DEPTH_MAX` deep, without parsing it."""
    if payload.count(b"[") + payload.count(b"{") <= DEPTH_MAX:
        return False
    depth = 0
    for byte in _STRING.sub(b"", payload):
        if byte in b"[{":
            depth += 1
            if depth > DEPTH_MAX:
                return True
        elif byte in b"]}":
            depth -= 1
    return False
