"""A timetable as iCalendar (RFC 5545), as calendars and timetable programs export it.

The class is the event's first category, or else given by the caller; the room is its location; the
title its summary. A moved occurrence keeps its id, a cancelled one becomes a cancelled lesson, and
one that a series leaves out (EXDATE) does not exist.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from icalendar import Calendar, Event

from kiosk.errors import reason_of
from kiosk.register.imports.csv_rows import BYTES_MAX
from kiosk.register.imports.ics_event import CalendarEvent, read_event
from kiosk.register.imports.ics_lines import EventLines, event_lines
from kiosk.register.imports.ics_series import Horizon, occurrences, series_problems
from kiosk.register.imports.outcome import Outcome, Remark, outcome
from kiosk.register.imports.records import LessonRow
from kiosk.register.imports.timetable_csv import LESSONS_MAX, Place

EVENTS_MAX: Final = 20_000
_Key = tuple[str, datetime]
"""UID and original start, UTC: the identity of an occurrence."""


@dataclass(frozen=True, slots=True)
class _Occurrence:
    event: CalendarEvent
    starts_at: datetime


# What the parser raises. AttributeError: a component in another one's place. OSError: the name of a
# time zone is that of a folder, or longer than a name of a file can be.
_NO_CALENDAR: Final = (
    *(ValueError, IndexError, KeyError, RecursionError),
    *(AttributeError, TypeError, OSError),
)


def read_calendar(
    data: bytes, file: str, place: Place, horizon: Horizon, *, class_title: str = "", room: str = ""
) -> Outcome[tuple[LessonRow, ...]]:
    """Read a timetable.

    Args:
        data: The content of the file.
        file: Its name, for remarks.
        place: Where it is; times that name no zone are of its zone.
        horizon: Lessons that start outside of it are left out.
        class_title: The class of events without a category.
        room: The room of events without a location.
    """
    parsed = _parse(data, file)
    if isinstance(parsed, Remark):
        return Outcome(None, (parsed,))
    events: list[CalendarEvent] = []
    problems: list[Remark] = []
    notes: list[Remark] = []
    for event, lines in parsed:
        read, wrong, remarks = read_event(event, lines, place.zone)
        problems += wrong
        notes += remarks
        if read is not None:
            events.append(read)
            problems += series_problems(read, horizon)
            problems += _unnamed(read, class_title, room)
    if problems:
        return outcome((), problems, notes)
    found = _expand(_newest(events, problems), horizon, problems, notes)
    notes += _moved_hours(found, place, horizon)
    rows = [_row(key, one, place, class_title, room) for key, one in found.items()]
    inside = [one for one in rows if horizon.covers(one.starts_at)]
    if not inside and not problems:
        problems.append(Remark(file, 0, "", "no lesson within the school year"))
    return outcome(tuple(sorted(inside, key=_order)), problems, notes)


def _parse(data: bytes, file: str) -> list[tuple[Event, EventLines]] | Remark:
    """Return the events with their lines, or why the file cannot be read."""
    if len(data) > BYTES_MAX:
        return Remark(file, 0, "", f"larger than {BYTES_MAX // 1_000_000} MB; divide the file")
    try:
        lines = list(event_lines(data.decode(), file))
        events = Calendar.from_ical(data).walk("VEVENT")
    except UnicodeDecodeError as exc:
        return Remark(file, data[: exc.start].count(b"\n") + 1, "", "not UTF-8")
    except _NO_CALENDAR as exc:  # the reason names no path of this machine
        return Remark(file, 0, "", "not an iCalendar file", reason_of(exc))
    if len(events) != len(lines):
        return Remark(file, 0, "", "not an iCalendar file: an event within an event")
    if len(events) > EVENTS_MAX:
        return Remark(file, 0, "", f"more than {EVENTS_MAX} events; divide the file")
    return [(one, at) for one, at in zip(events, lines, strict=True) if isinstance(one, Event)]


def _unnamed(event: CalendarEvent, class_title: str, room: str) -> Iterator[Remark]:
    if not (event.category or class_title):
        yield event.lines.remark("CATEGORIES", "no class; name it in the import, or here")
    if not (event.location or room):
        yield event.lines.remark("LOCATION", "no room; name it in the import, or here")


def _newest(events: Iterable[CalendarEvent], problems: list[Remark]) -> list[CalendarEvent]:
    """Return the newest revision of each event."""
    found: dict[tuple[str, datetime | None], CalendarEvent] = {}
    for event in events:
        original = event.recurrence_id and event.recurrence_id.astimezone(UTC)
        before = found.setdefault((event.uid, original), event)
        if before is not event and before.sequence == event.sequence:
            text = f"the same UID as the event on line {before.lines.line}"
            problems.append(event.lines.remark("UID", text))
        elif event.sequence > before.sequence:
            found[event.uid, original] = event
    return list(found.values())


def _expand(
    events: Iterable[CalendarEvent], horizon: Horizon, problems: list[Remark], notes: list[Remark]
) -> Mapping[_Key, _Occurrence]:
    """Return all occurrences, moved and cancelled ones as they are now."""
    events = list(events)
    series = {one.uid: one for one in events if one.recurrence_id is None}
    found: dict[_Key, _Occurrence] = {}
    for uid, event in series.items():
        try:
            found |= {(uid, at): _Occurrence(event, at) for at in occurrences(event, horizon)}
        except (ValueError, TypeError):
            problems.append(event.lines.remark("RRULE", "not a valid rule"))
        if len(found) > LESSONS_MAX:
            text = f"more than {LESSONS_MAX} lessons; divide the file"
            problems.append(event.lines.remark("RRULE", text))
            break
    for event in events:
        if event.recurrence_id is None:
            continue
        key = (event.uid, event.recurrence_id.astimezone(UTC))
        if key in found or event.uid not in series:
            found[key] = _Occurrence(event, event.starts_at.astimezone(UTC))
        else:
            text = "changes an occurrence that the series does not have; left out"
            notes.append(event.lines.remark("RECURRENCE-ID", text))
    return found


def _moved_hours(
    found: Mapping[_Key, _Occurrence], place: Place, horizon: Horizon
) -> Iterator[Remark]:
    """Tell of each series whose lessons daylight saving moves to another hour of the site."""
    series: dict[str, list[_Occurrence]] = {}
    for (uid, _), one in found.items():
        if one.event.recurrence_id is None:
            series.setdefault(uid, []).append(one)
    for lessons in series.values():
        event = lessons[0].event
        own, here = event.starts_at.tzinfo, place.zone
        starts = [one.starts_at for one in lessons]
        hours = {(at.astimezone(own).time(), at.astimezone(here).time()) for at in starts}
        is_moved = len(hours) > len({hour for hour, _ in hours})
        if is_moved and any(map(horizon.covers, starts)):
            text = "repeats in UTC, so daylight saving moves it by an hour; give it a TZID"
            if event.starts_at.tzname() != "UTC":
                text = "repeats in another time zone, so daylight saving moves it; take the site's"
            yield event.lines.remark("DTSTART", text)


def _row(
    key: _Key, occurrence: _Occurrence, place: Place, class_title: str, room: str
) -> LessonRow:
    event, (uid, original) = occurrence.event, key
    repeats = bool(event.rules or event.more or event.recurrence_id is not None)
    return LessonRow(
        lesson_id=f"{uid}/{original:%Y%m%dT%H%M%SZ}" if repeats else uid,
        class_title=event.category or class_title,
        room=event.location or room,
        site=place.site,
        starts_at=occurrence.starts_at.astimezone(place.zone),
        ends_at=(occurrence.starts_at + event.duration).astimezone(place.zone),
        title=event.summary,
        status="cancelled" if event.is_cancelled else "scheduled",
    )


def _order(lesson: LessonRow) -> tuple[datetime, str]:
    return lesson.starts_at, lesson.lesson_id
