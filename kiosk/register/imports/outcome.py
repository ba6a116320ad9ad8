"""What reading a file gives: its content, or its problems; and what the reader should know."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Content = TypeVar("Content")


@dataclass(frozen=True, slots=True, order=True)
class Remark:
    """Something in a file, and where.

    Attributes:
        file: Name of the file, in a zip that of the file in it.
        line: Its line, from 1; 0 for the file as a whole.
        column: The column or property; empty for the line as a whole.
        text: What is wrong or noteworthy, and what to do. It holds no value of the file.
        value: The value, for the screen of the person who brought the file and for nothing else: it
            may be a name.
    """

    file: str
    line: int
    column: str
    text: str
    value: str = field(default="", compare=False, repr=False)

    def __str__(self) -> str:
        """Return place and text, without the value: safe for a log."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.column}: {self.text}" if self.column else f"{place}: {self.text}"


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Content]):
    """All of a file, or none of it.

    Attributes:
        content: The records; ``None`` if there is a problem.
        problems: Why nothing was read, by line.
        notes: What was left out or assumed, by line.
    """

    content: Content | None
    problems: tuple[Remark, ...] = ()
    notes: tuple[Remark, ...] = ()


def outcome(
    content: Content, problems: Sequence[Remark], notes: Sequence[Remark] = ()
) -> Outcome[Content]:
    """Return the content if there is no problem; each remark once, by line."""
    found = tuple(sorted(set(problems)))
    return Outcome(None if found else content, found, tuple(sorted(set(notes))))
