"""The kiosks of each room, and how far each can be relied on."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Final, TypeAlias

from kiosk.register.rules.lesson import Door
from kiosk.register.status import KioskStatus, load_statuses

Place: TypeAlias = tuple[str, str]
"""Site and room."""
_NEVER: Final = datetime.min.replace(tzinfo=UTC)


def load_doors(rooms: Collection[str], now: datetime) -> dict[Place, tuple[Door, ...]]:
    """Return the doors of these rooms, by site and room."""
    doors: dict[Place, tuple[Door, ...]] = {}
    for one in current(load_statuses(now, rooms)):
        place = (one.address.site, one.address.room)
        door = Door(one.address.kiosk, one.completeness)
        doors[place] = (*doors.get(place, ()), door)
    return doors


def current(statuses: Collection[KioskStatus]) -> list[KioskStatus]:
    """Return each kiosk once, with the outbox that it uses now.

    An outbox that was lost with its disk would keep a room from being complete for ever. If there
    is a list of kiosks, one that is not in it is not waited for.
    """
    is_listed = any(one.is_listed for one in statuses)
    newest: dict[tuple[str, str, str], KioskStatus] = {}
    for one in statuses:
        if is_listed and not one.is_listed:
            continue
        key = (one.address.site, one.address.room, one.address.kiosk)
        other = newest.get(key)
        if other is None or _last_word(one) > _last_word(other):
            newest[key] = one
    return list(newest.values())


def _last_word(status: KioskStatus) -> datetime:
    said_at = status.outbox.reported_at if status.outbox else None
    return said_at or status.completeness.complete_until or _NEVER
