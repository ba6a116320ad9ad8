"""Decide whether an event is placed, or goes to the bin."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from kiosk.protocol.event import card_of, subject_of
from kiosk.protocol.topics import KioskAddress
from kiosk.register.messages.arrival import EventReading, Reason, Rejected

FUTURE_TOLERANCE: Final = timedelta(minutes=5)
"""How far a kiosk's clock may be ahead of the register's."""


@dataclass(frozen=True, slots=True)
class Known:
    """Who is known, of those that a batch of events names.

    Attributes:
        kiosks: Kiosks of the imported list; ``None`` while none was imported: all are accepted.
        people: Subject ids of the imported list; ``None`` while none was imported.
        times: The right times of events whose kiosk has corrected them, by event id.
        revoked: When cards were revoked, by card id.
    """

    kiosks: frozenset[KioskAddress] | None = None
    people: frozenset[str] | None = None
    times: Mapping[str, datetime] = field(default_factory=dict)
    revoked: Mapping[str, datetime] = field(default_factory=dict)


def judge(reading: EventReading, known: Known, now: datetime) -> EventReading | Rejected:
    """Return the event, or why it goes to the bin.

    Args:
        reading: The event.
        known: Who is known.
        now: The register's time. An event that was in the future once may be placed later.
    """
    event = reading.event
    if known.kiosks is not None and reading.address not in known.kiosks:
        return _reject(reading, Reason.UNKNOWN_KIOSK, "not in the list of kiosks")
    scanned_at = known.times.get(event.event_id, reading.scanned_at)
    if scanned_at > now + FUTURE_TOLERANCE:
        ahead = scanned_at - now
        rejected = _reject(reading, Reason.FUTURE, f"{ahead.total_seconds():.0f} s ahead")
        return replace(rejected, due_at=scanned_at - FUTURE_TOLERANCE)
    revoked_at = known.revoked.get(card_of(event))
    is_dated = event.clock == "synchronised" or event.event_id in known.times
    if revoked_at is not None and is_dated and scanned_at >= revoked_at:
        return _reject(reading, Reason.REVOKED_CARD, f"card {card_of(event)}, revoked before")
    subject_id = subject_of(event)
    if known.people is not None and subject_id and subject_id not in known.people:
        return _reject(reading, Reason.UNKNOWN_PERSON, "not in the list of people")
    return reading


def _reject(reading: EventReading, reason: Reason, detail: str) -> Rejected:
    event = reading.event
    return Rejected(
        reading.arrival, reason, detail, reading.address, event.outbox_id, event.sequence
    )
