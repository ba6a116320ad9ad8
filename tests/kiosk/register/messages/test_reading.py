"""What a message turns out to be."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.protocol.delivery import ReplayDone, encode_delivery
from kiosk.protocol.event import encode
from kiosk.protocol.payload import PAYLOAD_MAX
from kiosk.protocol.topics import KioskAddress
from kiosk.register.messages.arrival import (
    Arrival,
    AvailabilityReading,
    EventReading,
    HealthReading,
    Reason,
    Rejected,
    ReplayDoneReading,
)
from kiosk.register.messages.reading import read
from tests.kiosk.register.support import DOOR, NOON, OUTBOX, arrival, event, health


def altered(**changes: Any) -> bytes:  # noqa: ANN401
    """An event with fields that its type does not allow."""
    return msgspec.json.encode({**msgspec.json.decode(encode(event(1))), **changes})


@pytest.mark.parametrize("kind", ["attendance", "replayed"])
def test_an_event_is_read_with_its_bytes(kind: str) -> None:
    """The bytes stay as they came, and the topic says whether it was sent again."""
    reading = read(arrival(event(7), kind))
    assert isinstance(reading, EventReading)
    assert reading.event == event(7)
    assert reading.arrival.payload == encode(event(7))
    assert reading.is_replayed == (kind == "replayed")
    assert reading.scanned_at == NOON - timedelta(hours=1) + timedelta(seconds=7)


def test_a_retained_event_is_stored_as_no_news() -> None:
    """The broker may have kept it for days; its id and number keep it from being stored twice."""
    one = arrival(event(7))
    reading = read(Arrival(one.topic, one.payload, one.at, is_retained=True))
    assert isinstance(reading, EventReading)
    assert reading.is_replayed


@pytest.mark.parametrize(
    ("payload", "detail"),
    [
        (b"", "not an event"),
        (b'{"zz":' + b"[" * 7000 + b"]" * 7000 + b"}", "nested"),
        (altered(later=[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]), "nested"),
        (b"[" * 10_000, "event"),
        (b"{" + b" " * PAYLOAD_MAX, "longer"),
        (altered(room="room-2"), "another kiosk"),
        (altered(type="participation", count=1), "another type"),
        (altered(time="2026-02-31T08:00:00.000+00:00"), "time"),
        (altered(time="0001-01-01T00:00:00.000+23:00"), "time"),
        (altered(sequence=2**53), "sequence"),
        (altered(sequence=10**400), "sequence"),
        (altered(subject_id="s" * 201), "subject_id"),
        (altered(session="a\x00b"), "session"),
        (altered(boot_id="\x1b[2J"), "boot_id"),
    ],
)
def test_a_foreign_payload_is_rejected(payload: bytes, detail: str) -> None:
    """A payload that is no event of this kiosk goes to the bin, and its number does not count."""
    reading = read(arrival(payload))
    assert isinstance(reading, Rejected)
    assert reading.reason is Reason.FOREIGN
    assert detail in reading.detail
    assert reading.sequence is None
    assert len(reading.arrival.payload) <= PAYLOAD_MAX + 1


@pytest.mark.parametrize("changes", [{"type": "visitor"}, {"schema_version": 2}])
def test_an_event_of_a_newer_version_keeps_its_number(changes: dict[str, object]) -> None:
    """The bin holds it, so the kiosk need not keep it."""
    reading = read(arrival(altered(**changes), "visitor"))
    assert isinstance(reading, Rejected)
    assert reading.reason is Reason.UNKNOWN_TYPE
    assert (reading.outbox_id, reading.sequence) == (OUTBOX, 1)


def test_an_unknown_event_of_another_kiosk_does_not_count() -> None:
    """A number counts only on the topic of its kiosk."""
    reading = read(arrival(altered(type="visitor", room="room-2"), "visitor"))
    assert isinstance(reading, Rejected)
    assert reading.sequence is None


@pytest.mark.parametrize("names", ["a//c", "a/b/c d", "a/\N{HEAVY BLACK HEART}/c", "../b/c"])
def test_a_topic_without_proper_names_is_rejected(names: str) -> None:
    """Names stand in commands and files, so they are those that a configuration allows."""
    reading = read(Arrival(f"kiosk/v1/{names}/attendance", encode(event(1)), NOON))
    assert isinstance(reading, Rejected)
    assert reading.address is None


@pytest.mark.parametrize(
    ("payload", "is_online"),
    [
        (b'{"state":"online","boot_id":"b","version":"1"}', True),
        (b'{"state":"offline","boot_id":"b","version":"1"}', False),
        (b"", False),
    ],
)
def test_availability_is_read(payload: bytes, is_online: bool) -> None:  # noqa: FBT001
    """An empty message means that the kiosk was taken out of service."""
    reading = read(arrival(payload, "availability"))
    assert isinstance(reading, AvailabilityReading)
    assert reading.is_online == is_online


def test_health_is_read_tolerantly() -> None:
    """What a newer kiosk adds is ignored, and what an older one lacks has a default."""
    assert read(health(9)) == HealthReading(health(9), DOOR, OUTBOX, 9, NOON)
    more = arrival(b'{"camera":"ok"}', "health")
    assert read(more) == HealthReading(more, DOOR, None, 0, NOON)


def test_health_that_is_heard_now_counts_from_now() -> None:
    """A kiosk whose clock is wrong is there all the same."""
    live = arrival(b'{"time":"1970-01-01T00:00:09.000+00:00"}', "health")
    reading = read(live)
    assert isinstance(reading, HealthReading)
    assert reading.said_at == NOON


def test_retained_health_proves_no_time_unless_it_says_when() -> None:
    """The broker may have kept it for days."""
    old = "2026-01-15T09:00:00.000+00:00"
    silent = Arrival(DOOR.topic("health"), b"{}", NOON, is_retained=True)
    dated = Arrival(DOOR.topic("health"), b'{"time":"%s"}' % old.encode(), NOON, is_retained=True)
    first, second = read(silent), read(dated)
    assert isinstance(first, HealthReading)
    assert isinstance(second, HealthReading)
    assert first.said_at is None
    assert second.said_at == NOON - timedelta(hours=3)


def test_the_answer_to_a_replay_request_is_read() -> None:
    """The register learns what is gone."""
    done = ReplayDone(outbox_id=OUTBOX, first=1, last=4, gone=((2, 3),))
    reading = read(arrival(encode_delivery(done), "replay-done"))
    assert isinstance(reading, ReplayDoneReading)
    assert reading.done == done


@given(
    st.sampled_from(["attendance", "replayed", "availability", "health", "replay-done", "x"]),
    st.binary(max_size=300) | st.sampled_from([b"null", b"[]", b"0", b'""', b"{}", b'{"type":1}']),
)
def test_nothing_that_arrives_raises(kind: str, payload: bytes) -> None:
    """Whatever the payload, there is a record of it."""
    address = KioskAddress(site="s", room="r", kiosk="k")
    assert read(Arrival(address.topic(kind), payload, NOON)).arrival.payload == payload
