"""Events as a kiosk sends them, and what the register has made of them."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from kiosk.protocol.event import AttendanceEvent, DecisionRecord, encode
from kiosk.protocol.topics import KioskAddress
from kiosk.register.messages.arrival import Arrival

NOON: Final = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
DOOR: Final = KioskAddress(site="school", room="room-1", kiosk="kiosk-1")
OUTBOX: Final = "11111111-1111-4111-8111-111111111111"
OTHER_OUTBOX: Final = "22222222-2222-4222-8222-222222222222"
_DECISION: Final = DecisionRecord(
    score=0.5, margin=0.2, threshold=0.1, votes=5, frames=6, quality=0.9, model_id="small-1"
)


def event_id(number: int) -> str:
    """A UUIDv7 that ends in a number."""
    return f"01932f00-0000-7000-8000-{number:012x}"


def event(
    sequence: int,
    outbox_id: str | None = OUTBOX,
    **changes: Any,  # noqa: ANN401 - a field of the event
) -> AttendanceEvent:
    """The event of this number: one person each, one second apart, until noon."""
    facts: dict[str, Any] = {
        "event_id": event_id(sequence + (uuid.UUID(outbox_id).int % 2**40 if outbox_id else 0)),
        "outbox_id": outbox_id,
        "sequence": sequence,
        "site": DOOR.site,
        "room": DOOR.room,
        "kiosk": DOOR.kiosk,
        "subject_id": f"s-{sequence:04d}",
        "session": "2026-01-15/day",
        "time": (NOON - timedelta(hours=1) + timedelta(seconds=sequence)).isoformat(
            timespec="milliseconds"
        ),
        "clock": "synchronised",
        "boot_id": "boot-1",
        "monotonic_s": float(sequence),
        "decision": _DECISION,
    }
    return AttendanceEvent(**(facts | changes))


def arrival(
    payload: AttendanceEvent | bytes,
    kind: str = "attendance",
    *,
    address: KioskAddress = DOOR,
    at: datetime = NOON,
) -> Arrival:
    """A message on the topic of a kiosk; an event is encoded."""
    data = payload if isinstance(payload, bytes) else encode(payload)
    return Arrival(address.topic(kind), data, at)


def health(last_sequence: int, outbox_id: str = OUTBOX, *, at: datetime = NOON) -> Arrival:
    payload = msgspec.json.encode({"outbox_id": outbox_id, "last_sequence": last_sequence})
    return arrival(payload, "health", at=at)
