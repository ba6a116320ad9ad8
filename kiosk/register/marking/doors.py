"""The kiosks of each room, and how far each can be relied on."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias, TypeVar

from kiosk.register.ingest.watch_table import load_watches
from kiosk.register.overview.door_status import DoorStatus, load_door_statuses
from kiosk.register.rules.lesson import Door

Place: TypeAlias = tuple[str, str]
"""Site and room."""
AnyStatus = TypeVar("AnyStatus", bound=DoorStatus)
_RECENT: Final = timedelta(seconds=2)
_NEVER: Final = datetime.min.replace(tzinfo=UTC)


def load_doors(rooms: Collection[str], now: datetime) -> dict[Place, tuple[Door, ...]]:
    """Return the doors of these rooms, by site and room."""
    doors: dict[Place, tuple[Door, ...]] = {}
    watched = load_watches(rooms, now)
    for one in current(load_door_statuses(now, rooms)):
        place = (one.address.site, one.address.room)
        door = Door(one.address.kiosk, one.completeness, watched.get(one.address), one.retired_at)
        doors[place] = (*doors.get(place, ()), door)
    return doors


class RecentDoors:
    """Remembers doors for a short time: in a wave of events, few of them change a mark by it.

    The decision who was absent reads them afresh.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[datetime, dict[Place, tuple[Door, ...]]]] = {}

    def of(self, rooms: Collection[str], now: datetime) -> dict[Place, tuple[Door, ...]]:
        """Return the doors of these rooms, by site and room."""
        self._known = {
            room: one for room, one in self._known.items() if abs(now - one[0]) < _RECENT
        }
        unknown = set(rooms) - set(self._known)
        if unknown:
            self._known |= {room: (now, {}) for room in unknown}
            for place, doors in load_doors(unknown, now).items():
                self._known[place[1]][1][place] = doors
        return {place: one for room in rooms for place, one in self._known[room][1].items()}


def current(statuses: Collection[AnyStatus]) -> list[AnyStatus]:
    """Return each kiosk once, with the outbox that it uses now.

    An outbox that was lost with its disk would keep a room from being complete for ever. If there
    is a list of kiosks, one that is not in it is not waited for.
    """
    is_listed = any(one.is_listed for one in statuses)
    newest: dict[tuple[str, str, str], AnyStatus] = {}
    for one in statuses:
        if is_listed and not one.is_listed:
            continue
        key = (one.address.site, one.address.room, one.address.kiosk)
        other = newest.get(key)
        if other is None or _last_word(one) > _last_word(other):
            newest[key] = one
    return list(newest.values())


def _last_word(status: DoorStatus) -> datetime:
    said_at = status.outbox.reported_at if status.outbox else None
    return said_at or status.completeness.complete_until or _NEVER
