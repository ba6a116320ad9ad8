"""The embedded broker: what it can do, and what its documentation says it cannot do."""

import asyncio
import builtins
import contextlib
import queue
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from kiosk.config.mqtt import MqttSection
from kiosk.errors import BrokerError, MissingExtraError
from kiosk.mqtt.embedded_broker import HOST, PROTOCOL, EmbeddedBroker
from kiosk.outbox.outbox import Outbox
from kiosk.protocol.event import AttendanceEvent
from tests.kiosk.mqtt.support import ADDRESS, KioskPublisher, break_broker
from tests.mosquitto import PATIENCE_S, kind_filter


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    pytest.importorskip("amqtt", reason="the extra [demo] is not installed")
    with EmbeddedBroker() as broker:
        yield broker


class Client:
    """A paho client whose callbacks can be waited for."""

    def __init__(self, broker: EmbeddedBroker, client_id: str, *, is_v5: bool = False) -> None:
        self.news: queue.Queue[tuple[str, object]] = queue.Queue()
        if is_v5:
            self.paho = paho.Client(
                CallbackAPIVersion.VERSION2, client_id, protocol=MQTTProtocolVersion.MQTTv5
            )
        else:
            self.paho = paho.Client(
                CallbackAPIVersion.VERSION2, client_id, clean_session=client_id == ""
            )
        self.paho.on_connect = lambda _client, _data, _flags, reason, _properties: self.news.put(
            ("connected", str(reason))
        )
        self.paho.on_subscribe = lambda *_: self.news.put(("subscribed", None))
        self.paho.on_publish = lambda *_: self.news.put(("acknowledged", None))
        self.paho.on_message = lambda _client, _data, message: self.news.put(
            (message.topic, bytes(message.payload))
        )
        self.broker = broker

    def connect(self) -> str:
        self.paho.connect(HOST, self.broker.port)
        self.paho.loop_start()
        return str(self.wait("connected"))

    def subscribe(self, topic: str) -> None:
        self.paho.subscribe(topic, 1)
        self.wait("subscribed")

    def wait(self, kind: str) -> object:
        while True:
            found, value = self.news.get(timeout=PATIENCE_S)
            if found == kind:
                return value

    def close(self) -> None:
        self.paho.disconnect()
        self.paho.loop_stop()


def test_it_listens_on_the_loopback_address_alone(broker: EmbeddedBroker) -> None:
    """The port takes connections on 127.0.0.1, and not on another address of this machine."""
    socket.create_connection((HOST, broker.port), PATIENCE_S).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", broker.port), PATIENCE_S)


def test_events_come_through_with_availability_and_will(
    broker: EmbeddedBroker, tmp_path: Path
) -> None:
    """Retained "online", a QoS 1 event with PUBACK, and "offline" when the kiosk stops."""
    watcher = Client(broker, "")
    watcher.connect()
    watcher.subscribe("kiosk/v1/#")
    mqtt = msgspec.convert({"host": HOST, "port": broker.port, "protocol": PROTOCOL}, MqttSection)
    with Outbox(tmp_path / "outbox.sqlite3") as outbox:
        outbox.put(lambda _: ("id", ADDRESS.topic_of(AttendanceEvent), b"event"))
        publisher = KioskPublisher(mqtt, outbox)
        publisher.start()
        assert b"online" in bytes(watcher.wait(ADDRESS.availability))  # type: ignore[call-overload]
        assert watcher.wait(ADDRESS.topic_of(AttendanceEvent)) == b"event"
        late = Client(broker, "")
        late.connect()
        late.subscribe(kind_filter("availability"))
        assert b"online" in bytes(late.wait(ADDRESS.availability))  # type: ignore[call-overload]
        publisher.stop(PATIENCE_S)
        assert len(outbox) == 0
    assert b"offline" in bytes(watcher.wait(ADDRESS.availability))  # type: ignore[call-overload]
    late.close()
    watcher.close()


def test_the_will_of_a_client_that_vanishes_is_published(broker: EmbeddedBroker) -> None:
    """A connection that breaks without DISCONNECT has its will published."""
    watcher = Client(broker, "")
    watcher.connect()
    watcher.subscribe("will")
    doomed = Client(broker, "")
    doomed.paho.will_set("will", b"gone", qos=1, retain=True)
    doomed.paho.reconnect_delay_set(60, 60)
    doomed.connect()
    link = doomed.paho.socket()
    assert isinstance(link, socket.socket)
    link.shutdown(socket.SHUT_RDWR)
    assert watcher.wait("will") == b"gone"
    doomed.close()
    watcher.close()


def test_mqtt_5_is_refused(broker: EmbeddedBroker) -> None:
    """A client of MQTT 5 is told that its version is unsupported; hence PROTOCOL."""
    client = Client(broker, "five", is_v5=True)
    assert "Unsupported protocol version" in client.connect()
    client.close()


def test_nothing_is_kept_for_an_absent_subscriber(broker: EmbeddedBroker) -> None:
    """What is published while a subscriber is away never reaches it, clean session or not."""
    absent = Client(broker, "register")
    absent.connect()
    absent.subscribe("t")
    absent.close()
    other = Client(broker, "")
    other.connect()
    other.paho.publish("t", b"missed", 1)
    other.wait("acknowledged")
    back = Client(broker, "register")
    back.connect()
    back.subscribe("t")
    other.paho.publish("t", b"heard", 1)
    assert back.wait("t") == b"heard"
    for client in (other, back):
        client.close()


def test_a_port_that_is_taken_is_named() -> None:
    """Starting on a port in use is a BrokerError with the port in it."""
    pytest.importorskip("amqtt", reason="the extra [demo] is not installed")
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BrokerError, match=f"127.0.0.1:{port}"), EmbeddedBroker(port):
            pass


def test_the_port_is_free_again_afterwards() -> None:
    """A second broker can take the port when the first has stopped."""
    pytest.importorskip("amqtt", reason="the extra [demo] is not installed")
    with EmbeddedBroker() as first:
        port = first.port
    with EmbeddedBroker(port) as second:
        assert second.port == port


def test_a_broker_that_fails_later_is_reported(
    broker: EmbeddedBroker, caplog: pytest.LogCaptureFixture
) -> None:
    """Once its loop has failed, check raises with the reason, although its thread may live on."""
    broker.check()
    assert broker._loop is not None
    ended = threading.Event()

    async def never_end() -> None:
        while not ended.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.05)

    asyncio.run_coroutine_threadsafe(never_end(), broker._loop)
    break_broker(broker)
    with pytest.raises(BrokerError, match="the embedded broker has failed") as caught:
        broker.check()
    assert isinstance(caught.value.__cause__, RuntimeError)
    assert caplog.messages.count("the embedded broker's thread failed") == 1
    ended.set()


def test_without_the_extra_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without amqtt, the error names the extra to install and the key to set instead."""
    real_import = builtins.__import__

    def refuse(
        name: str,
        namespace: Mapping[str, object] | None = None,
        local: Mapping[str, object] | None = None,
        fromlist: Sequence[str] = (),
        level: int = 0,
    ) -> object:
        if name.startswith("amqtt"):
            raise ModuleNotFoundError(name)
        return real_import(name, namespace, local, fromlist, level)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with (
        pytest.raises(MissingExtraError, match=r"attendance-kiosk\[demo\].*mqtt\.host"),
        EmbeddedBroker(),
    ):
        pass
