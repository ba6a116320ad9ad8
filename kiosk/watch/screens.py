"""Show attendance as text: a table that renews itself, one line each, or one JSON object each."""

from datetime import tzinfo
from typing import Protocol, TextIO

import msgspec

from kiosk.protocol.availability import Availability
from kiosk.protocol.event import AttendanceEvent
from kiosk.protocol.topics import KioskAddress
from kiosk.roster import Roster
from kiosk.watch.attendance_list import AttendanceList, moment

_CLEAR = "\x1b[H\x1b[2J"  # cursor to the top left, then erase the screen


def printable(text: str) -> str:
    """Replace what could steer a terminal: payloads and file contents are not trusted."""
    return "".join(char if char.isprintable() else "�" for char in text)


class Screen(Protocol):
    """Where news go."""

    def event(self, event: AttendanceEvent) -> None:
        """Show an event that was not seen before."""

    def availability(self, place: KioskAddress, availability: Availability) -> None:
        """Show that a kiosk came or went."""


class Lines:
    """One line for each piece of news, for a pipe or a log.

    Args:
        out: Written to.
        roster: Gives the names.
        zone: Times are shown in this zone; ``~`` marks those of a clock that was not synchronised.
    """

    def __init__(self, out: TextIO, roster: Roster, zone: tzinfo) -> None:
        self._out = out
        self._roster = roster
        self._zone = zone

    def event(self, event: AttendanceEvent) -> None:
        """Write an event."""
        where = f"{event.room}/{event.kiosk}"
        date = moment(event).astimezone(self._zone).date().isoformat()
        self._write(f"{date} {self._time(event)}  {self._name(event)}  {where}  {event.session}")

    def availability(self, place: KioskAddress, availability: Availability) -> None:
        """Write that a kiosk came or went."""
        self._write(f"{place.room}/{place.kiosk} is {availability.state}")

    def _write(self, line: str) -> None:
        self._out.write(printable(line) + "\n")
        self._out.flush()

    def _time(self, event: AttendanceEvent) -> str:
        mark = "" if event.clock == "synchronised" else "~"
        return mark + moment(event).astimezone(self._zone).strftime("%H:%M:%S")

    def _name(self, event: AttendanceEvent) -> str:
        return self._roster.name_of(event.subject_id)


class Table(Lines):
    """The whole list, written anew at each piece of news, for a terminal.

    Args:
        out: The terminal.
        roster: Gives the names.
        zone: As :class:`Lines`.
        board: The list; whoever calls has updated it.
    """

    def __init__(self, out: TextIO, roster: Roster, zone: tzinfo, board: AttendanceList) -> None:
        super().__init__(out, roster, zone)
        self._board = board

    def event(self, event: AttendanceEvent) -> None:  # noqa: ARG002 - it is on the board
        """Write the list anew."""
        self._renew()

    def availability(self, place: KioskAddress, availability: Availability) -> None:  # noqa: ARG002 - it is on the board
        """Write the list anew."""
        self._renew()

    def _renew(self) -> None:
        self._out.write(_CLEAR)
        for place, availability in self._board.kiosks:
            super().availability(place, availability)
        for session in self._board.sessions:
            events = self._board.attended(session)
            self._write(f"{session}: {len(events)} present")
            cells = [("TIME", "NAME", "ROOM")]
            cells += [(self._time(event), self._name(event), event.room) for event in events]
            widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
            for row in cells:
                padded = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
                self._write("  " + "  ".join(padded).rstrip())


class JsonLines:
    """One JSON object a line: an event with the name beside it, or an availability with its place.

    Args:
        out: Written to.
        roster: Gives the names.
    """

    def __init__(self, out: TextIO, roster: Roster) -> None:
        self._out = out
        self._roster = roster

    def event(self, event: AttendanceEvent) -> None:
        """Write an event and the name; an unknown person's name is the subject id."""
        name = self._roster.name_of(event.subject_id)
        self._write({**msgspec.to_builtins(event), "name": name})

    def availability(self, place: KioskAddress, availability: Availability) -> None:
        """Write that a kiosk came or went."""
        names = {"site": place.site, "room": place.room, "kiosk": place.kiosk}
        self._write({"type": "availability", **names, **msgspec.to_builtins(availability)})

    def _write(self, fields: dict[str, object]) -> None:
        self._out.write(msgspec.json.encode(fields).decode() + "\n")
        self._out.flush()


def screen_for(
    out: TextIO, board: AttendanceList, roster: Roster, zone: tzinfo, *, as_json: bool
) -> Screen:
    """Choose: JSON when asked for, the table on a terminal, else lines."""
    if as_json:
        return JsonLines(out, roster)
    if out.isatty():
        return Table(out, roster, zone, board)
    return Lines(out, roster, zone)
