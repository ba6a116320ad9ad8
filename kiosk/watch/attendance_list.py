"""The live attendance list: what has been heard from the kiosks, without repeats."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import takewhile
from typing import Final

from kiosk.errors import PayloadError
from kiosk.protocol.availability import Availability
from kiosk.protocol.event import AttendanceEvent, BaseEvent, Event, UnknownEvent, decode, event_type
from kiosk.protocol.topics import KioskAddress, Topic

KEPT_S: Final = 24 * 3600.0
"""How long a session stands on the list after it was last heard of, seconds."""
_YEARS = range(1970, 9000)  # a date outside could not be moved to every time zone


def moment(event: BaseEvent) -> datetime:
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


def read_event(topic: Topic, payload: bytes) -> Event | UnknownEvent:
    """Read an event and compare it with the topic that it came on.

    Raises:
        PayloadError: It is not an event, or names another type or kiosk than its topic does.
    """
    event = decode(payload)
    if isinstance(event, UnknownEvent):
        return event
    moment(event)
    if event_type(event) != topic.kind:
        raise PayloadError("type: expected the last level of the topic")
    for field in ("site", "room", "kiosk"):
        if getattr(topic.address, field) != getattr(event, field):
            raise PayloadError(f"{field}: expected the one of the topic")
    return event


class AttendanceList:
    """Attendance by class session, and which kiosks are online.

    It forgets by when it heard of something and not by the time in the event, which a kiosk without
    a set clock gets wrong: what comes late, after an outage, is on the list all the same.
    """

    def __init__(self) -> None:
        # Both in the order of when they were heard last, seconds.
        self._seen: dict[str, float] = {}
        self._sessions: dict[str, float] = {}
        self._first: dict[tuple[str, str, str], AttendanceEvent] = {}
        self._kiosks: dict[KioskAddress, Availability] = {}

    def add(self, event: AttendanceEvent, now_s: float) -> bool:
        """Add an event, and forget sessions not heard of for :data:`KEPT_S`.

        A person whom two doors saw in one session stands on the list once, with the earlier time.

        Args:
            event: What was heard.
            now_s: When, seconds of a clock that never steps (monotonic).

        Returns:
            False for a repeat, which has an event id heard within :data:`KEPT_S`.
        """
        self._forget(now_s - KEPT_S)
        if event.event_id in self._seen:
            return False
        self._seen[event.event_id] = now_s
        self._sessions.pop(event.session, None)
        self._sessions[event.session] = now_s
        key = (event.site, event.session, event.subject_id)
        known = self._first.get(key)
        if known is None or moment(event) < moment(known):
            self._first[key] = event
        return True

    def set_availability(self, place: KioskAddress, availability: Availability) -> bool:
        """Note what a kiosk says of itself; return False when it is nothing new."""
        known = self._kiosks.get(place)
        self._kiosks[place] = availability
        return known != availability

    @property
    def sessions(self) -> Sequence[str]:
        """The class sessions heard of, latest first (they begin with their date)."""
        return sorted(self._sessions, reverse=True)

    def attended(self, session: str) -> list[AttendanceEvent]:
        """Return one event for each person of a session, earliest first."""
        found = (event for event in self._first.values() if event.session == session)
        return sorted(found, key=lambda event: (moment(event), event.event_id))

    def _forget(self, before_s: float) -> None:
        _drop_old(self._seen, before_s)
        if _drop_old(self._sessions, before_s):
            self._first = {k: e for k, e in self._first.items() if e.session in self._sessions}

    @property
    def kiosks(self) -> list[tuple[KioskAddress, Availability]]:
        """The kiosks heard of, by place."""
        return sorted(
            self._kiosks.items(), key=lambda item: (item[0].site, item[0].room, item[0].kiosk)
        )


def _drop_old(heard_s: dict[str, float], before_s: float) -> bool:
    """Drop what was heard before; whether there was anything. The oldest stands first."""
    old = list(takewhile(lambda key: heard_s[key] < before_s, heard_s))
    for key in old:
        del heard_s[key]
    return bool(old)
