"""How long an event has waited."""

from datetime import UTC, datetime

import msgspec

from kiosk.clock import Clock
from kiosk.decoder import decoder_of


class _Dated(msgspec.Struct):
    time: datetime
    clock: str


def event_age_s(payload: bytes, clock: Clock) -> int | None:
    """Return the age of an event, seconds; ``None`` while its clock or ours is not synchronised."""
    try:
        event = decoder_of(_Dated).decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if event.clock != "synchronised" or event.time.tzinfo is None or not clock.synchronised():
        return None
    return max(0, round((clock.utc() - event.time.astimezone(UTC)).total_seconds()))
