"""Show attendance as text: a table that is redrawn, one line each, or one JSON object each."""

from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from typing import Protocol, TextIO

import msgspec

from kiosk.counted import counted
from kiosk.people.roster import Roster
from kiosk.printable import json_text, printable
from kiosk.protocol.event import AttendanceEvent, ParticipationEvent, PersonEvent, event_type
from kiosk.protocol.topics import KioskAddress
from kiosk.text_table import aligned
from kiosk.watch.attendance_list import AttendanceList, utc_time
from kiosk.watch.door import Door, describe

_CLEAR = "\x1b[H\x1b[2J"  # cursor to the top left, then erase the screen


class Screen(Protocol):
    """Shows what comes in."""

    def show_event(self, event: PersonEvent) -> None:
        """Show an event that was not seen before."""

    def show_kiosk(self, address: KioskAddress, door: Door) -> None:
        """Show a kiosk that has said something of itself, or nothing for too long."""

    def show_skipped(self, count: int) -> None:
        """Show how many messages of unknown kinds were skipped so far; called for each of them."""


def _now() -> datetime:
    return datetime.now(UTC)


class TextLines:
    """One line for each event and each change of a kiosk's state, for a pipe or a log.

    Args:
        out: Written to.
        roster: Gives the names.
        zone: The time zone to show; ``~`` marks times of a clock that was not synchronised.
        now: Returns the time, UTC.
    """

    def __init__(
        self, out: TextIO, roster: Roster, zone: tzinfo, now: Callable[[], datetime] = _now
    ) -> None:
        self._out = out
        self._roster = roster
        self._zone = zone
        self._now = now
        self._said: dict[KioskAddress, str] = {}

    def show_event(self, event: PersonEvent) -> None:
        """Write an event; one that is not attendance has its type at the end."""
        where = f"{event.room}/{event.kiosk}"
        date = utc_time(event).astimezone(self._zone).date().isoformat()
        line = f"{date} {self._time(event)}  {self._name(event)}  {where}  {event.session}"
        if not isinstance(event, AttendanceEvent):
            line += f"  {event_type(event)}"
        if isinstance(event, ParticipationEvent):
            line += f" {event.count}"
        self._write(line)

    def show_kiosk(self, address: KioskAddress, door: Door) -> None:
        """Write whether a kiosk is online and what does not work, if that has changed."""
        line = self._kiosk(address, door)
        if self._said.get(address) != line:
            self._said[address] = line
            self._write(line)

    def show_skipped(self, count: int) -> None:
        """Write the number, at 1, 10, 100 and so on."""
        if _is_round(count):
            self._write(_skipped(count))

    def _kiosk(self, address: KioskAddress, door: Door) -> str:
        return f"{address.room}/{address.kiosk}{describe(door, self._now(), self._zone)}"

    def _write(self, line: str) -> None:
        self._out.write(printable(line) + "\n")
        self._out.flush()

    def _time(self, event: PersonEvent) -> str:
        mark = "" if event.clock == "synchronised" else "~"
        return mark + utc_time(event).astimezone(self._zone).strftime("%H:%M:%S")

    def _name(self, event: PersonEvent) -> str:
        return self._roster.name_of(event.subject_id)


class LiveTable(TextLines):
    """The complete list, redrawn at each change, for a terminal.

    Args:
        out: The terminal.
        roster: Gives the names.
        zone: As :class:`TextLines`.
        attendance: The list; the caller has updated it.
        now: As :class:`TextLines`.
    """

    def __init__(
        self,
        out: TextIO,
        roster: Roster,
        zone: tzinfo,
        attendance: AttendanceList,
        now: Callable[[], datetime] = _now,
    ) -> None:
        super().__init__(out, roster, zone, now)
        self._attendance = attendance

    def show_event(self, event: PersonEvent) -> None:  # noqa: ARG002 - it is on the list
        """Redraw the list."""
        self._redraw()

    def show_kiosk(self, address: KioskAddress, door: Door) -> None:  # noqa: ARG002 - it is on the list
        """Redraw the list."""
        self._redraw()

    def show_skipped(self, count: int) -> None:  # noqa: ARG002 - it is on the list
        """Redraw the list, whose last line has the number."""
        self._redraw()

    def _redraw(self) -> None:
        self._out.write(_CLEAR)
        for address, door in self._attendance.kiosks:
            self._write("; ".join((self._kiosk(address, door), *door.figures())))
        for session in self._attendance.sessions:
            events = self._attendance.attended(session)
            self._write(f"{session}: {len(events)} present")
            for line in aligned(self._cells(events)):
                self._write(f"  {line}")
        if self._attendance.skipped:
            self._write(_skipped(self._attendance.skipped))
        if self._attendance.refused:
            self._write(f"not valid: {counted(self._attendance.refused, 'message')}")

    def _cells(self, events: list[AttendanceEvent]) -> list[tuple[str, ...]]:
        """Return a header and one row for each event; participation only where there is any."""
        cells: list[tuple[str, ...]] = [("TIME", "NAME", "ROOM")]
        cells += [(self._time(event), self._name(event), event.room) for event in events]
        counts = [self._attendance.participation(event) for event in events]
        if any(counts):
            column = ["PARTICIPATION", *(str(count or "") for count in counts)]
            cells = [(*row, cell) for row, cell in zip(cells, column, strict=True)]
        return cells


class JsonLines:
    """One JSON object a line: an event and the name, or what a kiosk says of itself.

    Args:
        out: Written to.
        roster: Gives the names.
    """

    def __init__(self, out: TextIO, roster: Roster) -> None:
        self._out = out
        self._roster = roster
        self._said: dict[KioskAddress, Door] = {}

    def show_event(self, event: PersonEvent) -> None:
        """Write an event and the name; the subject id for a person who is not on the roster."""
        name = self._roster.name_of(event.subject_id)
        self._write({**msgspec.to_builtins(event), "name": name})

    def show_kiosk(self, address: KioskAddress, door: Door) -> None:
        """Write the messages of a kiosk that were not written before, with its names."""
        said = self._said.get(address, Door())
        self._said[address] = door
        names = {"site": address.site, "room": address.room, "kiosk": address.kiosk}
        for kind, news, before in (
            ("availability", door.availability, said.availability),
            ("health", door.health, said.health),
        ):
            if news is not None and news is not before:
                self._write({"type": kind, **names, **msgspec.to_builtins(news)})

    def show_skipped(self, count: int) -> None:
        """Write the number, at 1, 10, 100 and so on."""
        if _is_round(count):
            self._write({"type": "skipped", "count": count})

    def _write(self, fields: dict[str, object]) -> None:
        self._out.write(json_text(fields) + "\n")
        self._out.flush()


def screen_for(
    out: TextIO, attendance: AttendanceList, roster: Roster, zone: tzinfo, *, as_json: bool
) -> Screen:
    """Return JSON lines when asked for, a table for a terminal, and else lines of text."""
    if as_json:
        return JsonLines(out, roster)
    if out.isatty():
        return LiveTable(out, roster, zone, attendance)
    return TextLines(out, roster, zone)


def _is_round(count: int) -> bool:
    """Return whether a number is 1, 10, 100 and so on, at which it is worth a line."""
    return str(count).strip("0") == "1"


def _skipped(count: int) -> str:
    return f"{counted(count, 'message')} of an unknown kind skipped; a newer kiosk sends them"
