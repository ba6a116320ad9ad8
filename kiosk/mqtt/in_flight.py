"""Bookkeeping of sent and unacknowledged messages, without any I/O."""

import math
from collections.abc import Iterable
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")


class InFlight(Generic[T]):
    """The messages of one connection that the broker has not yet answered (PUBACK).

    Args:
        size: How many messages may be unanswered at once.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._unanswered: dict[int, T] = {}  # packet id → what the sender attached to the message
        self._resent: set[int] = set()  # packet ids from before the connection broke

    def __len__(self) -> int:
        """Count the unanswered messages."""
        return len(self._unanswered)

    @property
    def room(self) -> int:
        """How many messages may be sent now.

        0 while messages of an earlier connection are unanswered: paho sends these again, and a
        newer message must not overtake them.
        """
        return 0 if self._resent else max(0, self.size - len(self._unanswered))

    def add(self, packet_id: int, attached: T) -> None:
        """Note that a message was sent, with something to return when it is answered."""
        self._unanswered[packet_id] = attached

    def answer(self, packet_id: int) -> T | None:
        """Note the broker's answer; return what was attached, ``None`` for an unknown message."""
        self._resent.discard(packet_id)
        return self._unanswered.pop(packet_id, None)

    def reconnect(self) -> None:
        """Note that every unanswered message is sent again on a new connection."""
        self._resent = set(self._unanswered)


class PendingEvent(Protocol):
    """An event in the outbox."""

    @property
    def sequence(self) -> int:
        """Its place in the order, from 1."""

    @property
    def topic(self) -> str:
        """The topic to publish it on."""

    @property
    def payload(self) -> bytes:
        """The payload to publish."""


E = TypeVar("E", bound=PendingEvent)


class Progress:
    """How far the events of the outbox have been sent, and which of them were refused.

    Args:
        retry_s: How long after its refusal an event is sent again, seconds.
    """

    def __init__(self, retry_s: float) -> None:
        self._retry_s = retry_s
        self._cursor = 0
        self._unanswered: set[int] = set()
        self._refused: set[int] = set()
        self._retry_due_s = math.inf

    @property
    def cursor(self) -> int:
        """The sequence of the last event that was sent; the next events to read come after it."""
        return self._cursor

    @property
    def retry_due_s(self) -> float:
        """When refused events are sent again (monotonic seconds); infinity when there are none."""
        return self._retry_due_s

    def retry_refused(self, now_s: float) -> None:
        """Move the cursor back to before the first refused event when the retry is due."""
        if now_s >= self._retry_due_s:
            self._cursor = min(self._refused, default=self._cursor + 1) - 1
            self._retry_due_s = math.inf

    def take(self, events: Iterable[E]) -> list[E]:
        """Move the cursor past these events; return those to send now, unanswered ones left out."""
        to_send = []
        for event in events:
            self._cursor = event.sequence
            if event.sequence not in self._unanswered:
                self._unanswered.add(event.sequence)
                to_send.append(event)
        return to_send

    def refuse(self, sequence: int, now_s: float) -> bool:
        """Note that the broker refused an event; return whether it is the only refused one."""
        self._unanswered.discard(sequence)
        is_first = not self._refused
        self._refused.add(sequence)
        self._retry_due_s = min(self._retry_due_s, now_s + self._retry_s)
        return is_first

    def accept(self, sequence: int) -> bool:
        """Note that the broker accepted an event; return whether it was the last refused one."""
        self._unanswered.discard(sequence)
        was_refused = sequence in self._refused
        self._refused.discard(sequence)
        return was_refused and not self._refused
