"""The live attendance list: what the kiosks have published, without repeats."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import takewhile
from typing import Final, TypeAlias

from kiosk.errors import PayloadError
from kiosk.protocol.event import (
    EVENT_TYPES,
    AttendanceEvent,
    BaseEvent,
    ParticipationEvent,
    PersonEvent,
    decode,
    event_type,
)
from kiosk.protocol.topics import KioskAddress, Topic
from kiosk.watch.door import Door, News

KEPT_S: Final = 24 * 3600.0
"""How long a class session stays on the list after its last event came, seconds."""
_YEARS = range(1970, 9000)  # a date outside could not be converted to every time zone

_Person: TypeAlias = tuple[str, str, str]
"""Site, class session and subject id."""


def utc_time(event: BaseEvent) -> datetime:
    """Return when an event happened, in UTC.

    Raises:
        PayloadError: ``time`` is not a date and time of the calendar.
    """
    try:
        when = datetime.fromisoformat(event.time)
        if when.year in _YEARS:
            return when.astimezone(UTC)
    except ValueError as exc:
        raise PayloadError(f"time: expected a date and time of the calendar ({exc})") from exc
    raise PayloadError(f"time: expected a year from {_YEARS.start} to {_YEARS.stop - 1}")


def read_event(topic: Topic, payload: bytes) -> PersonEvent | None:
    """Read an event and compare it with the topic that it came on.

    Returns:
        The event, or ``None`` for a kind of message, an event type or a schema version that this
        version of the software does not know.

    Raises:
        PayloadError: It is not an event, or names another type or kiosk than its topic does.
    """
    if topic.kind not in EVENT_TYPES:
        return None
    event = decode(payload)
    if not isinstance(event, PersonEvent):
        return None
    utc_time(event)
    if event_type(event) != topic.kind:
        raise PayloadError("type: expected the last level of the topic")
    for field in ("site", "room", "kiosk"):
        if getattr(topic.address, field) != getattr(event, field):
            raise PayloadError(f"{field}: expected the one of the topic")
    return event


class AttendanceList:
    """Attendance and participation by class session, and what is known of each kiosk.

    It drops a class session by when its last event came, not by the time in the event, which is
    wrong on a kiosk whose clock is not set: an event that comes late, after an outage, is still on
    the list.

    Attributes:
        refused: How many messages could not be read, or were no arrivals.
    """

    def __init__(self) -> None:
        # Both in the order of the last arrival, seconds.
        self._seen: dict[str, float] = {}
        self._sessions: dict[str, float] = {}
        self._first: dict[_Person, AttendanceEvent] = {}
        self._participation: dict[_Person, int] = {}
        self._kiosks: dict[KioskAddress, Door] = {}
        self._skipped = 0
        self.refused = 0

    def add(self, event: PersonEvent, now_s: float) -> bool:
        """Add an event, and drop class sessions without an event for :data:`KEPT_S`.

        A person whom two kiosks saw in one class session is on the list once, with the earlier
        time. Participation is counted, and is not attendance.

        Args:
            event: The event.
            now_s: When it came, monotonic seconds.

        Returns:
            False for a repeat: its event id has come within :data:`KEPT_S`.
        """
        self._drop_old(now_s - KEPT_S)
        if event.event_id in self._seen:
            return False
        self._seen[event.event_id] = now_s
        self._sessions.pop(event.session, None)
        self._sessions[event.session] = now_s
        person = _person(event)
        if isinstance(event, AttendanceEvent):
            known = self._first.get(person)
            if known is None or utc_time(event) < utc_time(known):
                self._first[person] = event
        elif isinstance(event, ParticipationEvent):
            # The count of the kiosk, which is right even if we have missed an event.
            self._participation[person] = max(event.count, self._participation.get(person, 0))
        return True

    def refuse(self) -> None:
        """Count a message that cannot be read, or is no arrival."""
        self.refused += 1

    def skip(self) -> int:
        """Count a message of a kind that this version does not know; return how many so far."""
        self._skipped += 1
        return self._skipped

    @property
    def skipped(self) -> int:
        """How many messages were of a kind that this version does not know."""
        return self._skipped

    def hear(self, address: KioskAddress, news: News, now: datetime, *, retained: bool) -> None:
        """Take in what a kiosk says of itself, as :meth:`Door.hear` does."""
        known = self._kiosks.get(address, Door())
        self._kiosks[address] = known.hear(news, now, retained=retained)

    def forget(self, address: KioskAddress) -> None:
        """Drop a kiosk that was taken out of service."""
        self._kiosks.pop(address, None)

    @property
    def sessions(self) -> Sequence[str]:
        """The class sessions on the list, latest first (they begin with their date)."""
        return sorted(self._sessions, reverse=True)

    def attended(self, session: str) -> list[AttendanceEvent]:
        """Return one event for each person of a class session, earliest first."""
        found = (event for event in self._first.values() if event.session == session)
        return sorted(found, key=lambda event: (utc_time(event), event.event_id))

    def participation(self, event: AttendanceEvent) -> int:
        """Return how often the event's person has participated in its class session."""
        return self._participation.get(_person(event), 0)

    @property
    def kiosks(self) -> list[tuple[KioskAddress, Door]]:
        """What is known of the kiosks, by address."""
        return sorted(
            self._kiosks.items(), key=lambda item: (item[0].site, item[0].room, item[0].kiosk)
        )

    def _drop_old(self, before_s: float) -> None:
        _drop_before(self._seen, before_s)
        if _drop_before(self._sessions, before_s):
            kept = self._sessions
            self._first = {k: event for k, event in self._first.items() if k[1] in kept}
            self._participation = {k: n for k, n in self._participation.items() if k[1] in kept}


def _person(event: PersonEvent) -> _Person:
    return event.site, event.session, event.subject_id


def _drop_before(came_s: dict[str, float], before_s: float) -> bool:
    """Drop entries that came before a time, the oldest of which is first; return whether any."""
    old = list(takewhile(lambda key: came_s[key] < before_s, came_s))
    for key in old:
        del came_s[key]
    return bool(old)
