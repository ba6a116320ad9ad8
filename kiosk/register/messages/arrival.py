"""What arrives from the broker, and what it turns out to be: one frozen record for each kind."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from kiosk.protocol.delivery import ReplayDone
from kiosk.protocol.erasure import ErasureReceipts
from kiosk.protocol.event import Event
from kiosk.protocol.topics import KioskAddress


class Reason(StrEnum):
    """Why a message is in the bin."""

    FOREIGN = "foreign payload"
    UNKNOWN_TYPE = "unknown type"
    UNKNOWN_KIOSK = "unknown kiosk"
    UNKNOWN_PERSON = "unknown person"
    FUTURE = "future time"
    SIGNATURE = "signature not accepted"
    REVOKED_CARD = "revoked card"


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message as it came.

    Attributes:
        topic: Its topic.
        payload: Its bytes.
        at: When it arrived, UTC.
        is_retained: The broker had kept it; it may be of any age.
    """

    topic: str
    payload: bytes
    at: datetime
    is_retained: bool = False


@dataclass(frozen=True, slots=True)
class EventReading:
    """An event of a known type.

    Attributes:
        arrival: The message.
        address: Whose topic it came on, and what the event says itself.
        event: The event.
        scanned_at: Its time.
        is_replayed: It is no news: it was sent again at the register's request, or the broker had
            kept it (retained).
    """

    arrival: Arrival
    address: KioskAddress
    event: Event
    scanned_at: datetime
    is_replayed: bool


@dataclass(frozen=True, slots=True)
class AvailabilityReading:
    """A kiosk is online or offline."""

    arrival: Arrival
    address: KioskAddress
    is_online: bool


@dataclass(frozen=True, slots=True)
class Voice:
    """A kiosk that speaks under a name.

    Attributes:
        identity: Its outbox id and boot id.
        said_at: The time of its newest message, by its own clock.
        heard_at: When that arrived.
    """

    identity: str
    said_at: datetime
    heard_at: datetime


@dataclass(frozen=True, slots=True)
class HealthReading:
    """A kiosk's health.

    Attributes:
        arrival: The message.
        address: Whose topic it came on.
        outbox_id: The outbox in use; ``None`` if it does not say.
        last_sequence: The last number used there.
        said_at: When the kiosk said so; ``None`` if that is not known.
        voice: Which kiosk spoke under this name; ``None`` if it does not say.
        public_key: The key that it signs with; ``None`` if it does not say.
        watched: From when until when its camera saw the door; ``None`` if it does not say.
        signature: Whether it is signed, and by whom
            (:data:`kiosk.register.identity.keys.SignatureState`).
        has_more: The kiosk holds events that it could not store, so that they have no number yet.
    """

    arrival: Arrival
    address: KioskAddress
    outbox_id: str | None
    last_sequence: int
    said_at: datetime | None
    voice: Voice | None = None
    public_key: str | None = None
    watched: tuple[datetime, datetime] | None = None
    signature: str = ""
    has_more: bool = False


@dataclass(frozen=True, slots=True)
class RefusedHealthReading:
    """A health message that its kiosk has not signed, although it does sign them."""

    arrival: Arrival
    address: KioskAddress


@dataclass(frozen=True, slots=True)
class ErasureReceiptReading:
    """A kiosk says what became of erasure orders."""

    arrival: Arrival
    address: KioskAddress
    receipts: ErasureReceipts


@dataclass(frozen=True, slots=True)
class ReplayDoneReading:
    """A kiosk has answered a replay request."""

    arrival: Arrival
    address: KioskAddress
    done: ReplayDone


@dataclass(frozen=True, slots=True)
class Rejected:
    """A message that goes to the bin.

    Attributes:
        arrival: The message.
        reason: Why.
        detail: What exactly, for a person.
        address: The kiosk, if topic and payload agree on it.
        outbox_id: The outbox of an event that is kept here in place of the table of events, if it
            says so; its number counts as stored.
        sequence: Its number there.
        due_at: When the reason will have passed of itself; ``None`` if that is not known.
    """

    arrival: Arrival
    reason: Reason
    detail: str
    address: KioskAddress | None = None
    outbox_id: str | None = None
    sequence: int | None = None
    due_at: datetime | None = None


Reading: TypeAlias = (
    EventReading
    | AvailabilityReading
    | HealthReading
    | RefusedHealthReading
    | ReplayDoneReading
    | ErasureReceiptReading
    | Rejected
)


def outbox_of(reading: Reading) -> str | None:
    """Return the outbox that a message is about; ``None`` if it is about none."""
    match reading:
        case EventReading():
            return reading.event.outbox_id
        case ReplayDoneReading():
            return reading.done.outbox_id
        case HealthReading() | Rejected():
            return reading.outbox_id
        case _:
            return None


def outboxes_of(readings: Iterable[Reading]) -> dict[str, KioskAddress]:
    """Return the outboxes that messages are about, and on which kiosk's topics each was last."""
    found: dict[str, KioskAddress] = {}
    for one in readings:
        outbox_id = outbox_of(one)
        if outbox_id is not None and one.address is not None:
            found[outbox_id] = one.address
    return found
