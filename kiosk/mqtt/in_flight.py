"""Bookkeeping of sent and unacknowledged messages, without any I/O."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")


class InFlight(Generic[T]):
    """The messages of one connection that the broker has not yet answered (PUBACK).

    Args:
        size: How many messages may be unanswered at once.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        # Packet id → what the sender attached to the message, and when it was sent.
        self._unanswered: dict[int, tuple[T, float]] = {}
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

    @property
    def oldest_s(self) -> float | None:
        """When the oldest unanswered message was sent; ``None`` when all are answered."""
        return next((sent_s for _, sent_s in self._unanswered.values()), None)

    def add(self, packet_id: int, attached: T, now_s: float) -> None:
        """Note that a message was sent, with something to return when it is answered."""
        self._unanswered[packet_id] = attached, now_s

    def answer(self, packet_id: int) -> T | None:
        """Note the broker's answer; return what was attached, ``None`` for an unknown message."""
        self._resent.discard(packet_id)
        attached, _ = self._unanswered.pop(packet_id, (None, 0.0))
        return attached

    def reconnect(self, now_s: float) -> None:
        """Note that every unanswered message is sent again on a new connection."""
        self._unanswered = {one: (it, now_s) for one, (it, _) in self._unanswered.items()}
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


@dataclass(slots=True)
class _Held:
    """A topic whose events nobody takes: of its events only one at a time is sent, as a probe.

    Attributes:
        first: The lowest number that was not taken, or not sent since the topic is held.
        retry_due_s: When the first event is sent again, monotonic seconds.
        probe_due_s: When another event may be sent, monotonic seconds.
        probe: The number of the unanswered probe.
    """

    first: int
    retry_due_s: float
    probe_due_s: float
    probe: int | None = None


class Progress:
    """How far the events of the outbox have been sent, and on which topics nobody takes them.

    When an event is not taken (the broker refuses it, or nobody subscribes to its topic), its topic
    is held: sending all its events again and again would be a storm. From then on the first event
    of the topic is sent every ``retry_s`` and at each connect, and a new event when it comes. Never
    are two under way, and at most one is sent every ``probe_s``. When one is taken, all are sent,
    in order.

    Args:
        retry_s: How long after an event was not taken the first one is sent again, seconds.
        probe_s: Shortest time between two events of a held topic, seconds.
    """

    def __init__(self, retry_s: float, probe_s: float = 1.0) -> None:
        self._retry_s = retry_s
        self._probe_s = min(probe_s, retry_s)
        self._cursor = 0
        self._unanswered: dict[int, str] = {}  # sequence → topic
        self._held: dict[str, _Held] = {}

    @property
    def cursor(self) -> int:
        """The sequence of the last event that was read; the next events to read come after it."""
        return self._cursor

    @property
    def retry_due_s(self) -> float:
        """When a held topic is tried again (monotonic seconds); infinity when none is held."""
        return min((held.retry_due_s for held in self._held.values()), default=math.inf)

    def retry(self, now_s: float) -> list[int]:
        """Return the first event of each held topic whose retry is due, and set the next retry.

        Left out is one after the cursor: it is read in its turn, and to send it now would move the
        cursor past the events before it.
        """
        due = [held for held in self._held.values() if now_s >= held.retry_due_s]
        for held in due:
            held.probe_due_s = now_s
            held.retry_due_s = now_s + self._retry_s
        return [held.first for held in due if held.first <= self._cursor]

    def connect(self, now_s: float) -> None:
        """Note a new connection: held topics are tried again at once."""
        for held in self._held.values():
            held.retry_due_s = now_s

    def take(self, events: Iterable[E], now_s: float) -> list[E]:
        """Move the cursor past these events; return those to send now.

        Left out are unanswered events, and those of held topics except for a probe.
        """
        to_send = []
        for event in events:
            self._cursor = max(self._cursor, event.sequence)
            if event.sequence not in self._unanswered and self._may_go(event, now_s):
                self._unanswered[event.sequence] = event.topic
                to_send.append(event)
        return to_send

    def refuse(self, sequence: int, now_s: float) -> bool:
        """Note that an event was not taken; return whether its topic was not held before."""
        topic = self._unanswered.pop(sequence, None)
        if topic is None:
            return False
        held = self._held.get(topic)
        if held is None:
            self._held[topic] = _Held(sequence, now_s + self._retry_s, now_s + self._probe_s)
            return True
        held.first = min(held.first, sequence)
        if held.probe == sequence:
            held.probe = None
        return False

    def accept(self, sequence: int) -> bool:
        """Note that an event was taken; return whether that ends the holding of its topic.

        An event that was sent before the topic was held does not.
        """
        topic = self._unanswered.pop(sequence, None)
        held = self._held.get(topic) if topic is not None else None
        if topic is None or held is None or held.probe != sequence:
            return False
        self._release(topic, held)
        return True

    def gone(self, sequence: int) -> None:
        """Note that an event has left the outbox; release the topic that it was the first of."""
        for topic, held in list(self._held.items()):
            if held.first == sequence:
                self._release(topic, held)

    def _release(self, topic: str, held: _Held) -> None:
        del self._held[topic]
        self._cursor = min(self._cursor, held.first - 1)

    def _may_go(self, event: PendingEvent, now_s: float) -> bool:
        held = self._held.get(event.topic)
        if held is None:
            return True
        if held.probe is not None or now_s < held.probe_due_s:
            held.first = min(held.first, event.sequence)
            return False
        held.probe = event.sequence
        held.probe_due_s = now_s + self._probe_s
        return True
