"""Payloads from anybody: whatever the bytes, a message or one error."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.errors import PayloadError
from kiosk.protocol.availability import decode_availability
from kiosk.protocol.delivery import Confirmation, ReplayDone, ReplayRequest, decode_delivery
from kiosk.protocol.event import decode
from kiosk.protocol.health import decode_health
from kiosk.protocol.payload import DEPTH_MAX, PAYLOAD_MAX, decode_payload, is_deep

READERS: dict[str, Callable[[bytes], object]] = {
    "event": decode,
    "availability": decode_availability,
    "health": decode_health,
    "confirmed": lambda payload: decode_delivery(payload, Confirmation),
    "replay": lambda payload: decode_delivery(payload, ReplayRequest),
    "replay-done": lambda payload: decode_delivery(payload, ReplayDone),
}
HOSTILE = {
    "nothing": b"",
    "NUL bytes": b"\0" * 100,
    "not UTF-8": b'{"state":"\xff\xfe"}',
    "a lone surrogate": b'{"state":"\\ud800"}',
    "nested arrays": b"[" * 8000 + b"]" * 8000,
    "nested objects": b'{"a":' * 3000 + b"1" + b"}" * 3000,
    "nested in an unknown field": b'{"zz":' + b"[" * 7000 + b"]" * 7000 + b"}",
    "nested without an end": b"[" * PAYLOAD_MAX,
    "a number of 4,301 digits": b'{"sequence":' + b"9" * 4301 + b"}",
    "a number of 4,301 digits alone": b"9" * 4301,
    "an infinite number": b'{"monotonic_s":1e999}',
    "too long": b" " * (PAYLOAD_MAX + 1) + b"{}",
}
BYTES = st.one_of(
    st.binary(max_size=300),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
        max_leaves=20,
    ).map(lambda value: repr(value).replace("'", '"').encode("utf-8", "surrogatepass")),
)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_payload_is_one_error(reader: str, name: str) -> None:
    """Depth, length, digits and bytes of no text are a PayloadError, and nothing else."""
    with pytest.raises(PayloadError, match=r"^not an? "):
        READERS[reader](HOSTILE[name])


@given(st.sampled_from(sorted(READERS)), BYTES)
def test_any_bytes_are_a_message_or_one_error(reader: str, payload: bytes) -> None:
    """Law: no reader raises anything but PayloadError."""
    try:
        READERS[reader](payload)
    except PayloadError as exc:
        assert str(exc).startswith("not a")  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (b"[" * DEPTH_MAX + b"]" * DEPTH_MAX, False),
        (b"[" * (DEPTH_MAX + 1) + b"]" * (DEPTH_MAX + 1), True),
        (b"[" + b"[1,2]," * 500 + b"[]]", False),
        (b'{"a":"' + b"[{" * 500 + b'"}', False),
        (rb'{"a":"\"' + b"[" * 500 + b'"}', False),
        (rb'{"a":"\\",' + b'"b":' + b"[" * 500, True),
        (b'"' + b"[" * 500, False),
    ],
)
def test_depth_is_that_of_brackets_outside_of_text(payload: bytes, *, expected: bool) -> None:
    """Many brackets side by side, or within text, are not deep."""
    assert is_deep(payload) == expected


def test_the_message_names_what_was_expected() -> None:
    """The reason follows what the payload should have been."""
    with pytest.raises(PayloadError, match=r"^not a health message: longer than 16384 bytes$"):
        decode_payload(HOSTILE["too long"], dict, "a health message")
    with pytest.raises(PayloadError, match=r"^not a health message: nested more than 16 deep$"):
        decode_payload(HOSTILE["nested arrays"], dict, "a health message")
