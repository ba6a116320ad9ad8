"""The loop of the register: collect a batch, commit it, acknowledge it, confirm it.

A message is acknowledged (PUBACK) after its commit, so the broker sends it again if this process
ends before. All state that matters is in the database.
"""

import logging
import threading
from collections.abc import Callable
from typing import Final, TypeVar

from django.db import connection as database

from kiosk.clock import Clock
from kiosk.counted import counted
from kiosk.mqtt.connection import Connection
from kiosk.mqtt.subscriber import Message
from kiosk.protocol.topics import ALL_FILTER, BY_REGISTER, site_filter
from kiosk.register.config import RegisterConfig
from kiosk.register.database import AWAY, describe
from kiosk.register.identity.keys import signature_policy
from kiosk.register.ingest.confirm import Confirmer
from kiosk.register.ingest.heartbeat import EVERY_S, beat
from kiosk.register.ingest.outbox_table import load_states
from kiosk.register.ingest.replay import request_missing
from kiosk.register.ingest.store import Stored, store
from kiosk.register.messages.arrival import Arrival
from kiosk.register.outage import DatabaseOutage
from kiosk.register.publications.sender import PublicationSender

_log = logging.getLogger(__name__)

_BREATH_S: Final = 0.005
"""A pause of so long means that nothing has piled up at the broker."""
_IDLE_S: Final = 0.2
"""How soon the wish to stop, or what a page wants published, is noticed."""
_LINGER_S: Final = 0.002
"""How long to wait for one more message of a batch. A broker that allows few unacknowledged
messages (Mosquitto: 20) sends no more before the batch is acknowledged."""
_CONFIRM_S: Final = 1.0
_REQUEST_S: Final = 1.0
_PATIENCE_S: Final = 5.0
"""How long after the start, or after a full batch, nothing is requested: the broker is still
sending what it has kept."""
_OWN_KINDS: Final = tuple(f"/{one}" for one in sorted(BY_REGISTER))
"""What the register publishes itself comes back to it."""

Result = TypeVar("Result")


class Ingest:
    """Stores what the kiosks publish.

    Args:
        connection: The connection to the broker, not yet open.
        config: The configuration.
        register_id: The identity of the register.
        clock: The time.
        stop: Ends :meth:`run` when set.
        on_events: Called when new events are committed.
        idle: Set while no events pile up.
    """

    def __init__(
        self,
        connection: Connection,
        config: RegisterConfig,
        register_id: str,
        *,
        clock: Clock,
        stop: threading.Event,
        on_events: Callable[[], None] = lambda: None,
        idle: threading.Event | None = None,
    ) -> None:
        self._connection = connection
        self._limits = config.ingest
        self._policy = signature_policy(config.register)
        self._sites = config.register.sites
        self._clock = clock
        self._stop = stop
        self._outage = DatabaseOutage(describe(), config.ingest.retry_max_s)
        self._confirmer = Confirmer(connection, register_id, _CONFIRM_S)
        self._publications = PublicationSender(connection)
        self._instance = config.register.id
        self._on_events = on_events
        self._idle = idle or threading.Event()
        self._next_beat_s = 0.0
        self._batch: list[tuple[Arrival, Callable[[], None]]] = []
        self._next_request_s = clock.monotonic_s() + _PATIENCE_S
        for topic_filter in map(site_filter, self._sites) if self._sites else [ALL_FILTER]:
            connection.subscribe(topic_filter, self._on_message)

    def run(self) -> None:
        """Work until told to stop.

        Raises:
            BrokerError: The network thread has ended.
        """
        states = self._persist(lambda: load_states(self._sites))
        self._confirmer.note(*(states or ()))
        self._connection.open()
        while not self._stop.is_set():
            self._collect()
            if self._batch:
                self._store()
            self._confirmer.flush(self._clock.monotonic_s())
            self._publish()
            self._beat()
            self._request()

    def _on_message(self, message: Message) -> None:
        if message.topic.endswith(_OWN_KINDS):
            message.acknowledge()
            return
        arrival = Arrival(message.topic, message.payload, self._clock.utc(), message.retained)
        self._batch.append((arrival, message.acknowledge))

    def _collect(self) -> None:
        """Wait for a message, then take what comes soon after it, within the limits of a batch."""
        if self._connection.step(_BREATH_S):
            self._idle.clear()
        else:
            self._idle.set()
            self._connection.step(_IDLE_S)
        deadline_s = self._clock.monotonic_s() + self._limits.batch_s
        while len(self._batch) < self._limits.batch_max and not self._stop.is_set():
            is_due = self._clock.monotonic_s() >= deadline_s
            if is_due or not self._connection.step(_LINGER_S if self._batch else 0):
                return

    def _store(self) -> None:
        """Commit the batch, then acknowledge it; without a database it stays unacknowledged."""
        batch, self._batch = self._batch, []
        arrivals = [arrival for arrival, _ in batch]
        stored = self._persist(lambda: store(arrivals, self._clock.utc(), self._policy))
        if stored is None:
            return
        if len(batch) >= self._limits.batch_max:
            self._next_request_s = self._clock.monotonic_s() + _PATIENCE_S
        for _, acknowledge in batch:
            acknowledge()
        self._confirmer.note(*stored.states)
        self._confirmer.answer(*stored.answered)
        if stored.events:
            self._on_events()
        _report(stored, len(batch))

    def _publish(self) -> None:
        """Send what the pages want published."""
        now_s = self._clock.monotonic_s()
        self._persist(lambda: self._publications.turn(self._clock.utc(), now_s))

    def _beat(self) -> None:
        """Note that the register listens, now and then."""
        now_s = self._clock.monotonic_s()
        if now_s >= self._next_beat_s and self._connection.is_connected:
            self._next_beat_s = now_s + EVERY_S
            self._persist(lambda: beat(self._instance, self._clock.utc()))

    def _request(self) -> None:
        """Ask for what is missing, now and then."""
        now_s = self._clock.monotonic_s()
        if now_s < self._next_request_s:
            return
        self._next_request_s = now_s + _REQUEST_S
        self._persist(lambda: request_missing(self._connection, self._sites, self._clock.utc()))

    def _persist(self, action: Callable[[], Result]) -> Result | None:
        """Do something with the database, again and again while it is away.

        Returns:
            Its result, or ``None`` if told to stop meanwhile.
        """
        while True:
            try:
                result = action()
            except AWAY as exc:
                wait_s = self._outage.failed(exc, self._clock.monotonic_s())
                database.close()
            else:
                self._outage.succeeded(self._clock.monotonic_s())
                return result
            if self._clock.sleep(wait_s, self._stop):
                return None


def _report(stored: Stored, messages: int) -> None:
    _log.debug("%d messages: %d events", messages, stored.events)
    if stored.rejected:
        count = counted(len(stored.rejected), "message")
        _log.warning("%s put into the bin; see `kiosk register bin`", count)
    if stored.alarms:
        count = counted(stored.alarms, "event")
        _log.error("%s with the number of another; see `kiosk register bin --alarms`", count)
