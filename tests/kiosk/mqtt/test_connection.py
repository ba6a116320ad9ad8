"""The connection, against a real Mosquitto: subscriptions, acknowledgement, announcements."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest
from paho.mqtt.client import MQTTMessage

from kiosk.config.mqtt import MqttSection
from kiosk.errors import BrokerError
from kiosk.mqtt.announcements import Announcement
from kiosk.mqtt.connection import Connection
from kiosk.mqtt.subscriber import Message
from kiosk.mqtt.worker import ConnectionWorker
from kiosk.outbox.outbox import Outbox
from kiosk.protocol.event import AttendanceEvent
from tests.kiosk.mqtt.support import ADDRESS, KioskPublisher, kiosk_log
from tests.mosquitto import PATIENCE_S, Mosquitto, kind_filter

PROTOCOLS = pytest.mark.parametrize("protocol", ["5", "3.1.1"])


class Consumer:
    """A connection driven by the test, which keeps what comes in without acknowledging it."""

    def __init__(self, connection: Connection, *filters: str) -> None:
        self.connection = connection
        self.messages: list[Message] = []
        for topic_filter in filters:
            connection.subscribe(topic_filter, self.messages.append)
        connection.open()

    def step_until(self, is_done: Callable[[], bool]) -> None:
        deadline_s = time.monotonic() + PATIENCE_S
        while not is_done():
            assert time.monotonic() < deadline_s, "it did not come"
            self.connection.step(0.1)

    def take(self, count: int) -> list[Message]:
        """Wait for so many messages; return them."""
        self.step_until(lambda: len(self.messages) >= count)
        taken = self.messages[:count]
        del self.messages[:count]
        return taken

    def nothing_comes(self) -> bool:
        """Whether nothing came in a time in which a broker on this machine would have sent it."""
        for _ in range(5):
            self.connection.step(0.1)
        return not self.messages

    def subscribed(self) -> "Consumer":
        self.step_until(lambda: self.connection._is_connected)
        self.step_until(lambda: not self.connection._subscriber._asked)
        return self

    def settled(self) -> None:
        """Wait until everything that was published is answered."""
        connection = self.connection
        self.step_until(lambda: not connection._announcements._due and not len(connection._sender))

    def lose_connection(self) -> None:
        """Cut the TCP connection, without DISCONNECT, once all PUBACKs are on their way."""
        self.step_until(lambda: not self.connection._client.want_write())
        link = self.connection._client.socket()
        assert isinstance(link, socket.socket)
        link.shutdown(socket.SHUT_RDWR)
        self.step_until(lambda: not self.connection._is_connected)


Consume = Callable[..., Consumer]


@pytest.fixture
def consume(mosquitto: Mosquitto) -> Iterator[Consume]:
    """Open connections to the test's broker, which are closed after the test."""
    with ExitStack() as stack:

        def start(*filters: str, protocol: str = "5", **options: object) -> Consumer:
            values = {"host": mosquitto.host, "port": mosquitto.port, "protocol": protocol}
            mqtt = msgspec.convert(values, MqttSection)
            options = {"client_id": "register", "retry_s": (0.05, 0.1), **options}
            connection = Connection(mqtt, **options)  # type: ignore[arg-type]
            stack.callback(connection.close, 1.0)
            return Consumer(connection, *filters)

        yield start


def publish(mosquitto: Mosquitto, *payloads: bytes, topic: str = "t") -> None:
    """Publish with QoS 1, and wait until the broker has the messages."""
    client = mosquitto.listen("unused").client
    for payload in payloads:
        client.publish(topic, payload, 1).wait_for_publish(PATIENCE_S)


def accept_unacknowledged(
    count: int, mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Have the broker send so many unacknowledged messages at most."""
    mosquitto.configure("allow_anonymous true", f"max_inflight_messages {count}")
    mosquitto.restart()
    # In MQTT 5, Mosquitto uses the client's limit instead of its own.
    monkeypatch.setattr("kiosk.mqtt.client._RECEIVE_MAXIMUM", count)


def payloads(messages: list[Message]) -> list[bytes]:
    return [message.payload for message in messages]


@PROTOCOLS
def test_an_unacknowledged_message_is_delivered_again_after_a_reconnection(
    mosquitto: Mosquitto, consume: Consume, protocol: str
) -> None:
    """With a persistent session, only what was acknowledged does not come again."""
    consumer = consume("t", protocol=protocol, persistent=True).subscribed()
    publish(mosquitto, b"1", b"2", b"3")
    first, *_ = consumer.take(3)
    first.acknowledge()
    consumer.lose_connection()
    again = consumer.take(2)
    assert payloads(again) == [b"2", b"3"]
    for message in again:
        message.acknowledge()
    assert consumer.nothing_comes()
    consumer.lose_connection()
    publish(mosquitto, b"4")
    assert payloads(consumer.take(1)) == [b"4"]


@PROTOCOLS
def test_a_restarted_process_gets_what_was_not_acknowledged(
    mosquitto: Mosquitto, consume: Consume, protocol: str
) -> None:
    """So does a message that came while no process was connected, in the order of publishing."""
    earlier = consume("t", protocol=protocol, persistent=True).subscribed()
    publish(mosquitto, b"stored", b"lost")
    earlier.take(2)[0].acknowledge()
    earlier.connection.close(PATIENCE_S)
    publish(mosquitto, b"missed")
    later = consume("t", protocol=protocol, persistent=True)
    assert payloads(later.take(2)) == [b"lost", b"missed"]


@PROTOCOLS
def test_a_restarted_broker_delivers_what_was_not_acknowledged_again(
    mosquitto: Mosquitto, consume: Consume, protocol: str
) -> None:
    """A broker that stores its sessions has the message after its own restart, too."""
    mosquitto.persist()
    mosquitto.restart()
    consumer = consume("t", protocol=protocol, persistent=True).subscribed()
    publish(mosquitto, b"event")
    consumer.take(1)
    mosquitto.restart()
    assert payloads(consumer.take(1)) == [b"event"]


@PROTOCOLS
def test_messages_may_be_acknowledged_late_and_out_of_order(
    mosquitto: Mosquitto, consume: Consume, monkeypatch: pytest.MonkeyPatch, protocol: str
) -> None:
    """The broker gets the PUBACKs in order: none goes before the first message is acknowledged."""
    accept_unacknowledged(3, mosquitto, monkeypatch)
    consumer = consume("t", protocol=protocol, persistent=True).subscribed()
    publish(mosquitto, b"1", b"2", b"3", b"4", b"5")
    first, second, third = consumer.take(3)
    third.acknowledge()
    second.acknowledge()
    assert consumer.nothing_comes()
    first.acknowledge()
    fourth, fifth = consumer.take(2)
    assert payloads([fourth, fifth]) == [b"4", b"5"]
    fifth.acknowledge()
    consumer.lose_connection()
    # The PUBACK of the fifth had to wait for the fourth's, so both come again.
    assert payloads(consumer.take(2)) == [b"4", b"5"]


@PROTOCOLS
def test_a_late_acknowledgement_does_not_count_on_a_new_connection(
    mosquitto: Mosquitto, consume: Consume, protocol: str
) -> None:
    """A message of the earlier connection is acknowledged by its repeat, and not by a packet id."""
    consumer = consume("t", protocol=protocol, persistent=True).subscribed()
    publish(mosquitto, b"event")
    (before,) = consumer.take(1)
    consumer.lose_connection()
    consumer.take(1)
    before.acknowledge()
    consumer.lose_connection()
    (again,) = consumer.take(1)
    again.acknowledge()
    assert consumer.nothing_comes()
    consumer.lose_connection()
    consumer.subscribed()
    assert consumer.nothing_comes()


@PROTOCOLS
def test_a_batch_is_stored_and_then_acknowledged(
    mosquitto: Mosquitto, consume: Consume, tmp_path: Path, protocol: str
) -> None:
    """Steps with a time of 0 empty the inbox; a crash before the commit loses nothing."""
    consumer = consume("t", protocol=protocol, persistent=True).subscribed()
    events = [str(number).encode() for number in range(30)]
    publish(mosquitto, *events)
    stored: list[bytes] = []
    consumer.step_until(lambda: bool(consumer.messages))
    while len(consumer.messages) < 20 and consumer.connection.step(0):
        pass
    consumer.lose_connection()  # a crash before the commit
    consumer.messages.clear()
    while len(stored) < 30:
        consumer.step_until(lambda: bool(consumer.messages))
        while consumer.connection.step(0):
            pass
        batch = consumer.take(len(consumer.messages))
        (tmp_path / "database").write_bytes(b"".join(payloads(batch)))
        stored += payloads(batch)
        for message in batch:
            message.acknowledge()
    assert stored == events
    assert consumer.nothing_comes()
    consumer.connection.close(PATIENCE_S)
    assert consume("t", protocol=protocol, persistent=True).subscribed().nothing_comes()


@PROTOCOLS
def test_a_kiosk_publishes_and_subscribes_on_one_connection(
    mosquitto: Mosquitto, tmp_path: Path, protocol: str
) -> None:
    """Commands reach the handler while events go out, also after the broker was restarted."""
    values = {"host": mosquitto.host, "port": mosquitto.port, "protocol": protocol}
    listener = mosquitto.listen(kind_filter("attendance"))
    topic = f"kiosk/v1/{ADDRESS.site}/{ADDRESS.room}/{ADDRESS.kiosk}/command"
    with Outbox(tmp_path / "outbox.sqlite3") as outbox, kiosk_log() as log:
        kiosk = KioskPublisher(msgspec.convert(values, MqttSection), outbox, retry_s=(0.05, 0.1))
        commands: list[bytes] = []

        def obey(message: Message) -> None:
            commands.append(message.payload)
            event = b"answer to " + message.payload
            answers = ADDRESS.topic_of(AttendanceEvent)
            outbox.put(lambda number: (f"id-{number}", answers, event))
            message.acknowledge()

        kiosk.connection.subscribe(topic, obey)
        kiosk.start()
        assert b"online" in mosquitto.listen(ADDRESS.availability).next()[1]
        publish(mosquitto, b"1", topic=topic)
        assert listener.payloads(1) == [b"answer to 1"]
        mosquitto.restart()
        log.wait_for("is connected again")
        assert b"online" in mosquitto.listen(ADDRESS.availability).next()[1]
        listener = mosquitto.listen(kind_filter("attendance"))
        kiosk.under_way()
        publish(mosquitto, b"2", topic=topic)
        assert listener.payloads(1) == [b"answer to 2"]
        kiosk.stop(PATIENCE_S)
        assert len(outbox) == 0
        kiosk.check()
    assert commands == [b"1", b"2"]


def test_every_announcement_is_published_again_at_every_connect(
    mosquitto: Mosquitto, consume: Consume
) -> None:
    """After a restart of the broker, which forgot them, the last one of each topic is retained."""
    kiosk = consume()
    for topic, payload in (("availability", b"online"), ("health", b"1"), ("health", b"2")):
        kiosk.connection.announce(Announcement(topic, payload))
    kiosk.step_until(lambda: kiosk.connection._is_connected)
    kiosk.connection.announce(Announcement("health", b"3"))
    for _ in range(2):
        kiosk.settled()
        listener = mosquitto.listen("health", "availability")
        heard = [listener.next()[:2] for _ in range(2)]
        assert sorted(heard) == [("availability", b"online"), ("health", b"3")]
        mosquitto.restart()
        kiosk.step_until(lambda: not kiosk.connection._is_connected)
        kiosk.step_until(lambda: kiosk.connection._is_connected)


def test_an_announcement_waits_until_what_was_sent_before_is_answered(
    mosquitto: Mosquitto, consume: Consume
) -> None:
    """It never exceeds the number of messages that the broker takes unanswered."""
    mosquitto.configure("allow_anonymous true", "max_inflight_messages 1")
    mosquitto.restart()
    kiosk = consume()
    kiosk.step_until(lambda: kiosk.connection.room == 1)
    answered: list[bool] = []
    mosquitto.freeze()
    kiosk.connection.publish("t", b"event", lambda reason: answered.append(not reason.is_failure))
    kiosk.connection.announce(Announcement("health", b"1"))
    kiosk.connection.step(0)
    assert list(kiosk.connection._announcements._due) == ["health"]
    mosquitto.thaw()
    kiosk.step_until(lambda: kiosk.connection.room == 1)
    assert answered == [True]
    assert mosquitto.listen("health").next() == ("health", b"1", True)


@PROTOCOLS
def test_subscriptions_are_made_again_at_every_connect(
    mosquitto: Mosquitto, consume: Consume, protocol: str
) -> None:
    """After a restart of the broker without its sessions, messages are delivered again."""
    consumer = consume("t", protocol=protocol, persistent=True).subscribed()
    mosquitto.restart()
    consumer.step_until(lambda: not consumer.connection._is_connected)
    consumer.subscribed()
    consumer.connection.subscribe("late", consumer.messages.append)
    consumer.subscribed()
    publish(mosquitto, b"1")
    publish(mosquitto, b"2", topic="late")
    assert payloads(consumer.take(2)) == [b"1", b"2"]


@PROTOCOLS
def test_a_refused_subscription_is_logged_once(
    mosquitto: Mosquitto, consume: Consume, protocol: str
) -> None:
    """One line names the filter; the connection and its other subscriptions go on."""
    mosquitto.forbid_subscriptions_except("allowed/#")
    mosquitto.restart()
    with kiosk_log() as log:
        consumer = consume("forbidden", "allowed/#", protocol=protocol).subscribed()
        consumer.lose_connection()
        consumer.subscribed()
    assert log.count("refuses the subscription to forbidden") == 1
    assert log.count("refuses the subscription") == 1
    publish(mosquitto, b"1", topic="allowed/t")
    assert payloads(consumer.take(1)) == [b"1"]


def test_a_refused_subscription_ends_a_connection_that_fails_fast(
    mosquitto: Mosquitto, consume: Consume
) -> None:
    """A foreground program gets the refusal as an error."""
    mosquitto.forbid_subscriptions_except("allowed/#")
    mosquitto.restart()
    with pytest.raises(BrokerError, match="refuses the subscription to forbidden"):
        consume("forbidden", fail_fast=True).subscribed()


def test_a_connection_that_failed_fast_closes_without_another_error(
    mosquitto: Mosquitto, consume: Consume
) -> None:
    """Further failures, while the network thread ends, do not hide the first."""
    mosquitto.stop()
    consumer = consume(fail_fast=True)
    with pytest.raises(BrokerError, match="cannot be reached"):
        consumer.subscribed()
    time.sleep(0.3)  # paho tries again meanwhile
    consumer.connection.close(PATIENCE_S)
    assert consumer.connection._network_ended


@PROTOCOLS
def test_a_message_that_no_subscription_matches_is_acknowledged(
    mosquitto: Mosquitto, consume: Consume, monkeypatch: pytest.MonkeyPatch, protocol: str
) -> None:
    """What an earlier version subscribed to in this session does not block the rest."""
    accept_unacknowledged(1, mosquitto, monkeypatch)
    earlier = consume("old", "new", protocol=protocol, persistent=True).subscribed()
    earlier.connection.close(PATIENCE_S)
    publish(mosquitto, b"1", topic="old")
    publish(mosquitto, b"2", topic="new")
    later = consume("new", protocol=protocol, persistent=True)
    assert payloads(later.take(1)) == [b"2"]


def test_the_first_matching_subscription_gets_a_message(
    mosquitto: Mosquitto, consume: Consume
) -> None:
    """A message is handled once, by the first of two filters that match, and says if retained."""
    mosquitto.listen("unused").client.publish("a/b", b"1", 1, True).wait_for_publish(PATIENCE_S)
    second: list[Message] = []
    consumer = consume("a/b")
    consumer.connection.subscribe("a/#", second.append)
    (message,) = consumer.take(1)
    assert (message.topic, message.payload, message.retained) == ("a/b", b"1", True)
    assert second == []


def test_messages_that_come_during_the_close_are_left_to_the_broker(
    mosquitto: Mosquitto, consume: Consume
) -> None:
    """What is in the inbox when the connection closes is not delivered, and comes again."""
    consumer = consume("t", persistent=True).subscribed()
    publish(mosquitto, b"1")
    consumer.connection.close(PATIENCE_S)
    assert consumer.messages == []
    assert payloads(consume("t", persistent=True).take(1)) == [b"1"]


def test_a_topic_that_is_not_utf8_is_acknowledged_and_dropped(consume: Consume) -> None:
    """A broker that breaks the specification cannot end the network thread."""
    consumer = consume("#").subscribed()
    message = MQTTMessage(mid=1, topic=b"\xff")
    message.payload = b"1"
    consumer.connection._inbox._on_message(consumer.connection._client, None, message)
    assert consumer.nothing_comes()


def test_a_failing_handler_is_reported(mosquitto: Mosquitto) -> None:
    """The thread ends, and check raises with the cause; the message stays unacknowledged."""
    mqtt = MqttSection(host=mosquitto.host, port=mosquitto.port)
    connection = Connection(mqtt, "register")
    worker = ConnectionWorker(connection)

    def fail(message: Message) -> None:
        raise OSError(f"no space for {message.payload!r}")

    connection.subscribe("t", fail)
    mosquitto.listen("unused").client.publish("t", b"1", 1, True).wait_for_publish(PATIENCE_S)
    with kiosk_log() as log:
        worker.check()
        worker.start()
        log.wait_for("MQTT thread failed")
    worker._thread.join(PATIENCE_S)
    with pytest.raises(BrokerError, match="no space for b'1'"):
        worker.check()
    connection._client.disconnect()


def test_the_fault_of_a_connection_is_known_while_it_lasts(
    mosquitto: Mosquitto, consume: Consume
) -> None:
    """For `kiosk status`: not answered yet, then nothing, then why the broker is away."""
    mosquitto.stop()
    consumer = consume()
    outage = consumer.connection.outage
    assert outage.fault.endswith("has not answered yet")
    consumer.step_until(lambda: "is unreachable" in outage.fault)
    mosquitto.start()
    consumer.step_until(lambda: not outage.fault)
    mosquitto.password("register", "secret")
    mosquitto.restart()
    consumer.step_until(lambda: "check mqtt.username and mqtt.password_file" in outage.fault)
