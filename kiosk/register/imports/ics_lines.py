"""Where the events of a calendar file stand, since the parser does not tell."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from kiosk.register.imports.outcome import Remark


@dataclass(frozen=True, slots=True)
class EventLines:
    """An event of the file.

    Attributes:
        file: Name of the file.
        line: The line on which it begins.
        lines: The line of each of its properties; of one that is there several times, the first.
    """

    file: str
    line: int
    lines: Mapping[str, int]

    def remark(self, name: str, text: str, value: str = "") -> Remark:
        """Return a remark on a property, or on the event where it lacks the property."""
        return Remark(self.file, self.lines.get(name, self.line), name, text, value)


def event_lines(text: str, file: str) -> Iterator[EventLines]:
    """Yield the events in the order of the file; what is nested in an event is part of none."""
    inside: list[str] = []
    begins = 0
    lines: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if line[:1] in {" ", "\t"}:
            continue
        name, _, value = line.partition(":")
        name = name.partition(";")[0].strip().upper()
        if name == "BEGIN":
            inside.append(value.strip().upper())
            if inside[-1] == "VEVENT":
                begins, lines = number, {}
        elif name == "END" and inside:
            if inside.pop() == "VEVENT":
                yield EventLines(file, begins, lines)
        elif inside and inside[-1] == "VEVENT":
            lines.setdefault(name, number)
