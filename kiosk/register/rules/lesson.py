"""Lessons, who is expected in them, what was seen at the door, and how complete the door is.

Times are kept in UTC, whatever zone they come in: Python compares and subtracts two times of one
zone by the clock on the wall, which is an hour wrong where daylight saving begins or ends.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from kiosk.register.rules.completeness import Completeness
from kiosk.register.rules.settings import RuleSettings

UNWATCHED_MAX: Final = timedelta(minutes=2)
"""How long a camera may have seen nothing in a lesson that somebody can be absent from. A kiosk
tells every minute, so a restart of some seconds costs up to a minute more."""
_NONE: Final = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """A lesson of one class on one date, where and when it takes place now.

    Attributes:
        lesson_id: Its stable id.
        site: The site.
        room: The room.
        date: Its date, in the site's time zone. A lesson over midnight has that of its start.
        starts_at: Start, aware; included.
        ends_at: End, aware; not included. A lesson up to 24:00 ends at 00:00 of the next day.
        session: The class session as kiosks write it in events, such as "2026-11-24/maths-7b";
            empty when they are not told.
        is_cancelled: It does not take place.
        decided_by: The rules that it was decided by, and keeps; ``None`` before.
    """

    lesson_id: str
    site: str
    room: str
    date: date
    starts_at: datetime
    ends_at: datetime
    session: str = ""
    is_cancelled: bool = False
    decided_by: RuleSettings | None = None

    def __post_init__(self) -> None:
        """Keep the times in UTC."""
        object.__setattr__(self, "starts_at", _utc(self.starts_at))
        object.__setattr__(self, "ends_at", _utc(self.ends_at))

    def overlaps(self, other: "Lesson") -> bool:
        """Return whether two lessons take place at the same time, for a moment at least."""
        are_held = not self.is_cancelled and not other.is_cancelled
        return are_held and self.starts_at < other.ends_at and other.starts_at < self.ends_at

    def rules(self, settings: RuleSettings) -> RuleSettings:
        """Return the rules that hold for the lesson: its own once it is decided."""
        return self.decided_by or settings


@dataclass(frozen=True, slots=True)
class Membership:
    """A student is in a class from ``begin`` until ``end``, both days included.

    Attributes:
        begin: First day; ``None`` for always.
        end: Last day; ``None`` for no end.
    """

    begin: date | None = None
    end: date | None = None

    def covers(self, day: date) -> bool:
        """Return whether the student is in the class on a day."""
        return (self.begin is None or self.begin <= day) and (self.end is None or day <= self.end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """An event at a door, of one student.

    Attributes:
        event_id: The event.
        scanned_at: The kiosk's time, aware UTC; the one that it sent later, if it has.
        clock_is_synchronised: That time can be relied on.
        session: The class session that the kiosk wrote.
        direction: "left", "right" or "toward"; ``None`` when not known.
        arrived_at: When the register got it, aware UTC.
        is_replayed: It was sent again at the register's request.
    """

    event_id: str
    scanned_at: datetime
    arrived_at: datetime
    clock_is_synchronised: bool = True
    session: str = ""
    direction: str | None = None
    is_replayed: bool = False

    def __post_init__(self) -> None:
        """Keep the times in UTC."""
        object.__setattr__(self, "scanned_at", _utc(self.scanned_at))
        object.__setattr__(self, "arrived_at", _utc(self.arrived_at))


@dataclass(frozen=True, slots=True)
class Door:
    """How far the events of one kiosk of a room can be relied on.

    Attributes:
        kiosk: The kiosk's name.
        completeness: What the register has of it.
        watched: When its camera saw the door: spans that do not overlap; ``None`` if it does not
            tell, which is taken for always.
        retired_at: Since when it is out of service; ``None`` while it is not.
    """

    kiosk: str
    completeness: Completeness
    watched: tuple[tuple[datetime, datetime], ...] | None = None
    retired_at: datetime | None = None

    def serves(self, lesson: Lesson) -> bool:
        """Return whether its events are waited for: not after it was taken out of service."""
        return self.retired_at is None or lesson.starts_at < self.retired_at

    def is_complete_past(self, moment: datetime) -> bool:
        """Return whether no event before a time can still arrive."""
        until = self.completeness.complete_until
        return until is not None and until >= moment

    def has_watched(self, begin: datetime, end: datetime) -> bool:
        """Return whether the camera saw the door in a span, but for :data:`UNWATCHED_MAX`."""
        if self.watched is None:
            return True
        seen = (min(end, last) - max(begin, first) for first, last in self.watched)
        return end - begin - sum((one for one in seen if one > _NONE), _NONE) <= UNWATCHED_MAX


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a time without a time zone")
    return moment.astimezone(UTC)
