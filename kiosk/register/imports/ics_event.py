"""One event of a calendar, read strictly: what the parser would guess or drop is a problem."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any, Final

from icalendar import Event

from kiosk.register.imports.addresses import address_problem
from kiosk.register.imports.csv_rows import cleaned, unseen_problem, with_codes
from kiosk.register.imports.ics_lines import EventLines
from kiosk.register.imports.outcome import Remark
from kiosk.register.imports.zones import find_zone

LESSON_MAX: Final = timedelta(hours=24)
YEARS: Final = (1970, 2200)


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarEvent:
    """An event with its times.

    Attributes:
        lines: Where it stands.
        uid: Its id.
        starts_at: Start of the first occurrence, in the zone in which it repeats.
        duration: How long it lasts.
        recurrence_id: Which occurrence of the series of this id it replaces; ``None`` for none.
        rules: Its recurrence rules.
        more: Further starts (RDATE).
        excluded: Starts that are left out (EXDATE), UTC.
        excluded_days: Days that are left out.
        sequence: Grows with each revision.
        is_cancelled: Its status says so.
        summary: What it is.
        location: Where it is.
        category: The first of its categories.
    """

    lines: EventLines
    uid: str
    starts_at: datetime
    duration: timedelta
    recurrence_id: datetime | None
    rules: tuple[dict[str, list[Any]], ...]
    more: tuple[datetime, ...]
    excluded: frozenset[datetime]
    excluded_days: frozenset[date]
    sequence: int
    is_cancelled: bool
    summary: str
    location: str
    category: str


class _Reader:
    """Reads the properties of one event, and collects what is wrong with them."""

    def __init__(self, event: Event, lines: EventLines, zone: tzinfo) -> None:
        self._event = event
        self._lines = lines
        self._zone = zone
        self.problems: list[Remark] = []

    def fail(self, name: str, text: str) -> None:
        self.problems.append(self._lines.remark(name, text))

    def values(self, name: str) -> Iterator[Any]:
        """Yield the values of a property that may be there several times."""
        found = self._event.get(name)
        yield from found if isinstance(found, list) else [found] if found is not None else []

    def text(self, name: str) -> str:
        return next((str(one).strip() for one in self.values(name)), "")

    def moment(self, name: str) -> datetime | date | None:
        """Return the time (aware) or the day of a property."""
        for one in self.values(name):
            return self._aware(name, one.dt, one.params.get("TZID"))
        return None

    def moments(self, name: str) -> list[datetime | date]:
        """Return all times and days of a property that is a list."""
        found = []
        for one in self.values(name):
            for value in one.dts:
                start = value.dt[0] if isinstance(value.dt, tuple) else value.dt
                moment = self._aware(name, start, one.params.get("TZID"))
                found += [] if moment is None else [moment]
        return found

    def _aware(self, name: str, moment: Any, tzid: str | None) -> datetime | date | None:  # noqa: ANN401 - what a property holds
        if not isinstance(moment, datetime):
            if isinstance(moment, date):
                return moment
            self.fail(name, "expected a time")
            return None
        if not YEARS[0] <= moment.year <= YEARS[1]:
            self.fail(name, "expected a time of this century")
            return None
        if tzid is None:
            return moment if moment.tzinfo is not None else moment.replace(tzinfo=self._zone)
        zone = find_zone(tzid)
        if zone is None:
            text = "unknown time zone; expected an IANA name such as America/Mexico_City"
            self.problems.append(self._lines.remark(name, text, tzid))
            return None
        return moment.replace(tzinfo=zone)


def read_event(
    event: Event, lines: EventLines, zone: tzinfo
) -> tuple[CalendarEvent | None, list[Remark], list[Remark]]:
    """Return an event, what is wrong with it, and why it was left out if it is no lesson.

    Args:
        event: The event as the parser gives it.
        lines: Where it stands.
        zone: The time zone of times that name none.
    """
    reader = _Reader(event, lines, zone)
    for name, _ in event.errors:
        reader.fail(str(name), "not valid")
    if reader.problems:
        return None, reader.problems, []
    starts_at = reader.moment("DTSTART")
    if isinstance(starts_at, date) and not isinstance(starts_at, datetime):
        return None, [], [lines.remark("DTSTART", "an event of whole days, not a lesson; left out")]
    if starts_at is None and not reader.problems:
        reader.fail("DTSTART", "missing")
    uid = reader.text("UID")
    if not uid:
        reader.fail("UID", "missing; without it the lesson is not known again in the next file")
    elif text := unseen_problem(uid) or address_problem(uid):
        reader.problems.append(lines.remark("UID", text, with_codes(uid)))
    read = None if starts_at is None else _read(reader, lines, uid, starts_at)
    return (None if reader.problems else read), reader.problems, []


def _read(reader: _Reader, lines: EventLines, uid: str, starts_at: datetime) -> CalendarEvent:
    excluded = reader.moments("EXDATE")
    recurrence_id = reader.moment("RECURRENCE-ID")
    if any("RANGE" in one.params for one in reader.values("RECURRENCE-ID")):
        reader.fail("RECURRENCE-ID", "a change from here on is not read; make a new series of it")
    if recurrence_id is not None and not isinstance(recurrence_id, datetime):
        reader.fail("RECURRENCE-ID", "expected a time, not a day")
        recurrence_id = None
    return CalendarEvent(
        lines=lines,
        uid=uid,
        starts_at=starts_at,
        duration=_duration(reader, starts_at),
        recurrence_id=recurrence_id,
        rules=tuple(dict(one) for one in reader.values("RRULE")),
        more=tuple(one for one in reader.moments("RDATE") if isinstance(one, datetime)),
        excluded=frozenset(one.astimezone(UTC) for one in excluded if isinstance(one, datetime)),
        excluded_days=frozenset(one for one in excluded if not isinstance(one, datetime)),
        sequence=next((int(one) for one in reader.values("SEQUENCE")), 0),
        is_cancelled=reader.text("STATUS").upper() == "CANCELLED",
        summary=cleaned(reader.text("SUMMARY")),
        location=cleaned(reader.text("LOCATION")),
        category=_category(reader),
    )


def _duration(reader: _Reader, starts_at: datetime) -> timedelta:
    """Return the time from start to end; it is not that of the wall where the clock jumps."""
    ends_at = reader.moment("DTEND")
    found = next((one.dt for one in reader.values("DURATION")), timedelta(0))
    if isinstance(ends_at, datetime):
        found = ends_at.astimezone(UTC) - starts_at.astimezone(UTC)
    if not timedelta(0) < found <= LESSON_MAX:
        name = "DTEND" if ends_at is not None else "DURATION"
        reader.fail(name, "expected a lesson that ends after it starts, within 24 hours")
    return found


def _category(reader: _Reader) -> str:
    names = [cleaned(str(name)) for one in reader.values("CATEGORIES") for name in one.cats]
    return next((name for name in names if name), "")
