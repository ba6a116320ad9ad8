"""Which events may go to the broker next: bookkeeping of what is under way, without any I/O."""

import math
from collections.abc import Iterable, Sequence
from typing import Protocol


class Row(Protocol):
    """An event that waits."""

    @property
    def sequence(self) -> int:
        """Its place in the order, from 1."""

    @property
    def topic(self) -> str:
        """Where it is published."""

    @property
    def payload(self) -> bytes:
        """What is published."""


class Waiting(Protocol):
    """What the publisher asks of the outbox."""

    def __len__(self) -> int:
        """Count the events that wait."""

    def pending(self, limit: int, after: int = 0) -> Sequence[Row]:
        """Read events that wait, oldest first."""

    def acknowledge(self, sequence: int) -> None:
        """Remove an event."""


class InFlight:
    """What has been sent and not yet acknowledged, and how far the sending has come.

    Args:
        size: How many messages may be under way at once.
        retry_s: After how many seconds a refused event is offered again.
    """

    def __init__(self, size: int, retry_s: float) -> None:
        self.size = size
        self._retry_s = retry_s
        self._under_way: dict[int, int] = {}  # packet id → sequence, 0 for what is no event
        self._sent_before: set[int] = set()  # packet ids from before the connection broke
        self._cursor = 0
        self._refused: set[int] = set()
        self._offer_again_s = math.inf

    def __len__(self) -> int:
        """Count the messages under way."""
        return len(self._under_way)

    @property
    def cursor(self) -> int:
        """All events up to this sequence have been sent."""
        return self._cursor

    @property
    def room(self) -> int:
        """How many messages may be sent now.

        None, while messages of an earlier connection are under way: paho sends these again, and a
        newer event must not overtake them.
        """
        return 0 if self._sent_before else max(0, self.size - len(self._under_way))

    @property
    def due_s(self) -> float:
        """When refused events are offered again; infinity when none were."""
        return self._offer_again_s

    def rewind(self, now_s: float) -> None:
        """Go back to the first refused event when its time has come."""
        if now_s >= self._offer_again_s:
            self._cursor = min(self._refused, default=self._cursor + 1) - 1
            self._offer_again_s = math.inf

    def advance(self, rows: Iterable[Row]) -> list[Row]:
        """Move past the next events; return those that are not under way already."""
        under_way = set(self._under_way.values())
        fresh = []
        for row in rows:
            self._cursor = row.sequence
            if row.sequence not in under_way:
                fresh.append(row)
        return fresh

    def send(self, packet_id: int, sequence: int) -> None:
        """Note that a message went out; sequence 0 is no event."""
        self._under_way[packet_id] = sequence

    def settle(self, packet_id: int) -> int | None:
        """Note the broker's answer; return the sequence, or ``None`` for a message unknown."""
        self._sent_before.discard(packet_id)
        return self._under_way.pop(packet_id, None)

    def reconnect(self) -> None:
        """Note that what is under way will be sent again on a new connection."""
        self._sent_before = set(self._under_way)

    def refuse(self, sequence: int, now_s: float) -> bool:
        """Note that the broker refused an event; return whether it is the first refused."""
        is_first = not self._refused
        self._refused.add(sequence)
        self._offer_again_s = min(self._offer_again_s, now_s + self._retry_s)
        return is_first

    def accept(self, sequence: int) -> bool:
        """Note that the broker took an event; return whether it was the last refused."""
        was_refused = sequence in self._refused
        self._refused.discard(sequence)
        return was_refused and not self._refused
