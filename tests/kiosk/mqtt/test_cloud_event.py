"""CloudEvents attributes beside an event."""

import queue
from pathlib import Path

import msgspec
import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from kiosk.config.mqtt import MqttSection
from kiosk.mqtt.cloud_event import event_properties
from kiosk.outbox.outbox import Outbox
from tests.kiosk.mqtt.support import ADDRESS, KioskPublisher
from tests.mosquitto import PATIENCE_S, Mosquitto, kind_filter

EVENT = (
    b'{"type":"attendance","event_id":"e-1","site":"school","room":"room-1","kiosk":"kiosk-1",'
    b'"time":"2026-01-15T11:00:00.000+00:00"}'
)
ATTRIBUTES = [
    ("specversion", "1.0"),
    ("id", "e-1"),
    ("source", "/school/room-1/kiosk-1"),
    ("type", "attendance-kiosk.attendance.v1"),
    ("time", "2026-01-15T11:00:00.000+00:00"),
    ("dataschema", "urn:attendance-kiosk:event:1"),
]


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_an_event_goes_out_with_its_attributes(
    mosquitto: Mosquitto, tmp_path: Path, protocol: str
) -> None:
    """As properties in MQTT 5; in 3.1.1 the same payload goes out without."""
    heard: queue.Queue[paho.MQTTMessage] = queue.Queue()
    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.on_message = lambda _client, _data, message: heard.put(message)
    subscribed: queue.Queue[None] = queue.Queue()
    client.on_subscribe = lambda *_: subscribed.put(None)
    client.connect(*mosquitto.address)
    client.subscribe(kind_filter("attendance"), 1)
    client.loop_start()
    subscribed.get(timeout=PATIENCE_S)
    values = {"host": mosquitto.host, "port": mosquitto.port, "protocol": protocol}
    with Outbox(tmp_path / "outbox") as outbox:
        outbox.put(lambda _number: ("e-1", ADDRESS.topic("attendance"), EVENT))
        kiosk = KioskPublisher(msgspec.convert(values, MqttSection), outbox)
        kiosk.start()
        message = heard.get(timeout=PATIENCE_S)
        kiosk.stop(1.0)
    client.disconnect()
    client.loop_stop()
    assert message.payload == EVENT
    properties = message.properties
    assert getattr(properties, "UserProperty", []) == (ATTRIBUTES if protocol == "5" else [])
    expected = "application/json" if protocol == "5" else None
    assert getattr(properties, "ContentType", None) == expected


@pytest.mark.parametrize("payload", [b"", b"\xff", b"[]", b'{"event_id":1}', b"[" * 100_000])
def test_what_is_no_event_goes_out_without_attributes(payload: bytes) -> None:
    """Nothing depends on them."""
    assert event_properties(payload) is None
