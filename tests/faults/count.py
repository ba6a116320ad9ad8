"""Compare what a kiosk has committed with what a register has stored; pure."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from operator import add
from typing import Final

_OFF_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event in the register's database.

    Attributes:
        subject_id: The person, who passes once.
        sequence: The number.
        event_id: The event's id.
        payload: Its bytes.
        off_s: How far its time, corrected or not, is before its arrival.
    """

    subject_id: str
    sequence: int
    event_id: str
    payload: bytes
    off_s: float = 0.0

    @property
    def facts(self) -> str:
        """What the ledger says about it after the person."""
        return f"{self.sequence} {self.event_id} {hashlib.sha256(self.payload).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Count:
    """What the ledger of the kiosk and the database of the register say.

    Attributes:
        offered: How often somebody has passed of whom the kiosk has committed an event.
        lost: How many of them the register does not have, or has with another number or payload.
        repeated: How many events more it has of people.
        alarms: How many integrity alarms it has.
        in_bin: How many messages it could not place.
        misdated: How many events have a time that is an hour off, or more.
        said: Of how many numbers the kiosk has told the register that it has lost them.
        forbidden: How many acts were not refused that must be; how often something was said that
            is not so.
    """

    offered: int
    lost: int
    repeated: int
    alarms: int = 0
    in_bin: int = 0
    misdated: int = 0
    said: int = 0
    forbidden: int = 0

    @property
    def is_good(self) -> bool:
        """Whether everything is there once, and as it was."""
        return self.is_honest and not self.lost

    @property
    def is_honest(self) -> bool:
        """Whether everything is there once, as it was, or said to be lost."""
        wrong = self.repeated or self.alarms or self.misdated or self.forbidden
        return self.lost <= self.said and not wrong

    def plus(self, other: "Count") -> "Count":
        """Add what was counted of something else."""
        return Count(*map(add, astuple(self), astuple(other)))


def compare(
    ledger: Iterable[str],
    events: Sequence[StoredEvent],
    *,
    alarms: int = 0,
    in_bin: int = 0,
    said: int = 0,
) -> Count:
    """Compare the two.

    Args:
        ledger: Lines of :class:`tests.faults.kiosk_child.Ledger`.
        events: What the register has.
        alarms: How many integrity alarms it has.
        in_bin: How many messages it could not place.
        said: Of how many numbers the kiosk has said that it has lost them.
    """
    stored: dict[str, list[str]] = defaultdict(list)
    offered: dict[str, list[str]] = defaultdict(list)
    for one in events:
        stored[one.subject_id].append(one.facts)
    for line in ledger:
        subject_id, facts = line.split(" ", 1)
        offered[subject_id].append(facts)
    return Count(
        offered=sum(map(len, offered.values())),
        lost=sum(_lost(facts, stored[one]) for one, facts in offered.items()),
        # A kill between the commit and the ledger leaves one event without a line.
        repeated=sum(
            max(0, len(facts) - max(1, len(offered[one]))) for one, facts in stored.items()
        ),
        alarms=alarms,
        in_bin=in_bin,
        misdated=sum(abs(one.off_s) >= _OFF_S for one in events),
        said=said,
    )


def _lost(ledger: Sequence[str], stored: Sequence[str]) -> int:
    """Count descriptions without an event; a "-" fits any: the ledger knows only the person."""
    left = list(stored)
    for facts in ledger:
        if facts in left:
            left.remove(facts)
    known = [facts for facts in ledger if not facts.startswith("-")]
    found = len(stored) - len(left)
    return len(known) - found + max(0, len(ledger) - len(known) - len(left))
