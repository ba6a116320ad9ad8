"""Whether a message of a kiosk changes what an open page shows of it; pure.

Kiosks report every minute. A page follows their figures once a minute, and their state at once.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

import msgspec

from kiosk.decoder import decoder_of
from kiosk.protocol.topics import KioskAddress
from kiosk.register.messages.arrival import AvailabilityReading, HealthReading

QUIET: Final = timedelta(minutes=1)


class Shown(msgspec.Struct, frozen=True):
    """The state in a health message; figures that always change are left out."""

    clock: str = ""
    camera: str = ""
    version: str = ""
    outbox_id: str = ""
    model_id: str = ""
    people: int = 0
    under_voltage: bool | None = None
    dropped: int = 0
    set_aside: int = 0


class Known(msgspec.Struct, frozen=True):
    """What is stored of a kiosk."""

    is_online: bool | None = None
    health: bytes | None = None
    health_at: datetime | None = None


def news(
    known: Mapping[KioskAddress, Known],
    availability: Iterable[AvailabilityReading],
    health: Iterable[HealthReading],
) -> set[str]:
    """Return the keys of the kiosks of which a page shows something else after these messages."""
    changed = {
        one.address
        for one in availability
        if known.get(one.address, Known()).is_online is not one.is_online
    }
    changed |= {one.address for one in health if _is_news(known.get(one.address, Known()), one)}
    return {f"{one.site}/{one.room}/{one.kiosk}" for one in changed}


def _is_news(before: Known, reading: HealthReading) -> bool:
    if before.health is None or before.health_at is None:
        return True
    if reading.arrival.at - before.health_at >= QUIET:
        return True
    return _shown(before.health) != _shown(reading.arrival.payload)


def _shown(payload: bytes) -> Shown | None:
    try:
        return decoder_of(Shown).decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
