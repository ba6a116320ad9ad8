"""Watch the kiosks live: subscribe to every kiosk's events and availability.

A window and not a register: what is published while nobody watches is not seen here. A register
subscribes with a session of its own that the broker keeps, and drops repeats by event id as
:class:`kiosk.watch.attendance_list.AttendanceList` does.
"""

import contextlib
import logging
import queue
import sys
import threading
import time
import uuid
from collections.abc import Callable
from functools import partial
from typing import Final, TypeAlias

from paho.mqtt.reasoncodes import ReasonCode

from kiosk.config import MqttSection
from kiosk.errors import BrokerError, PayloadError
from kiosk.mqtt.connection import Client
from kiosk.mqtt.outage import Outage, refusal
from kiosk.protocol.availability import decode_availability
from kiosk.protocol.event import AttendanceEvent
from kiosk.protocol.topics import ALL_FILTER, AVAILABILITY, Topic, parse_topic
from kiosk.watch.attendance_list import AttendanceList, read_event
from kiosk.watch.screens import Screen, printable

_log = logging.getLogger(__name__)

Work: TypeAlias = Callable[[], None]
"""Something that the network thread leaves to the watching one."""


_STEP_S: Final = 0.5
"""How soon a wish to stop is noticed."""


def watch(
    mqtt: MqttSection,
    board: AttendanceList,
    screen: Screen,
    *,
    password: str = "",
    limit: int | None = None,
    stop: threading.Event | None = None,
) -> None:
    """Show what the kiosks publish, until so many events were shown or it is told to stop.

    Args:
        mqtt: The configuration; ``mqtt.host`` must be set.
        board: Collects what is heard.
        screen: Shows it.
        password: Goes with ``mqtt.username``.
        limit: Return after this many events that are no repeats; ``None`` is no limit.
        stop: Return soon after this is set; Ctrl-C ends it, too.

    Raises:
        BrokerError: The broker cannot be reached at first, or refuses us or the subscription.
    """
    watcher = _Watcher(mqtt, board, screen, password)
    watcher.start()
    try:
        while (limit is None or watcher.shown < limit) and not (stop and stop.is_set()):
            watcher.step()
    finally:
        watcher.stop()


class _Watcher:
    """The connection of one :func:`watch`; all but paho's callbacks runs on one thread."""

    def __init__(
        self, mqtt: MqttSection, board: AttendanceList, screen: Screen, password: str
    ) -> None:
        self.shown = 0
        self._board = board
        self._screen = screen
        self._at = f"MQTT broker {mqtt.host}:{mqtt.port}"
        self._outage = Outage(mqtt)
        self._was_connected = False
        self._inbox: queue.SimpleQueue[Work] = queue.SimpleQueue()
        self._client = Client(mqtt, f"kiosk-watch:{uuid.uuid4().hex}", password=password)
        self._listen()

    def start(self) -> None:
        self._client.start()

    def step(self) -> None:
        """Do the next piece of work, if one comes soon."""
        with contextlib.suppress(queue.Empty):
            self._inbox.get(timeout=_STEP_S)()

    def stop(self) -> None:
        self._client.on_end = lambda _error: None
        self._client.disconnect()

    def _listen(self) -> None:
        put, client = self._inbox.put, self._client
        client.on_connect = lambda _client, _data, _flags, reason, _properties: put(
            partial(self._on_connect, reason)
        )
        # paho calls this while it handles the error, and does not pass it on.
        client.on_connect_fail = lambda _client, _data: put(partial(self._on_away, sys.exception()))
        client.on_disconnect = lambda _client, _data, _flags, reason, _properties: put(
            partial(self._on_away, reason)
        )
        client.on_subscribe = lambda _client, _data, _id, reasons, _properties: put(
            partial(self._on_subscribe, reasons)
        )
        # By filter, not on_message: a broker may send what we did not ask for.
        client.message_callback_add(
            ALL_FILTER,
            lambda _client, _data, message: put(
                partial(self._on_message, message.topic, bytes(message.payload))
            ),
        )
        client.on_end = lambda error: put(partial(self._on_end, error))

    def _on_message(self, name: str, payload: bytes) -> None:
        topic = parse_topic(name)
        if topic is None:
            return
        handler = self._on_availability if topic.kind == AVAILABILITY else self._on_event
        try:
            handler(topic, payload)
        except PayloadError as exc:
            _log.warning("%s: %s", printable(name), printable(str(exc)))

    def _on_connect(self, reason: ReasonCode) -> None:
        if reason.is_failure:
            raise BrokerError(f"{self._at} {refusal(reason)}")
        self._was_connected = True
        self._outage.over(time.monotonic())
        self._client.subscribe([(ALL_FILTER, 1)])

    def _on_subscribe(self, reasons: list[ReasonCode]) -> None:
        for reason in reasons:
            if reason.is_failure:
                message = f"{self._at} refuses the subscription ({reason}); see its access list"
                raise BrokerError(message)

    def _on_away(self, cause: object) -> None:
        if not self._was_connected:
            raise BrokerError(f"{self._at} cannot be reached ({cause}); check mqtt.host and port")
        self._outage.away(cause, time.monotonic())

    def _on_event(self, topic: Topic, payload: bytes) -> None:
        event = read_event(topic, payload)
        if not isinstance(event, AttendanceEvent):
            return
        if self._board.add(event, time.monotonic()):
            self.shown += 1
            self._screen.event(event)

    def _on_availability(self, topic: Topic, payload: bytes) -> None:
        # An empty message is how MQTT clears a retained one: the kiosk was taken out of service.
        if not payload:
            return
        availability = decode_availability(payload)
        if self._board.set_availability(topic.address, availability):
            self._screen.availability(topic.address, availability)

    def _on_end(self, error: Exception | None) -> None:
        raise BrokerError(f"{self._at}: the network thread has ended") from error
