"""Publish the events of the outbox in order; mark those that the broker has acknowledged.

A restarted process publishes again what is not marked, with the same event ids, by which consumers
recognise repeats.

Two answers of the broker are no delivery: a refusal, and a PUBACK with reason 0x10, which says that
nobody subscribes to the topic. Such events are sent again (:class:`kiosk.mqtt.in_flight.Progress`).
A broker that speaks MQTT 3.1.1 can say neither: it acknowledges what its access list forbids and
what nobody gets. That is one reason why an event stays in the outbox until a register confirms it.
"""

import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, Protocol

from paho.mqtt.reasoncodes import ReasonCode

from kiosk.config.mqtt import MqttSection
from kiosk.counted import counted
from kiosk.errors import OutboxError
from kiosk.mqtt.announcements import Announcement
from kiosk.mqtt.cloud_event import event_properties
from kiosk.mqtt.connection import Connection
from kiosk.mqtt.in_flight import PendingEvent, Progress
from kiosk.protocol.availability import Availability, encode_availability
from kiosk.protocol.topics import KioskAddress

_log = logging.getLogger(__name__)

_POLL_S: Final = 30.0
"""How often the outbox is read without a call of :meth:`Publisher.notify`."""
_TRIM_S: Final = 60.0
"""How often the outbox is trimmed, unless there is more to trim."""
_MARK_S: Final = 0.2
"""How long a PUBACK may wait to be stored, together with others: each commit costs a disk access.
Should the process end before, the event is sent again."""
_FAULT_S: Final = 5.0
"""How long to wait before an outbox that cannot be used is tried again."""
_NO_SUBSCRIBER: Final = 0x10


class Trimmed(Protocol):
    """What one step of trimming has done."""

    @property
    def dropped(self) -> int:
        """How many events were deleted that were never delivered."""

    @property
    def has_more(self) -> bool:
        """Whether another step has something to do."""


class EventSource(Protocol):
    """What the publisher needs of the outbox."""

    def pending(self, limit: int, after: int = 0) -> Sequence[PendingEvent]:
        """Return events that are not delivered, oldest first."""

    def mark_delivered(self, sequences: Sequence[int], now_s: int = 0) -> None:
        """Note that these events are delivered."""

    def trim(self, now_s: int = 0) -> Trimmed:
        """Delete some of the events that may go."""


def kiosk_connection(
    mqtt: MqttSection,
    address: KioskAddress,
    availability: Availability,
    *,
    password: str = "",
    retry_s: tuple[float, float] = (1.0, 60.0),
    answer_s: float = 60.0,
) -> Connection:
    """Build a kiosk's connection, which announces its availability: online, and at its end offline.

    Raises:
        ConfigError: A file for TLS cannot be used.
    """
    topic = address.availability
    connection = Connection(
        mqtt,
        address.client_id,
        password=password,
        persistent=True,
        will=Announcement(topic, encode_availability(availability.as_offline())),
        retry_s=retry_s,
        answer_s=answer_s,
        rival=f"another kiosk uses the name {address}: set another kiosk.id, kiosk.room or "
        "kiosk.site on one of them",
    )
    connection.announce(Announcement(topic, encode_availability(availability)))
    return connection


class Publisher:
    """Sends events over a connection, on the thread that owns the connection.

    Args:
        connection: The connection, not yet opened.
        outbox: Holds the events.
        unix_s: The time of day, Unix seconds; 0 while the clock is not synchronised.
        retry_s: After how many seconds an event that nobody took is sent again.
    """

    def __init__(
        self,
        connection: Connection,
        outbox: EventSource,
        *,
        unix_s: Callable[[], int] = lambda: 0,
        retry_s: float = 60.0,
    ) -> None:
        self._connection = connection
        self._outbox = outbox
        self._unix_s = unix_s
        self._progress = Progress(retry_s)
        self._delivered: list[int] = []  # not yet marked in the outbox
        self._mark_due_s = 0.0
        self._trim_due_s = time.monotonic() + _TRIM_S
        connection.each_turn(self._take_turn)
        connection.each_connect(lambda: self._progress.connect(time.monotonic()))

    def notify(self) -> None:
        """Report that an event was committed to the outbox; any thread may call this."""
        self._connection.wake()

    def trim_soon(self) -> None:
        """Trim the outbox in the next turn; only the thread of the connection may call this."""
        self._trim_due_s = 0.0

    def _take_turn(self) -> float:
        """Do what is due; return when something is due again (monotonic seconds)."""
        now_s = time.monotonic()
        if self._delivered and (now_s >= self._mark_due_s or self._connection.is_closed):
            self._mark_delivered()
        if now_s >= self._trim_due_s:
            self._trim(now_s)
        try:
            self._send(now_s)
        except OutboxError:  # the outbox logs it
            return now_s + _FAULT_S
        mark_due_s = self._mark_due_s if self._delivered else self._trim_due_s
        return min(self._progress.retry_due_s, mark_due_s, self._trim_due_s, now_s + _POLL_S)

    def _send(self, now_s: float) -> None:
        """Send the events that may be sent now."""
        # First of all: a due time that stayed in the past would keep the thread from waiting.
        for first in self._progress.retry(now_s):
            self._send_again(first, now_s)
        while room := self._connection.room:
            events = self._outbox.pending(room, self._progress.cursor)
            if not events:
                break
            self._publish(events, now_s)

    def _send_again(self, sequence: int, now_s: float) -> None:
        """Send one event that nobody took, if there is a connection."""
        if not self._connection.room:
            return
        events = self._outbox.pending(1, sequence - 1)
        if events and events[0].sequence == sequence:
            self._publish(events, now_s)
        else:
            self._progress.gone(sequence)

    def _publish(self, events: Sequence[PendingEvent], now_s: float) -> None:
        for event in self._progress.take(events, now_s):
            on_answer = partial(self._on_answer, event.sequence, event.topic)
            properties = event_properties(event.payload)
            self._connection.publish(event.topic, event.payload, on_answer, properties=properties)

    def _on_answer(self, sequence: int, topic: str, reason: ReasonCode) -> None:
        if not is_delivery(reason):
            if self._progress.refuse(sequence, time.monotonic()):
                _warn(topic, reason)
            return
        if not self._delivered:
            self._mark_due_s = time.monotonic() + _MARK_S
        self._delivered.append(sequence)
        if self._progress.accept(sequence):
            _log.info("MQTT broker accepts the events on %s again", topic)
            self._mark_delivered()  # before the events of the topic are read again

    def _mark_delivered(self) -> None:
        """Mark what was acknowledged; remember it while the outbox cannot be written."""
        try:
            self._outbox.mark_delivered(self._delivered, self._unix_s())
        except OutboxError:
            self._mark_due_s = time.monotonic() + _FAULT_S
        else:
            self._delivered = []

    def _trim(self, now_s: float) -> None:
        try:
            trimmed = self._outbox.trim(self._unix_s())
        except OutboxError:
            self._trim_due_s = now_s + _FAULT_S
            return
        self._trim_due_s = now_s if trimmed.has_more else now_s + _TRIM_S
        if trimmed.dropped:
            message = "the outbox is full: %s deleted that nobody ever got"
            _log.error(message, counted(trimmed.dropped, "event"))


def is_delivery(reason: ReasonCode) -> bool:
    """Return whether the broker's answer says that it has passed on, or keeps, a message."""
    return not reason.is_failure and reason.value != _NO_SUBSCRIBER


def _warn(topic: str, reason: ReasonCode) -> None:
    if reason.is_failure:
        what, advice = "refuses the events on %s (%s)", "see its quota and access list"
    else:
        what, advice = "has no subscriber to %s (%s)", "is the register running?"
    _log.warning(f"MQTT broker {what}; they are kept and sent again later; {advice}", topic, reason)
