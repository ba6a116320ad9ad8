"""Confirmations and replays, between a kiosk and a register on a real Mosquitto."""

import contextlib
import queue
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from kiosk.config.mqtt import MqttSection
from kiosk.mqtt import register_link
from kiosk.mqtt.register_link import RegisterLink
from kiosk.outbox.outbox import Outbox
from kiosk.protocol.delivery import (
    SEQUENCE_MAX,
    Confirmation,
    ReplayDone,
    ReplayRequest,
    decode_delivery,
    encode_delivery,
)
from kiosk.protocol.event import AttendanceEvent
from kiosk.protocol.topics import CONFIRMED, REPLAY, REPLAY_DONE, REPLAYED
from tests.kiosk.mqtt.support import ADDRESS, KioskPublisher, Log, kiosk_log
from tests.mosquitto import PATIENCE_S

if TYPE_CHECKING:
    from tests.mosquitto import Mosquitto

REGISTER = str(uuid.uuid4())
PROTOCOLS = pytest.mark.parametrize("protocol", ["5", "3.1.1"])


class Register:
    """A client that hears what a kiosk publishes, and answers by hand."""

    def __init__(self, broker: tuple[str, int], protocol: str) -> None:
        self.is_v5 = protocol == "5"
        self.events: queue.Queue[bytes] = queue.Queue()
        self.replayed: queue.Queue[bytes] = queue.Queue()
        self.done: queue.Queue[tuple[ReplayDone, bytes | None]] = queue.Queue()
        subscribed = threading.Event()
        version = paho.MQTTv5 if self.is_v5 else paho.MQTTv311
        self.client = paho.Client(CallbackAPIVersion.VERSION2, protocol=version)
        self.client.on_message = self._on_message
        self.client.on_subscribe = lambda *_: subscribed.set()
        self.client.connect(*broker)
        kinds = ("attendance", REPLAYED, REPLAY_DONE)
        self.client.subscribe([(ADDRESS.topic(kind), 1) for kind in kinds])
        self.client.loop_start()
        assert subscribed.wait(PATIENCE_S)

    def _on_message(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        match message.topic.rpartition("/")[2]:
            case "attendance":
                self.events.put(bytes(message.payload))
            case "replayed":
                self.replayed.put(bytes(message.payload))
            case _:
                done = decode_delivery(bytes(message.payload), ReplayDone)
                data = getattr(message.properties, "CorrelationData", None)
                self.done.put((done, data))

    def confirm(self, outbox: Outbox, sequence: int, outbox_id: str = "") -> None:
        confirmation = Confirmation(
            register_id=REGISTER, outbox_id=outbox_id or outbox.outbox_id, sequence=sequence
        )
        topic = ADDRESS.topic(CONFIRMED)
        self.client.publish(topic, encode_delivery(confirmation), qos=1, retain=True)

    def ask(
        self,
        outbox: Outbox,
        first: int,
        last: int,
        correlation: bytes | None = None,
        outbox_id: str = "",
    ) -> None:
        outbox_id = outbox_id or outbox.outbox_id
        request = ReplayRequest(outbox_id=outbox_id, first=first, last=last)
        properties = None
        if correlation is not None:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
            properties.CorrelationData = correlation
            properties.ResponseTopic = ADDRESS.topic(REPLAY_DONE)
        topic, payload = ADDRESS.topic(REPLAY), encode_delivery(request)
        self.client.publish(topic, payload, qos=1, properties=properties)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


class TrimmedOutbox(Outbox):
    """An outbox on which a test can wait until events were deleted."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.deleted: queue.Queue[int] = queue.Queue()

    def trim(self, now_s: int = 0) -> object:  # type: ignore[override]
        trimmed = super().trim(now_s)
        self.deleted.put(trimmed.deleted)
        return trimmed


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[TrimmedOutbox]:
    with TrimmedOutbox(tmp_path / "outbox.sqlite3") as box:
        yield box


@pytest.fixture
def log() -> Iterator[Log]:
    with kiosk_log() as handler:
        yield handler


Start = Callable[..., Register]


@pytest.fixture
def start(mosquitto: "Mosquitto", outbox: Outbox) -> Iterator[Start]:
    """Start a kiosk with a link, and a register; both end after the test."""
    ends: list[Callable[[], None]] = []

    def run(protocol: str = "5", **options: int) -> Register:
        register = Register(mosquitto.address, protocol)
        ends.append(register.close)
        mqtt = msgspec.convert(
            {"host": mosquitto.host, "port": mosquitto.port, "protocol": protocol, **options},
            MqttSection,
        )
        kiosk = KioskPublisher(mqtt, outbox, retry_s=(0.05, 0.2))
        RegisterLink(
            kiosk.connection,
            outbox,
            ADDRESS,
            window=mqtt.inflight_max // 2,
            confirmed=kiosk.publisher.trim_soon,
        )
        kiosk.start()
        ends.append(lambda: kiosk.stop(1.0))
        while not kiosk.connection._is_connected:
            kiosk.under_way()
        kiosk.under_way()  # the subscriptions are asked for now
        while kiosk.connection._subscriber._asked:
            kiosk.under_way()
        return register

    yield run
    for end in reversed(ends):
        end()


def fill(outbox: Outbox, count: int) -> list[bytes]:
    topic = ADDRESS.topic_of(AttendanceEvent)
    first = outbox.last_sequence() + 1
    for _ in range(count):
        outbox.put(lambda n: (f"id-{n}", topic, f"event {n}".encode()))
    return [f"event {n}".encode() for n in range(first, first + count)]


def take(queue_: "queue.Queue[bytes]", count: int) -> list[bytes]:
    return [queue_.get(timeout=PATIENCE_S) for _ in range(count)]


@PROTOCOLS
def test_a_confirmation_deletes_events_and_a_puback_does_not(
    outbox: TrimmedOutbox, start: Start, protocol: str
) -> None:
    """All events are delivered; those up to the confirmed number go, and the others stay."""
    fill(outbox, 10)
    register = start(protocol)
    take(register.events, 10)
    assert outbox.counts().kept == 10
    register.confirm(outbox, 7)
    while not outbox.deleted.get(timeout=PATIENCE_S):
        pass
    assert [row.sequence for row in outbox.stored(1, 99, 99)] == [8, 9, 10]


@PROTOCOLS
def test_a_retained_confirmation_reaches_a_kiosk_that_comes_back(
    outbox: TrimmedOutbox, start: Start, mosquitto: "Mosquitto", protocol: str
) -> None:
    """What the register confirmed while the kiosk was away is deleted at its next connect."""
    fill(outbox, 5)
    outbox.mark_delivered([1, 2, 3, 4, 5])
    away = Register(mosquitto.address, protocol)
    away.confirm(outbox, 5)
    away.close()
    start(protocol)
    while not outbox.deleted.get(timeout=PATIENCE_S):
        pass
    assert outbox.counts().kept == 0


def test_the_confirmation_of_another_outbox_deletes_nothing(
    outbox: TrimmedOutbox, start: Start
) -> None:
    """After a change of the disk, the numbers of the old outbox mean other events."""
    fill(outbox, 3)
    register = start()
    take(register.events, 3)
    register.confirm(outbox, 3, outbox_id=str(uuid.uuid4()))
    register.ask(outbox, 1, 3)
    assert register.done.get(timeout=PATIENCE_S)[0].gone == ()


def test_a_confirmation_beyond_the_last_event_is_ignored_with_one_line(
    outbox: TrimmedOutbox, start: Start, log: Log
) -> None:
    """A number that was never given deletes nothing, however often it is said."""
    fill(outbox, 3)
    register = start()
    take(register.events, 3)
    register.confirm(outbox, 4)
    register.confirm(outbox, 4)
    register.ask(outbox, 1, 3)
    assert register.done.get(timeout=PATIENCE_S)[0].gone == ()
    assert log.count("ignored: the register sent event 4, which this kiosk never stored") == 1


@pytest.mark.parametrize("payload", [b"{}", b"\xff", b"[" * 100_000, b"null"])
def test_a_malformed_message_is_ignored(
    outbox: TrimmedOutbox, start: Start, log: Log, payload: bytes
) -> None:
    """One line says so, and the next request is answered."""
    fill(outbox, 1)
    register = start()
    register.client.publish(ADDRESS.topic(CONFIRMED), payload, qos=1)
    register.client.publish(ADDRESS.topic(REPLAY), payload, qos=1)
    register.ask(outbox, 1, 1)
    assert register.done.get(timeout=PATIENCE_S)
    assert log.count("ignored: the register sent what is no valid message") == 2


@PROTOCOLS
def test_a_replay_sends_the_same_bytes_in_order_then_says_done(
    outbox: TrimmedOutbox, start: Start, protocol: str
) -> None:
    """Events that were delivered before are sent again on the topic for replayed events."""
    payloads = fill(outbox, 60)
    register = start(protocol)
    take(register.events, 60)
    register.ask(outbox, 11, 50)
    assert take(register.replayed, 40) == payloads[10:50]
    done, _ = register.done.get(timeout=PATIENCE_S)
    assert done == ReplayDone(outbox_id=outbox.outbox_id, first=11, last=50)


def test_a_request_for_another_outbox_is_not_answered(outbox: TrimmedOutbox, start: Start) -> None:
    """After a change of the disk, its numbers would be declared gone, or be other events."""
    fill(outbox, 3)
    register = start()
    register.ask(outbox, 1, 3, outbox_id=str(uuid.uuid4()))
    register.ask(outbox, 2, 2)
    assert register.done.get(timeout=PATIENCE_S)[0].first == 2
    assert take(register.replayed, 1) == [b"event 2"]


def test_the_answer_carries_the_correlation_data_of_the_request(
    outbox: TrimmedOutbox, start: Start
) -> None:
    """In MQTT 5 a register finds the request that an answer belongs to."""
    fill(outbox, 2)
    register = start()
    register.ask(outbox, 1, 1, correlation=b"\x00request 1")
    register.ask(outbox, 2, 2)
    assert register.done.get(timeout=PATIENCE_S)[1] == b"\x00request 1"
    assert register.done.get(timeout=PATIENCE_S)[1] is None


def test_numbers_that_are_gone_are_named(outbox: TrimmedOutbox, start: Start) -> None:
    """Ranges without an event are listed; numbers that were never given are not."""
    fill(outbox, 9)
    with outbox._transaction() as connection:
        connection.execute("DELETE FROM events WHERE sequence IN (1, 2, 5, 9)")
    register = start()
    register.ask(outbox, 1, 20)
    done, _ = register.done.get(timeout=PATIENCE_S)
    assert done.gone == ((1, 2), (5, 5), (9, 9))
    assert (done.first, done.last) == (1, 20)
    assert take(register.replayed, 5) == [f"event {n}".encode() for n in (3, 4, 6, 7, 8)]


def test_many_gaps_are_answered_in_parts(
    outbox: TrimmedOutbox, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer names so many gaps and no more; the register asks for the rest."""
    monkeypatch.setattr(register_link, "_GONE_MAX", 3)
    fill(outbox, 12)
    with outbox._transaction() as connection:
        connection.execute("DELETE FROM events WHERE sequence % 2 = 1")
    register = start()
    register.ask(outbox, 1, 12)
    done, _ = register.done.get(timeout=PATIENCE_S)
    assert (done.first, done.last, done.gone) == (1, 6, ((1, 1), (3, 3), (5, 5)))
    register.ask(outbox, 7, 12)
    assert register.done.get(timeout=PATIENCE_S)[0].gone == ((7, 7), (9, 9), (11, 11))


def test_the_largest_answer_can_be_read() -> None:
    """As many gaps as one answer names, with the largest numbers, are short enough."""
    gone = tuple((SEQUENCE_MAX - 1, SEQUENCE_MAX) for _ in range(register_link._GONE_MAX))
    outbox_id = str(uuid.uuid4())
    done = ReplayDone(outbox_id=outbox_id, first=1, last=SEQUENCE_MAX, gone=gone)
    assert decode_delivery(encode_delivery(done), ReplayDone) == done


def test_an_endless_range_is_answered_in_parts(outbox: TrimmedOutbox, start: Start) -> None:
    """The answer says up to which number it goes; the register asks for the rest."""
    fill(outbox, 3)
    register = start()
    register.ask(outbox, 2, 2**53 - 1)
    done, _ = register.done.get(timeout=PATIENCE_S)
    assert (done.first, done.last, done.gone) == (2, 10_001, ())


def test_new_events_go_out_during_a_replay(outbox: TrimmedOutbox, start: Start) -> None:
    """An event that is stored meanwhile does not wait for the end of a long replay."""
    fill(outbox, 600)
    outbox.mark_delivered(range(1, 601))
    register = start(inflight_max=4)
    register.ask(outbox, 1, 600)
    take(register.replayed, 1)
    assert fill(outbox, 1) == take(register.events, 1)
    assert register.replayed.qsize() < 599
    take(register.replayed, 599)


def test_a_replay_survives_a_restart_of_the_broker(
    outbox: TrimmedOutbox, start: Start, mosquitto: "Mosquitto"
) -> None:
    """What was unanswered is sent again; without a register the replay ends, and can be asked for.

    The kiosk answers the next request.
    """
    fill(outbox, 500)
    outbox.mark_delivered(range(1, 501))
    register = start(inflight_max=2)
    register.ask(outbox, 1, 500)
    take(register.replayed, 20)
    mosquitto.restart()
    again = Register(mosquitto.address, "5")
    for _ in range(100):  # the kiosk may not have subscribed again yet
        again.ask(outbox, 490, 500)
        with contextlib.suppress(queue.Empty):
            if again.done.get(timeout=PATIENCE_S / 100)[0].first == 490:
                break
    else:
        pytest.fail("no answer came")
    again.close()
