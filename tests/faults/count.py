"""Compare what a kiosk has committed with what a register has stored; pure."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event in the register's database.

    Attributes:
        subject_id: The person, who passes once.
        sequence: The number.
        event_id: The event's id.
        payload: Its bytes.
    """

    subject_id: str
    sequence: int
    event_id: str
    payload: bytes

    @property
    def facts(self) -> str:
        """What the ledger says about it after the person."""
        return f"{self.sequence} {self.event_id} {hashlib.sha256(self.payload).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Count:
    """What the ledger of the kiosk and the database of the register say.

    Attributes:
        offered: How many people have passed whose events the kiosk has committed.
        lost: How many of them the register does not have, or has with another number or payload.
        repeated: How many events it has of people that it has already.
        alarms: How many integrity alarms it has.
        in_bin: How many messages it could not place.
    """

    offered: int
    lost: int
    repeated: int
    alarms: int = 0
    in_bin: int = 0


def compare(
    ledger: Iterable[str], events: Sequence[StoredEvent], *, alarms: int = 0, in_bin: int = 0
) -> Count:
    """Compare the two.

    Args:
        ledger: Lines of :class:`tests.faults.kiosk_child.Ledger`.
        events: What the register has.
        alarms: How many integrity alarms it has.
        in_bin: How many messages it could not place.
    """
    stored = {one.subject_id: one.facts for one in events}
    offered = dict(line.split(" ", 1) for line in ledger)
    return Count(
        offered=len(offered),
        lost=sum(not _agree(facts, stored.get(one)) for one, facts in offered.items()),
        repeated=len(events) - len(stored),
        alarms=alarms,
        in_bin=in_bin,
    )


def _agree(ledger: str, stored: str | None) -> bool:
    """Compare two descriptions; the ledger knows only the person if a kill came after a commit."""
    return stored is not None and (ledger == stored or ledger.startswith("-"))
