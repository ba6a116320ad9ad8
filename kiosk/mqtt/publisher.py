"""Publish the events of the outbox in order; remove those that the broker has acknowledged.

A restarted process publishes again what it finds in the outbox, with the same event ids, by which
consumers recognise repeats.

A broker that speaks MQTT 3.1.1 cannot say that it refuses an event: it acknowledges what its
access list forbids. MQTT 5 says so, and the event stays in the outbox.
"""

import logging
import time
from collections.abc import Sequence
from functools import partial
from typing import Final, Protocol

from paho.mqtt.reasoncodes import ReasonCode

from kiosk.config import MqttSection
from kiosk.mqtt.connection import Announcement, Connection
from kiosk.mqtt.in_flight import PendingEvent, Progress
from kiosk.protocol.availability import Availability, encode_availability
from kiosk.protocol.topics import KioskAddress

_log = logging.getLogger(__name__)

_POLL_S: Final = 30.0
"""How often the outbox is read without a call of :meth:`Publisher.notify`."""


class EventSource(Protocol):
    """What the publisher needs of the outbox."""

    def pending(self, limit: int, after: int = 0) -> Sequence[PendingEvent]:
        """Return pending events, oldest first."""

    def acknowledge(self, sequence: int) -> None:
        """Remove an event."""


def kiosk_connection(
    mqtt: MqttSection,
    address: KioskAddress,
    availability: Availability,
    *,
    password: str = "",
    retry_s: tuple[float, float] = (1.0, 60.0),
) -> Connection:
    """Build a kiosk's connection, which announces its availability: online, and at its end offline.

    Raises:
        ConfigError: ``mqtt.ca_file`` cannot be used.
    """
    topic = address.availability
    connection = Connection(
        mqtt,
        address.client_id,
        password=password,
        persistent=True,
        will=Announcement(topic, encode_availability(availability.as_offline())),
        retry_s=retry_s,
    )
    connection.announce(Announcement(topic, encode_availability(availability)))
    return connection


class Publisher:
    """Sends events over a connection, on the thread that owns the connection.

    Args:
        connection: The connection, not yet opened.
        outbox: Holds the events until the broker has acknowledged them.
        retry_s: After how many seconds an event that the broker refused is sent again.
    """

    def __init__(
        self, connection: Connection, outbox: EventSource, *, retry_s: float = 60.0
    ) -> None:
        self._connection = connection
        self._outbox = outbox
        self._progress = Progress(retry_s)
        connection.each_turn(self._send)

    def notify(self) -> None:
        """Report that an event was committed to the outbox; any thread may call this."""
        self._connection.wake()

    def _send(self) -> float:
        """Send the events that may be sent now; return when to try again (monotonic seconds)."""
        # First of all: a due time that stayed in the past would keep the thread from waiting.
        self._progress.retry_refused(time.monotonic())
        while room := self._connection.room:
            events = self._outbox.pending(room, self._progress.cursor)
            if not events:
                break
            for event in self._progress.take(events):
                on_answer = partial(self._on_answer, event.sequence)
                self._connection.publish(event.topic, event.payload, on_answer)
        return min(self._progress.retry_due_s, time.monotonic() + _POLL_S)

    def _on_answer(self, sequence: int, reason: ReasonCode) -> None:
        if reason.is_failure:
            if self._progress.refuse(sequence, time.monotonic()):
                advice = "they are kept and sent again later; see its quota and access list"
                _log.warning("MQTT broker refuses events (%s); %s", reason, advice)
            return
        self._outbox.acknowledge(sequence)
        if self._progress.accept(sequence):
            _log.info("MQTT broker accepts all events again")
