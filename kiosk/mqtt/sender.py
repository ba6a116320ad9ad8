"""Publishing over one connection, and the broker's answers to it (PUBACK)."""

import math
from collections.abc import Callable
from typing import Final, TypeAlias

from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode

from kiosk.errors import BrokerError
from kiosk.mqtt.client import Client
from kiosk.mqtt.in_flight import InFlight
from kiosk.mqtt.properties import PublishProperties

OnAnswer: TypeAlias = Callable[[ReasonCode], None]
"""Called with the broker's answer to a published message."""

_HANDED_OVER: Final = {MQTTErrorCode.MQTT_ERR_SUCCESS, MQTTErrorCode.MQTT_ERR_NO_CONN}
"""paho has the message: it is on its way, or goes when there is a connection."""


class Sender:
    """Publishes with QoS 1, and knows what the broker has not answered.

    Args:
        client: The MQTT client.
        inflight_max: How many messages may be unanswered at once.
        answer_s: How long a message may be unanswered, seconds.
    """

    def __init__(self, client: Client, inflight_max: int, answer_s: float) -> None:
        self._client = client
        self._inflight_max = inflight_max
        self._answer_s = answer_s
        self._in_flight = InFlight[OnAnswer](inflight_max)

    def __len__(self) -> int:
        """Count the unanswered messages."""
        return len(self._in_flight)

    @property
    def room(self) -> int:
        """How many messages may be sent now."""
        return self._in_flight.room

    @property
    def overdue_s(self) -> float:
        """When the broker is late with an answer (monotonic seconds); infinity: none is owed."""
        oldest_s = self._in_flight.oldest_s
        return math.inf if oldest_s is None else oldest_s + self._answer_s

    def publish(
        self,
        topic: str,
        payload: bytes,
        on_answer: OnAnswer,
        now_s: float,
        *,
        retain: bool,
        properties: PublishProperties | None,
    ) -> None:
        """Publish as :meth:`kiosk.mqtt.connection.Connection.publish` does.

        Raises:
            BrokerError: paho does not take the message.
        """
        paho = None if properties is None else properties.to_paho()
        info = self._client.publish(topic, payload, qos=1, retain=retain, properties=paho)
        if info.rc not in _HANDED_OVER:
            raise BrokerError(f"{topic}: the MQTT client did not take a message ({info.rc!r})")
        self._in_flight.add(info.mid, on_answer, now_s)

    def connect(self, receive_maximum: int, now_s: float) -> None:
        """Note a new connection, on which paho sends again what was unanswered.

        Args:
            receive_maximum: How many messages the broker takes unanswered.
            now_s: Monotonic seconds.
        """
        self._in_flight.size = min(self._inflight_max, receive_maximum)
        self._in_flight.reconnect(now_s)

    def answer(self, packet_id: int, reason: ReasonCode) -> None:
        """Pass the broker's answer on to the one that published the message."""
        on_answer = self._in_flight.answer(packet_id)
        if on_answer is not None:
            on_answer(reason)
