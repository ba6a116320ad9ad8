"""What stands in the outbox: events, deduplication keys, and how many events there are."""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol, TypeAlias

from kiosk.config.timetable import ClassSession

Build = Callable[[int], tuple[str, str, bytes]]
"""Makes an event from its sequence number: event id, topic, payload."""


@dataclass(frozen=True, slots=True)
class Row:
    """An event.

    Attributes:
        sequence: Its number, from 1, in the order of storing.
        topic: Where it is published.
        payload: What is published.
    """

    sequence: int
    topic: str
    payload: bytes


RawRow: TypeAlias = tuple[int, bytes, bytes, bytes, object]
"""Sequence, event id, topic, payload and checksum, as read from a file that may be damaged."""
RAW: Final = (
    "sequence, CAST(event_id AS BLOB), CAST(topic AS BLOB), CAST(payload AS BLOB), checksum"
)
"""The columns of a raw row. Cast, because a damaged text may not be UTF-8."""

_TOPIC_BYTES_MAX: Final = 65535  # MQTT, 1.5.4


def problem_of(raw: RawRow) -> str | None:
    """Return why a row cannot be published; ``None`` when it can."""
    sequence, event_id, topic, payload, found = raw
    if found != checksum(sequence, event_id, topic, payload):
        return "its checksum is wrong"
    try:
        name = topic.decode()
    except UnicodeDecodeError:
        return "its topic is not UTF-8"
    if not topic or len(topic) > _TOPIC_BYTES_MAX or set("+#\0") & set(name):
        return "its topic is not one that can be published to"
    return None


@dataclass(frozen=True, slots=True)
class DeduplicationKey:
    """What the outbox remembers of a stored event, so that no second one is stored for it.

    Attributes:
        event_type: The value of the event's field ``type``.
        session: The class session.
        subject_id: The person.
        boot_id: The boot in which it was stored; empty for an event of a kiosk before version 0.2.
        event_id: The event; empty for such an event.
        monotonic_s: When, seconds in that boot; ``None`` for such an event.
        time_s: When, Unix seconds by the kiosk's own time.
        is_dated: That time is certain, so that the class session counts for other boots, too.
        window: The number of the participation window; 0 for an attendance event.
    """

    event_type: str
    session: ClassSession
    subject_id: str
    boot_id: str = ""
    event_id: str = ""
    monotonic_s: float | None = None
    time_s: float = 0.0
    is_dated: bool = True
    window: int = 0


IsRepeat: TypeAlias = Callable[[Sequence[DeduplicationKey], DeduplicationKey], bool]
"""Whether an event must not be stored, by what is remembered of its type and its person."""


def is_same(past: Sequence[DeduplicationKey], key: DeduplicationKey) -> bool:
    """Return whether an event is remembered for the class session, whatever the time."""
    return any(one.session == key.session and one.boot_id == key.boot_id for one in past)


class Dating(Protocol):
    """Gives events the time that turned out to be right."""

    def dated(self, key: DeduplicationKey) -> DeduplicationKey:
        """Return what to remember, with the right time and class session."""

    def restamped(self, key: DeduplicationKey, payload: bytes) -> bytes:
        """Return an event that nobody has got yet, with the right time."""

    def correction(self, key: DeduplicationKey) -> Build:
        """Return the event that corrects one which may have been sent."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many events the outbox holds.

    Attributes:
        kept: Events that no register has confirmed.
        undelivered: Those of them that the broker has not acknowledged either.
        dropped: Undelivered events deleted since the file was made, because it was full.
        set_aside: Damaged rows that are kept apart and not published.
        has_register: A register has confirmed something at some time.
    """

    kept: int
    undelivered: int
    dropped: int
    set_aside: int = 0
    has_register: bool = False


@dataclass(frozen=True, slots=True)
class Retention:
    """How long events are kept.

    Attributes:
        unconfirmed: How long after its PUBACK an event is kept where no register ever confirmed
            anything.
        events_max: How many events are kept; beyond, the oldest delivered ones go first.
    """

    unconfirmed: timedelta = timedelta(days=30)
    events_max: int = 200_000


def checksum(sequence: int, event_id: bytes, topic: bytes, payload: bytes) -> int:
    """Return the CRC-32 of an event, which tells a damaged row from a good one."""
    return zlib.crc32(b"\0".join((str(sequence).encode(), event_id, topic, payload)))
