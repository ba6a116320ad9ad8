"""The one place that turns paho's callbacks into work for the thread that owns the connection."""

import queue
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeAlias

from paho.mqtt import client as paho
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from kiosk.mqtt.client import Client
from kiosk.mqtt.rivalry import Verdict
from kiosk.mqtt.subscriber import Acknowledgements, Message

Work: TypeAlias = Callable[[], None]
"""Something for the thread that owns the connection to do."""

_RECEIVE_MAXIMUM: Final = 65535
"""How many messages a broker takes unacknowledged unless it says otherwise (MQTT 5, 3.2.2.3.3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reactions:
    """What the owning thread does about each thing that paho reports.

    Attributes:
        connect: The broker has answered CONNECT: its reason, and how many messages it takes
            unacknowledged (Receive Maximum).
        unreachable: An attempt to connect failed, with this error.
        disconnect: The connection has ended, and whether another client has taken it.
        puback: The broker has answered a published message, by packet id.
        suback: The broker has answered a SUBSCRIBE, by packet id: one reason for each filter. Not
            called once the inbox is closed.
        message: A message has come in. Not called once the inbox is closed.
        end: The network thread has ended, with the error or after a disconnect that we asked for.
    """

    connect: Callable[[ReasonCode, int], None]
    unreachable: Callable[[BaseException | None], None]
    disconnect: Callable[[ReasonCode, Verdict], None]
    puback: Callable[[int, ReasonCode], None]
    suback: Callable[[int, Sequence[ReasonCode]], None]
    message: Callable[[Message], None]
    end: Callable[[Exception | None], None]


class Inbox:
    """Work that other threads leave for the thread that owns the connection.

    Args:
        client: The MQTT client; its callbacks are set here.
        reactions: What is done about them, on the owning thread.

    Attributes:
        closed: Set when the owner is closing: a connection that comes later is ended at once.
    """

    def __init__(self, client: Client, reactions: Reactions) -> None:
        self.closed = threading.Event()
        self._queue: queue.SimpleQueue[Work] = queue.SimpleQueue()
        self._reactions = reactions
        self._client = client
        self._acknowledgements = Acknowledgements(client.ack)
        put = self._queue.put
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_publish = lambda _client, _data, packet_id, reason, _properties: put(
            partial(reactions.puback, packet_id, reason)
        )
        client.on_subscribe = lambda _client, _data, packet_id, reasons, _properties: put(
            partial(self._unless_closed, partial(reactions.suback, packet_id, reasons))
        )
        client.on_message = self._on_message
        client.on_end = lambda error: put(partial(reactions.end, error))

    def put(self, work: Work) -> None:
        """Leave work; any thread may call this."""
        self._queue.put(work)

    def work(self, timeout_s: float) -> bool:
        """Do the next piece of work that comes in within a time; return whether there was any."""
        try:
            work = self._queue.get(timeout=max(0.0, timeout_s))
        except queue.Empty:
            return False
        work()
        return True

    def _unless_closed(self, work: Work) -> None:
        """Do a piece of work, on the owning thread, unless the owner is closing by then."""
        if not self.closed.is_set():
            work()

    def _on_connect(
        self,
        client: paho.Client,
        _data: object,
        _flags: object,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if self.closed.is_set():
            client.disconnect()
            return
        if not reason.is_failure:
            self._client.began()
        receive_maximum = getattr(properties, "ReceiveMaximum", _RECEIVE_MAXIMUM)
        self.put(partial(self._reactions.connect, reason, receive_maximum))

    def _on_connect_fail(self, _client: paho.Client, _data: object) -> None:
        self._client.failed()
        # paho calls this while it handles the error, and does not pass it on.
        self.put(partial(self._reactions.unreachable, sys.exception()))

    def _on_disconnect(
        self,
        _client: paho.Client,
        _data: object,
        _flags: object,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self._acknowledgements.disconnect()
        self.put(partial(self._reactions.disconnect, reason, self._client.ended(reason)))

    def _on_message(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        acknowledge = self._acknowledgements.receive(message.mid, message.qos)
        try:
            topic = message.topic
        except UnicodeDecodeError:  # no filter of ours matches what is not UTF-8
            acknowledge()
            return
        correlation = getattr(message.properties, "CorrelationData", None)
        payload = bytes(message.payload)
        incoming = Message(topic, payload, message.retain, acknowledge, correlation)
        self.put(partial(self._unless_closed, partial(self._reactions.message, incoming)))
