"""Read a message from the broker, without knowing what is stored.

Nothing here raises: whatever the payload, the result is a record that can be stored.
"""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from kiosk.errors import PayloadError
from kiosk.protocol import topics
from kiosk.protocol.availability import decode_availability
from kiosk.protocol.delivery import SEQUENCE_MAX, ReplayDone, Sequence, decode_delivery
from kiosk.protocol.erasure import decode_receipts
from kiosk.protocol.event import (
    Event,
    TimeCorrectionEvent,
    Timestamp,
    UnknownEvent,
    Uuid4,
    decode,
    event_type,
)
from kiosk.protocol.payload import PAYLOAD_MAX, decode_payload
from kiosk.protocol.signature import PublicKey
from kiosk.protocol.topics import REPLAYED, KioskAddress, Topic, parse_topic
from kiosk.register.messages.arrival import (
    Arrival,
    AvailabilityReading,
    ErasureReceiptReading,
    EventReading,
    HealthReading,
    Reading,
    Reason,
    Rejected,
    ReplayDoneReading,
    Voice,
)

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_YEARS: Final = range(1900, 3000)
"""A clock that was never set says 1970, and one that is wrong perhaps 1960."""
_TEXT_MAX: Final = 200
"""Longest text that is stored in a column of its own; PostgreSQL indexes at most 2,704 bytes."""


class _Health(msgspec.Struct, frozen=True):
    """The part of a health message that the register uses itself; the rest is stored as it is."""

    outbox_id: Uuid4 | None = None
    last_sequence: Annotated[int, Meta(ge=0, le=SEQUENCE_MAX)] = 0
    time: Timestamp | None = None
    boot_id: Annotated[str, Meta(max_length=_TEXT_MAX)] | None = None
    public_key: PublicKey | None = None
    watching_s: Annotated[float, Meta(ge=0, le=10**9)] | None = None
    in_memory: Annotated[int, Meta(ge=0)] = 0


class _Header(msgspec.Struct, frozen=True):
    """Which event an event of an unknown type or version is."""

    site: str
    room: str
    kiosk: str
    outbox_id: Uuid4 | None = None
    sequence: Sequence | None = None


def read(arrival: Arrival) -> Reading:
    """Read a message."""
    topic = _parse(arrival.topic)
    if topic is None:
        return Rejected(arrival, Reason.FOREIGN, "the topic names no kiosk")
    if len(arrival.payload) > PAYLOAD_MAX:
        beginning = replace(arrival, payload=arrival.payload[: PAYLOAD_MAX + 1])
        return Rejected(beginning, Reason.FOREIGN, f"longer than {PAYLOAD_MAX} bytes")
    try:
        return _read(arrival, topic.address, topic.kind)
    except PayloadError as exc:
        return Rejected(arrival, Reason.FOREIGN, str(exc)[:_TEXT_MAX])


@lru_cache(maxsize=8192)
def _parse(topic: str) -> Topic | None:
    """Parse the topic of a kiosk with valid names; those of a district are few."""
    parsed = parse_topic(topic)
    return parsed if parsed is not None and is_valid(parsed.address) else None


def is_valid(address: KioskAddress) -> bool:
    """Return whether the names are such as a kiosk's configuration allows."""
    return all(map(is_name, _names(address)))


def is_name(text: str) -> bool:
    """Return whether a text can be a site, a room or a kiosk."""
    return _NAME.fullmatch(text) is not None


def _read(arrival: Arrival, address: KioskAddress, kind: str) -> Reading:
    match kind:
        case topics.AVAILABILITY:
            return _read_availability(arrival, address)
        case topics.HEALTH:
            return _read_health(arrival, address)
        case topics.REPLAY_DONE:
            done = decode_delivery(arrival.payload, ReplayDone)
            return ReplayDoneReading(arrival, address, done)
        case topics.ERASURE_RECEIPT:
            return ErasureReceiptReading(arrival, address, decode_receipts(arrival.payload))
        case _:
            return _read_event(arrival, address, kind)


def _read_availability(arrival: Arrival, address: KioskAddress) -> AvailabilityReading:
    # An empty message is how MQTT clears a retained one: the kiosk was taken out of service.
    is_online = bool(arrival.payload) and decode_availability(arrival.payload).state == "online"
    return AvailabilityReading(arrival, address, is_online)


def _read_health(arrival: Arrival, address: KioskAddress) -> HealthReading:
    health = decode_payload(arrival.payload, _Health, "health") if arrival.payload else _Health()
    said_at: datetime | None = arrival.at
    if arrival.is_retained:  # of any age; only the kiosk's clock, which may be wrong, can tell
        said_at = min(_parse_time(health.time), arrival.at) if health.time else None
    return HealthReading(
        arrival,
        address,
        health.outbox_id,
        health.last_sequence,
        said_at,
        _voice(health, arrival.at),
        health.public_key,
        _watched(health, said_at),
        has_more=health.in_memory > 0,
    )


def _watched(health: _Health, said_at: datetime | None) -> tuple[datetime, datetime] | None:
    if health.watching_s is None or said_at is None:
        return None
    return said_at - timedelta(seconds=health.watching_s), said_at


def _voice(health: _Health, heard_at: datetime) -> Voice | None:
    if health.outbox_id is None or health.boot_id is None or health.time is None:
        return None
    identity = f"{health.outbox_id} {health.boot_id}"
    return Voice(identity, _parse_time(health.time), heard_at)


def _read_event(arrival: Arrival, address: KioskAddress, kind: str) -> Reading:
    event = decode(arrival.payload)
    if isinstance(event, UnknownEvent):
        return _read_unknown(arrival, address, event)
    problem = _problem(event, address, kind)
    if problem:
        return Rejected(arrival, Reason.FOREIGN, problem)
    if isinstance(event, TimeCorrectionEvent):
        _parse_time(event.corrected_time)
    is_old = kind == REPLAYED or arrival.is_retained  # of any age, so no news
    return EventReading(arrival, address, event, _parse_time(event.time), is_old)


def _read_unknown(arrival: Arrival, address: KioskAddress, event: UnknownEvent) -> Reading:
    """Keep an event of a newer version in the bin; its number counts as stored."""
    header: _Header = decode_payload(arrival.payload, _Header, "an event with its kiosk")
    if (header.site, header.room, header.kiosk) != _names(address):
        return Rejected(arrival, Reason.FOREIGN, "says that it is from another kiosk")
    return Rejected(
        arrival,
        Reason.UNKNOWN_TYPE,
        f"type {event.type!r:.80}, schema version {event.schema_version}",
        address,
        header.outbox_id,
        header.sequence,
    )


def _problem(event: Event, address: KioskAddress, kind: str) -> str:
    """Return what makes an event that is valid by itself a foreign one; "" if nothing does."""
    if (event.site, event.room, event.kiosk) != _names(address):
        return "says that it is from another kiosk"
    if kind not in {REPLAYED, event_type(event)}:
        return f"an event of type {event_type(event)} on the topic of another type"
    if event.sequence > SEQUENCE_MAX:
        return f"sequence is above {SEQUENCE_MAX}"
    for name in ("subject_id", "session", "boot_id"):
        text: str = getattr(event, name, "")
        if len(text) > _TEXT_MAX or not text.isprintable():
            return f"{name} is longer than {_TEXT_MAX} characters, or not printable"
    return ""


def _parse_time(text: str) -> datetime:
    """Read a time that matches the pattern of the schema, which allows a 31st of February.

    At the ends of the calendar no time zone can be applied, and nothing added or subtracted.
    """
    try:
        moment = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as exc:
        raise PayloadError(f"time: {text}: {exc}") from exc
    if moment.year not in _YEARS:
        problem = f"expected a year from {_YEARS.start} to {_YEARS.stop - 1}"
        raise PayloadError(f"time: {text}: {problem}")
    return moment


def _names(address: KioskAddress) -> tuple[str, str, str]:
    return address.site, address.room, address.kiosk
