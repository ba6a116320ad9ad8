"""Subscriptions: incoming messages, their handlers, and their acknowledgement."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Final, TypeAlias

from paho.mqtt import client as paho
from paho.mqtt.reasoncodes import ReasonCode

from kiosk.errors import BrokerError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Message:
    """An incoming message.

    Attributes:
        topic: The topic it was published on.
        payload: Its payload.
        retained: The broker had it before we subscribed.
        acknowledge: Call this once the message is stored, or needs no storing; any thread may call
            it. With a persistent MQTT session, the broker delivers an unacknowledged message again
            after a reconnection. PUBACKs go out in the order in which the messages came (MQTT 5,
            4.6.0-2): a message that is never acknowledged delays the PUBACKs of all later ones,
            until the broker sends no more messages.
        correlation: MQTT 5 correlation data, to be sent back with the response.
    """

    topic: str
    payload: bytes
    retained: bool
    acknowledge: Callable[[], None]
    correlation: bytes | None = None


Handler: TypeAlias = Callable[[Message], None]
"""Handles a message, and acknowledges it at once or later."""


@dataclass(slots=True, eq=False)
class _Owed:
    """A PUBACK that the broker waits for."""

    packet_id: int
    qos: int
    is_done: bool = False


class Acknowledgements:
    """Sends PUBACKs in the order of the messages, and only on the connection they came on.

    After a reconnection the broker may use a packet id for another message, which a late PUBACK of
    the earlier connection would acknowledge.

    Args:
        send: Sends a PUBACK; called with packet id and QoS.
    """

    def __init__(self, send: Callable[[int, int], object]) -> None:
        self._send = send
        self._owed: deque[_Owed] = deque()
        self._lock = threading.Lock()

    def receive(self, packet_id: int, qos: int) -> Callable[[], None]:
        """Note a message that came in; return what acknowledges it."""
        owed = _Owed(packet_id, qos)
        if qos:
            with self._lock:
                self._owed.append(owed)
        return partial(self._acknowledge, owed)

    def disconnect(self) -> None:
        """Forget what is owed on a connection that broke.

        paho's thread calls this before it reconnects, and then drops the PUBACKs that it has not
        sent: none of them reaches the new connection.
        """
        with self._lock:
            self._owed.clear()

    def _acknowledge(self, owed: _Owed) -> None:
        with self._lock:
            owed.is_done = True
            while self._owed and self._owed[0].is_done:
                first = self._owed.popleft()
                self._send(first.packet_id, first.qos)


_matches: Final = lru_cache(maxsize=4096)(paho.topic_matches_sub)


class Subscriber:
    """The subscriptions of one connection, made again at every connect.

    Args:
        client: The MQTT client.
        broker: What the broker is called in messages.
        fail_fast: Raise when the broker refuses a subscription, instead of logging it.
    """

    def __init__(self, client: paho.Client, broker: str, *, fail_fast: bool) -> None:
        self._client = client
        self._broker = broker
        self._fail_fast = fail_fast
        self._handlers: dict[str, Handler] = {}
        self._asked: dict[int | None, list[str]] = {}  # packet id → the filters in SUBSCRIBE
        self._refused: set[str] = set()

    def add(self, topic_filter: str, handler: Handler) -> None:
        """Add a subscription, which counts from the next connect."""
        self._handlers[topic_filter] = handler

    def subscribe(self, *topic_filters: str) -> None:
        """Ask the broker for these subscriptions, or for all."""
        filters = list(topic_filters or self._handlers)
        if filters:
            _, packet_id = self._client.subscribe([(one, 1) for one in filters])
            self._asked[packet_id] = filters

    def connect(self) -> None:
        """Make all subscriptions on a new connection."""
        self._asked.clear()
        self.subscribe()

    def answer(self, packet_id: int, reasons: Sequence[ReasonCode]) -> None:
        """Report each subscription that the broker refuses (SUBACK), once.

        Raises:
            BrokerError: One is refused, with ``fail_fast``.
        """
        for topic_filter, reason in zip(self._asked.pop(packet_id, []), reasons, strict=False):
            if not reason.is_failure:
                self._refused.discard(topic_filter)
                continue
            advice = f"refuses the subscription to {topic_filter} ({reason}); see its access list"
            if self._fail_fast:
                raise BrokerError(f"{self._broker} {advice}")
            if topic_filter not in self._refused:
                _log.warning("%s %s", self._broker, advice)
            self._refused.add(topic_filter)

    def deliver(self, message: Message) -> None:
        """Hand a message to the first subscription that matches; acknowledge what none asked for.

        Unasked messages come from subscriptions that an earlier version of this program left in
        its MQTT session, and from ``amqtt`` (:mod:`kiosk.mqtt.embedded_broker`).
        """
        for topic_filter, handler in self._handlers.items():
            if _matches(topic_filter, message.topic):
                handler(message)
                return
        message.acknowledge()
