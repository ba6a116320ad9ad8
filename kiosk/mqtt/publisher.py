"""Publish what waits in the outbox, in order, and remove only what the broker has acknowledged.

One thread owns all the state here; the frame loop, paho's network thread and the owner of the
kiosk hand it work through an inbox. MQTT QoS 1 delivers at least once: paho sends again what was
under way when a connection broke, and a restarted process publishes again what it finds in the
outbox, with the same event ids, by which consumers drop repeats.

A broker that speaks MQTT 3.1.1 cannot say that it refuses an event: it acknowledges what its
access list forbids. MQTT 5 says so, and the event stays.
"""

import contextlib
import logging
import queue
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Final, TypeAlias

from paho.mqtt import client as paho
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from kiosk.config import MqttSection
from kiosk.errors import BrokerError
from kiosk.mqtt.connection import Client
from kiosk.mqtt.in_flight import InFlight, Waiting
from kiosk.mqtt.outage import Outage
from kiosk.protocol.availability import Availability, encode_availability
from kiosk.protocol.topics import KioskAddress

_log = logging.getLogger(__name__)

Work: TypeAlias = Callable[[], None]
"""Something for the publishing thread to do."""

_POLL_S: Final = 30.0
"""How often the outbox is looked at unasked."""
_RECEIVE_MAXIMUM: Final = 65535
"""How many messages a broker takes unacknowledged unless it says otherwise (MQTT 5, 3.2.2.3.3)."""
_HANDED_OVER: Final = {MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_NO_CONN}
"""paho has the message: it is on its way, or goes when there is a connection."""


class Publisher:
    """The publishing thread.

    Args:
        mqtt: The configuration; ``mqtt.host`` must be set.
        place: Which kiosk this is.
        outbox: Where the events wait.
        availability: What the kiosk says of itself while it is online.
        password: Goes with ``mqtt.username``.
        retry_s: Shortest and longest wait, seconds, before the broker is tried again; an event
            that it refuses is offered again after the longest.

    Raises:
        ConfigError: ``mqtt.ca_file`` cannot be used.
    """

    def __init__(
        self,
        mqtt: MqttSection,
        place: KioskAddress,
        outbox: Waiting,
        *,
        availability: Availability,
        password: str = "",
        retry_s: tuple[float, float] = (1.0, 60.0),
    ) -> None:
        self._mqtt = mqtt
        self._topic = place.availability
        self._outbox = outbox
        self._availability = availability
        self._window = InFlight(mqtt.inflight_max, retry_s[1])
        self._outage = Outage(mqtt)
        self._connected = False
        self._greeted = False
        self._network_ended = False
        self._stopping = threading.Event()
        self._failure: Exception | None = None
        self._inbox: queue.SimpleQueue[Work] = queue.SimpleQueue()
        self._client = Client(
            mqtt, place.client_id, password=password, persistent=True, retry_s=retry_s
        )
        self._client.will_set(
            self._topic, encode_availability(availability.as_offline()), qos=1, retain=True
        )
        self._listen()
        self._thread = threading.Thread(target=self._run, name="publish", daemon=True)

    def start(self) -> None:
        """Start publishing; returns at once, whether the broker is there or not."""
        self._thread.start()

    def notify(self) -> None:
        """Say that an event was committed to the outbox; any thread may."""
        self._inbox.put(_wake)

    def check(self) -> None:
        """Make sure that the thread is well.

        Raises:
            BrokerError: It has failed, and nothing is published any more.
        """
        if self._failure is not None:
            message = f"publishing to MQTT broker {self._mqtt.host} has failed: {self._failure}"
            raise BrokerError(message) from self._failure

    def stop(self, timeout_s: float) -> None:
        """Stop: wait a little for acknowledgements, say "offline", disconnect.

        What is not acknowledged by then stays in the outbox.

        Args:
            timeout_s: Returns after this many seconds at the latest.
        """
        deadline_s = time.monotonic() + timeout_s
        self._inbox.put(partial(self._close, deadline_s))
        self._thread.join(timeout_s)

    def _listen(self) -> None:
        """Send paho's callbacks, which come on its own thread, to the inbox."""
        put, client = self._inbox.put, self._client
        client.on_connect = self._on_connack
        # paho calls this while it handles the error, and does not pass it on.
        client.on_connect_fail = lambda _client, _data: put(partial(self._on_away, sys.exception()))
        client.on_disconnect = lambda _client, _data, _flags, reason, _properties: put(
            partial(self._on_disconnect, reason)
        )
        client.on_publish = lambda _client, _data, packet_id, reason, _properties: put(
            partial(self._on_answer, packet_id, reason)
        )
        client.on_end = lambda error: put(partial(self._on_end, error))

    def _on_connack(
        self,
        client: paho.Client,
        _data: object,
        _flags: object,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if self._stopping.is_set():
            client.disconnect()  # the connection came too late
            return
        receive_maximum = getattr(properties, "ReceiveMaximum", _RECEIVE_MAXIMUM)
        self._inbox.put(partial(self._on_connect, reason, receive_maximum))

    def _run(self) -> None:
        try:
            self._client.start()
            while not self._stopping.is_set():
                self._step(min(_POLL_S, self._window.due_s - time.monotonic()))
                self._pump()
        except Exception as exc:  # noqa: BLE001 - the top of a thread; check() ends the process
            _log.exception("the publishing thread failed")
            self._failure = exc

    def _step(self, timeout_s: float) -> None:
        """Do the next piece of work that comes in within a time."""
        with contextlib.suppress(queue.Empty):
            self._inbox.get(timeout=max(0.0, timeout_s))()

    def _pump(self) -> None:
        """Send what may be sent now."""
        # First of all: a time that has come and stays due would have _run wait no longer.
        self._window.rewind(time.monotonic())
        if not self._connected or self._stopping.is_set() or not self._window.room:
            return
        if not self._greeted:
            self._greeted = True
            self._send(self._topic, encode_availability(self._availability), retain=True)
        while room := self._window.room:
            rows = self._outbox.pending(room, self._window.cursor)
            if not rows:
                return
            for row in self._window.advance(rows):
                self._send(row.topic, row.payload, sequence=row.sequence)

    def _send(self, topic: str, payload: bytes, *, sequence: int = 0, retain: bool = False) -> None:
        info = self._client.publish(topic, payload, qos=1, retain=retain)
        if info.rc not in _HANDED_OVER:
            raise BrokerError(f"{topic}: the MQTT client did not take a message ({info.rc!r})")
        self._window.send(info.mid, sequence)

    def _on_connect(self, reason: ReasonCode, receive_maximum: int) -> None:
        if reason.is_failure:
            self._outage.refused(reason, time.monotonic())
            return
        self._outage.over(time.monotonic())
        self._connected = True
        self._greeted = False
        self._window.size = min(self._mqtt.inflight_max, receive_maximum)
        self._window.reconnect()

    def _on_away(self, cause: object) -> None:
        self._outage.away(cause, time.monotonic())

    def _on_disconnect(self, reason: ReasonCode) -> None:
        self._connected = False
        if not self._stopping.is_set():
            self._outage.away(reason, time.monotonic())

    def _on_answer(self, packet_id: int, reason: ReasonCode) -> None:
        sequence = self._window.settle(packet_id)
        if sequence is None:
            return
        if reason.is_failure:
            self._on_refused(sequence, reason)
        elif sequence:
            self._outbox.acknowledge(sequence)
            if self._window.accept(sequence):
                _log.info("MQTT broker accepts all events again")

    def _on_refused(self, sequence: int, reason: ReasonCode) -> None:
        """Keep an event that the broker does not take."""
        if not sequence:
            _log.warning("MQTT broker refuses %s (%s); see its access list", self._topic, reason)
        elif self._window.refuse(sequence, time.monotonic()):
            advice = "they are kept and offered again; see its quota and access list"
            _log.warning("MQTT broker refuses events (%s); %s", reason, advice)

    def _on_end(self, error: Exception | None) -> None:
        self._network_ended = True
        if not self._stopping.is_set():
            raise BrokerError("the MQTT network thread has ended") from error

    def _close(self, deadline_s: float) -> None:
        self._stopping.set()
        half_s = (time.monotonic() + deadline_s) / 2
        self._settle(half_s)
        if self._connected:
            offline = encode_availability(self._availability.as_offline())
            self._send(self._topic, offline, retain=True)
            self._settle(deadline_s)
        self._client.disconnect()
        while not self._network_ended and time.monotonic() < deadline_s:
            self._step(deadline_s - time.monotonic())

    def _settle(self, deadline_s: float) -> None:
        """Wait until the broker has answered for everything."""
        while self._connected and len(self._window) and time.monotonic() < deadline_s:
            self._step(deadline_s - time.monotonic())


def _wake() -> None:
    """Do nothing: the thread looks at the outbox after every piece of work."""
