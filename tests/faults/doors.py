"""Kiosks without a camera: they publish numbered events and keep their side of the delivery."""

import threading
import uuid
from collections.abc import Iterator

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from kiosk.protocol.delivery import (
    Confirmation,
    ReplayDone,
    ReplayRequest,
    decode_delivery,
    encode_delivery,
)
from kiosk.protocol.event import AttendanceEvent, encode
from kiosk.protocol.topics import (
    CONFIRMED,
    HEALTH,
    REPLAY,
    REPLAY_DONE,
    REPLAYED,
    KioskAddress,
    parse_topic,
)
from tests.kiosk.register.support import event, health
from tests.mosquitto import kind_filter

PATIENCE_S = 30.0
TIME = "2026-01-15T08:00:00.000+00:00"
"""Of all events: the numbers would reach into the future, if each were a second later."""


class Doors:
    """Many kiosks on one connection; each has an outbox of its own.

    Args:
        broker: Host and port.
        count: How many kiosks.

    Attributes:
        addresses: The kiosks by outbox id.
        confirmed: The highest confirmed number by outbox id.
        offered: How many events were published.
        replayed: How many were sent again at the register's request.
    """

    def __init__(self, broker: tuple[str, int], count: int) -> None:
        self.addresses = {
            str(uuid.uuid4()): KioskAddress(site="school", room=f"room-{i}", kiosk=f"kiosk-{i}")
            for i in range(count)
        }
        self.confirmed = dict.fromkeys(self.addresses, 0)
        self.offered = 0
        self.replayed = 0
        self._last = dict.fromkeys(self.addresses, 0)
        subscribed = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self._client.max_inflight_messages_set(500)
        self._client.on_connect = lambda client, *_: client.subscribe(
            [(kind_filter(CONFIRMED), 1), (kind_filter(REPLAY), 1)]
        )
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.on_message = self._on_message
        self._client.connect(*broker)
        self._client.loop_start()
        assert subscribed.wait(PATIENCE_S)

    def publish(self, count: int) -> None:
        """Publish so many events, in turn from each kiosk; return when the broker has them."""
        info = None
        for outbox_id in self._turns(count):
            self._last[outbox_id] += 1
            info = self._send(outbox_id, self._last[outbox_id], "attendance")
            self.offered += 1
        if info is not None:
            info.wait_for_publish(PATIENCE_S)
            assert info.is_published(), "the broker does not acknowledge"

    def report(self) -> None:
        """Publish the health of each kiosk: the last number that it has used."""
        for outbox_id, address in self.addresses.items():
            payload = health(self._last[outbox_id], outbox_id).payload
            self._client.publish(address.topic(HEALTH), payload, qos=1, retain=True)

    @property
    def waiting(self) -> int:
        """How many events are not confirmed yet."""
        return sum(last - self.confirmed[one] for one, last in self._last.items())

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _turns(self, count: int) -> Iterator[str]:
        outboxes = list(self.addresses)
        start = self.offered
        return (outboxes[(start + i) % len(outboxes)] for i in range(count))

    def event_of(self, outbox_id: str, sequence: int) -> AttendanceEvent:
        """Return an event of a kiosk: the same one each time that it is asked for."""
        address = self.addresses[outbox_id]
        names = {"site": address.site, "room": address.room, "kiosk": address.kiosk}
        # The same event each time, with an id that no other outbox has.
        name = uuid.UUID(outbox_id).hex[:15] + f"{sequence:012x}"
        event_id = f"{name[:8]}-{name[8:12]}-7{name[12:15]}-8000-{name[15:]}"
        return event(sequence, outbox_id, event_id=event_id, time=TIME, **names)

    def _send(self, outbox_id: str, sequence: int, kind: str) -> paho.MQTTMessageInfo:
        payload = encode(self.event_of(outbox_id, sequence))
        return self._client.publish(self.addresses[outbox_id].topic(kind), payload, qos=1)

    def _on_message(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        topic = parse_topic(message.topic)
        assert topic is not None
        if topic.kind == CONFIRMED:
            word = decode_delivery(bytes(message.payload), Confirmation)
            if word.outbox_id in self.confirmed:
                before = self.confirmed[word.outbox_id]
                self.confirmed[word.outbox_id] = max(before, word.sequence)
            return
        asked = decode_delivery(bytes(message.payload), ReplayRequest)
        for sequence in range(asked.first, min(asked.last, self._last[asked.outbox_id]) + 1):
            self._send(asked.outbox_id, sequence, REPLAYED)
            self.replayed += 1
        done = ReplayDone(outbox_id=asked.outbox_id, first=asked.first, last=asked.last)
        answer = topic.address.topic(REPLAY_DONE)
        self._client.publish(answer, encode_delivery(done), qos=1)
