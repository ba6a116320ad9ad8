"""The occurrences of a recurring event within a horizon.

Only rules that lessons have are read, and each of them is bounded before it runs: at most daily, at
one time of day, never past the horizon, and of a kind that cannot search for ever for a day that
does not exist, such as 30 February. So no file can make the import run away.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, Final

from dateutil.rrule import rrule, rrulestr
from icalendar.prop import vRecur

from kiosk.register.imports.ics_event import CalendarEvent
from kiosk.register.imports.outcome import Remark

_ALWAYS: Final = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY"} | {
    *("BYHOUR", "BYMINUTE", "BYSECOND")
}
_PARTS: Final = {
    "DAILY": _ALWAYS | {"BYMONTH"},
    "WEEKLY": _ALWAYS | {"BYMONTH"},
    "MONTHLY": _ALWAYS | {"BYMONTHDAY", "BYSETPOS"},
}
"""The parts that a rule may have, by its frequency."""
_HORIZON_MAX: Final = timedelta(days=731)
_AGE_MAX: Final = timedelta(days=366 * 10)
"""A series is counted from its first occurrence, which must not be older than this."""


@dataclass(frozen=True, slots=True)
class Horizon:
    """The time for which lessons are made, such as a school year.

    Attributes:
        begin: First moment, aware.
        end: First moment after it, aware.
    """

    begin: datetime
    end: datetime

    def __post_init__(self) -> None:
        """Reject a time for which too many lessons could be made."""
        if not timedelta(0) < self.end - self.begin <= _HORIZON_MAX:
            raise ValueError("expected an end after the begin, at most two years later")

    def covers(self, moment: datetime) -> bool:
        """Return whether a lesson that starts then is made."""
        return self.begin <= moment < self.end


def series_problems(event: CalendarEvent, horizon: Horizon) -> Iterator[Remark]:
    """Find what would make a series endless, or another one than its author meant."""
    for rule in event.rules:
        yield from (event.lines.remark("RRULE", text) for text in _rule_problems(rule))
    if event.rules and horizon.begin - event.starts_at > _AGE_MAX:
        yield event.lines.remark("DTSTART", "the series began more than ten years ago; renew it")


def _rule_problems(rule: Mapping[str, Sequence[Any]]) -> Iterator[str]:
    frequency = str(rule.get("FREQ", [""])[0])
    interval = int(rule.get("INTERVAL", [1])[0])
    if frequency not in _PARTS:
        yield "a lesson repeats daily, weekly or monthly"
        return
    if other := sorted(set(rule) - _PARTS[frequency]):
        yield f"{other[0]} is not read with {frequency}; write these lessons out one by one"
    elif any(not 1 <= abs(day) <= 28 for day in rule.get("BYMONTHDAY", ())):
        yield "BYMONTHDAY: expected a day that every month has"
    if any(len(rule.get(part, ())) > 1 for part in ("BYHOUR", "BYMINUTE", "BYSECOND")):
        yield "a lesson repeats at one time of day"
    if not 1 <= interval <= (4 if "BYMONTH" in rule else 60):
        yield "INTERVAL: expected 1 to 60, and with BYMONTH 1 to 4"
    if frequency == "DAILY" and "BYDAY" in rule and interval % 7 == 0:
        yield "every seventh day is the same weekday; FREQ=WEEKLY says that"
    if any(not 1 <= abs(place) <= 4 for place in rule.get("BYSETPOS", ())):
        yield "BYSETPOS: expected a place that every month has, 1 to 4 or -1 to -4"
    if "COUNT" in rule and "UNTIL" in rule:
        yield "COUNT and UNTIL exclude each other"


def occurrences(event: CalendarEvent, horizon: Horizon) -> Iterator[datetime]:
    """Yield the starts of a series before the end of the horizon, in UTC.

    Those before its begin are part of it: one of them may have been moved into it.

    Raises:
        ValueError: A rule cannot be understood.
    """
    zone = event.starts_at.tzinfo
    assert zone is not None
    starts = {event.starts_at.astimezone(UTC), *(one.astimezone(UTC) for one in event.more)}
    for rule in event.rules:
        wall = _wall(rule, event, horizon)
        starts.update(one.replace(tzinfo=zone).astimezone(UTC) for one in wall)
    for start in sorted(starts):
        day = start.astimezone(zone).date()
        if start not in event.excluded and day not in event.excluded_days and start < horizon.end:
            yield start


def _wall(rule: dict[str, list[Any]], event: CalendarEvent, horizon: Horizon) -> Iterator[datetime]:
    """Yield the starts of one rule as the clock on the wall shows them, in the event's zone."""
    zone = event.starts_at.tzinfo
    assert zone is not None
    last = horizon.end.astimezone(zone).replace(tzinfo=None)
    if "UNTIL" in rule:
        last = min(last, _until(rule["UNTIL"][0], zone))
    count = rule.get("COUNT", [None])[0]
    parts = {key: value for key, value in rule.items() if key not in {"COUNT", "UNTIL"}}
    text = bytes(vRecur(parts).to_ical()).decode()  # type: ignore[no-untyped-call]  # icalendar's
    first = event.starts_at.replace(tzinfo=None)
    series = rrulestr(text, dtstart=first)
    assert isinstance(series, rrule)
    yield from itertools.islice(series.replace(until=last), count)


def _until(until: date | datetime, zone: tzinfo) -> datetime:
    """Return the last start that a rule allows, as the clock on the wall shows it.

    A time without zone is one of the event's zone, and a day includes all of its lessons; taken for
    UTC, as the standard has it, both would lose the last lesson.
    """
    if not isinstance(until, datetime):
        return datetime.combine(until, time.max)
    return until if until.tzinfo is None else until.astimezone(zone).replace(tzinfo=None)
