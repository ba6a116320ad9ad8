"""The live attendance list: what has been heard from the kiosks, without repeats."""

from collections.abc import Sequence
from datetime import UTC, datetime

from kiosk.errors import PayloadError
from kiosk.event import Event, decode
from kiosk.topics import Availability, Place, place_of

_YEARS = range(1970, 9000)  # a date outside could not be moved to every time zone


def moment(event: Event) -> datetime:
    """Return when an event happened, in UTC.

    Raises:
        PayloadError: ``time`` is no moment of the calendar.
    """
    try:
        when = datetime.fromisoformat(event.time)
        if when.year in _YEARS:
            return when.astimezone(UTC)
    except ValueError as exc:
        raise PayloadError(f"time: expected a moment of the calendar ({exc})") from exc
    raise PayloadError(f"time: expected a year from {_YEARS.start} to {_YEARS.stop - 1}")


def read_event(topic: str, payload: bytes) -> Event:
    """Read an attendance message and hold it against the topic that it came on.

    Raises:
        PayloadError: It is no event, or names another kiosk than its topic does.
    """
    event = decode(payload)
    moment(event)
    place = place_of(topic)
    for field in ("site", "room", "kiosk"):
        if getattr(place, field, None) != getattr(event, field):
            raise PayloadError(f"{field}: expected the one of the topic")
    return event


class Board:
    """Attendance by class session, and which kiosks are online."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._first: dict[tuple[str, str, str], Event] = {}
        self._kiosks: dict[Place, Availability] = {}

    def add(self, event: Event) -> bool:
        """Add an event; return False for a repeat, which has an event id seen before.

        A person whom two doors saw in one session stands on the list once, with the earlier time.
        """
        if event.event_id in self._seen:
            return False
        self._seen.add(event.event_id)
        key = (event.site, event.session, event.subject_id)
        known = self._first.get(key)
        if known is None or moment(event) < moment(known):
            self._first[key] = event
        return True

    def set_availability(self, place: Place, availability: Availability) -> bool:
        """Note what a kiosk says of itself; return False when it is nothing new."""
        known = self._kiosks.get(place)
        self._kiosks[place] = availability
        return known != availability

    @property
    def sessions(self) -> Sequence[str]:
        """The class sessions heard of, latest first (they begin with their date)."""
        return sorted({event.session for event in self._first.values()}, reverse=True)

    def attended(self, session: str) -> list[Event]:
        """Return one event for each person of a session, earliest first."""
        found = (event for event in self._first.values() if event.session == session)
        return sorted(found, key=lambda event: (moment(event), event.event_id))

    @property
    def kiosks(self) -> list[tuple[Place, Availability]]:
        """The kiosks heard of, by place."""
        return sorted(
            self._kiosks.items(), key=lambda item: (item[0].site, item[0].room, item[0].kiosk)
        )
