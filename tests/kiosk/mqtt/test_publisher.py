"""Publishing, against a real Mosquitto: nothing is lost, whatever the broker does."""

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from kiosk.config.mqtt import MqttSection
from kiosk.errors import BrokerError, ConfigError
from kiosk.mqtt.client import read_password
from kiosk.outbox.outbox import Outbox
from kiosk.outbox.rows import Counts, Row
from kiosk.protocol.event import AttendanceEvent
from tests.kiosk.mqtt.proxy import Proxy
from tests.kiosk.mqtt.support import ADDRESS, KioskPublisher, Log, kiosk_log
from tests.mosquitto import PATIENCE_S, kind_filter

if TYPE_CHECKING:
    from tests.mosquitto import Mosquitto

PROTOCOLS = pytest.mark.parametrize("protocol", ["5", "3.1.1"])


class WatchedOutbox(Outbox):
    """An outbox on which a test can wait until enough was delivered."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.delivered: queue.Queue[int] = queue.Queue()
        self.commits = 0

    def mark_delivered(self, sequences: Sequence[int], now_s: int = 0) -> None:
        super().mark_delivered(sequences, now_s)
        self.commits += 1
        for sequence in sequences:
            self.delivered.put(sequence)

    def wait(self, count: int) -> list[int]:
        return [self.delivered.get(timeout=PATIENCE_S) for _ in range(count)]

    def fill(self, count: int, prefix: str = "s") -> list[bytes]:
        """Store events; return their payloads, which are as unique as their ids."""
        topic = ADDRESS.topic_of(AttendanceEvent)
        payloads = []
        for number in range(count):
            payload = f"{prefix}{number}".encode()
            self.put(lambda n, p=payload: (f"id-{n}", topic, p))  # type: ignore[misc]
            payloads.append(payload)
        return payloads


@pytest.fixture
def log() -> Iterator[Log]:
    with kiosk_log() as handler:
        yield handler


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[WatchedOutbox]:
    with WatchedOutbox(tmp_path / "outbox.sqlite3") as box:
        yield box


@pytest.fixture
def publish(mosquitto: "Mosquitto", outbox: Outbox) -> Iterator[Callable[..., KioskPublisher]]:
    """Start publishers to the test's broker, which are stopped after the test."""
    started = []
    # Without a subscriber the broker answers 0x10, which is no delivery.
    mosquitto.listen(kind_filter("attendance"), client_id="somebody")

    def start(password: str = "", **options: str | int) -> KioskPublisher:
        section = msgspec.convert(
            {"host": mosquitto.host, "port": mosquitto.port, **options}, MqttSection
        )
        publisher = KioskPublisher(section, outbox, password=password, retry_s=(0.05, 0.2))
        publisher.start()
        started.append(publisher)
        return publisher

    yield start
    for publisher in started:
        publisher.stop(1.0)


def counted(tries: threading.Semaphore, callback: Callable[..., object]) -> Callable[..., None]:
    """Wrap one of paho's callbacks so that a test can wait for it."""

    def call(*args: object) -> None:
        callback(*args)
        tries.release()

    return call


def state(message: tuple[str, bytes, bool]) -> str:
    return str(json.loads(message[1])["state"])


@PROTOCOLS
def test_events_go_out_once_in_order_and_leave_after_puback(
    mosquitto: "Mosquitto",
    outbox: WatchedOutbox,
    publish: Callable[..., KioskPublisher],
    protocol: str,
) -> None:
    """Events from before and after the start arrive in order, each once, none retained."""
    listener = mosquitto.listen(kind_filter("attendance"))
    expected = outbox.fill(30, "before")
    publisher = publish(protocol=protocol, inflight_max=4)
    outbox.wait(30)
    for number in range(5):
        expected += outbox.fill(1, f"after{number}-")
        publisher.notify()
    outbox.wait(5)
    publisher.stop(PATIENCE_S)
    assert listener.payloads(35) == expected
    assert listener.heard.empty()
    assert len(outbox) == 0
    late = mosquitto.listen(kind_filter("attendance"), kind_filter("availability"))
    assert late.next()[0] == ADDRESS.availability


def test_a_row_stays_until_the_broker_has_acknowledged_it(
    mosquitto: "Mosquitto",
    outbox: WatchedOutbox,
    publish: Callable[..., KioskPublisher],
) -> None:
    """While a frozen broker owes its PUBACKs, sent rows stay; when it thaws, they go."""
    publisher = publish(inflight_max=3)
    outbox.fill(1, "first")
    publisher.notify()
    outbox.wait(1)
    mosquitto.freeze()
    outbox.fill(5)
    assert publisher.under_way() == 3
    assert [row.sequence for row in outbox.pending(9)] == [2, 3, 4, 5, 6]
    mosquitto.thaw()
    assert outbox.wait(5) == [2, 3, 4, 5, 6]


@PROTOCOLS
def test_without_a_broker_at_the_start_nothing_is_lost(
    mosquitto: "Mosquitto",
    outbox: WatchedOutbox,
    publish: Callable[..., KioskPublisher],
    log: Log,
    protocol: str,
) -> None:
    """Events stored before the broker starts arrive in order once it runs."""
    mosquitto.persist()
    mosquitto.restart()
    listener = mosquitto.listen(kind_filter("attendance"), client_id="register")
    mosquitto.stop()
    publisher = publish(protocol=protocol)
    expected = outbox.fill(25)
    publisher.notify()
    log.wait_for("is unreachable (")
    mosquitto.start()
    outbox.wait(25)
    assert listener.payloads(25) == expected


@PROTOCOLS
def test_when_the_broker_is_killed_nothing_is_lost(
    mosquitto: "Mosquitto",
    outbox: WatchedOutbox,
    publish: Callable[..., KioskPublisher],
    protocol: str,
) -> None:
    """Killed with messages unanswered and more pending, then restarted: all arrive, in order."""
    mosquitto.persist()
    mosquitto.restart()
    listener = mosquitto.listen(kind_filter("attendance"), client_id="register")
    publisher = publish(protocol=protocol, inflight_max=5)
    expected = outbox.fill(10, "before")
    publisher.notify()
    heard = listener.payloads(10)
    outbox.wait(10)
    mosquitto.freeze()
    expected += outbox.fill(20, "during")
    assert publisher.under_way() == 5
    mosquitto.kill()
    expected += outbox.fill(5, "while away")
    publisher.notify()
    mosquitto.start()
    outbox.wait(25)
    while len(set(heard)) < len(expected):
        heard += listener.payloads(1)
    assert list(dict.fromkeys(heard)) == expected
    publisher.check()


def test_an_outage_is_one_line_and_its_end_another(
    mosquitto: "Mosquitto", outbox: WatchedOutbox, publish: Callable[..., KioskPublisher], log: Log
) -> None:
    """The log has one line when the broker stops and one when it is back, however many attempts.

    Neither line holds a subject id.
    """
    publisher = publish()
    log.wait_for("connected to MQTT broker")
    tries = threading.Semaphore(0)
    assert publisher.client.on_connect_fail is not None
    publisher.client.on_connect_fail = counted(tries, publisher.client.on_connect_fail)
    mosquitto.stop()
    log.wait_for("is unreachable")
    for _ in range(5):
        assert tries.acquire(timeout=PATIENCE_S)
    outbox.fill(1, "pupil")
    mosquitto.start()
    log.wait_for("is connected again after")
    outbox.wait(1)
    assert log.count("is unreachable") == 1
    assert log.count("is connected again") == 1
    assert len(log.lines) == 3
    assert log.count("pupil") == 0


@PROTOCOLS
def test_a_wrong_password_is_one_line_with_the_keys_and_is_tried_again(
    mosquitto: "Mosquitto",
    outbox: WatchedOutbox,
    publish: Callable[..., KioskPublisher],
    log: Log,
    protocol: str,
) -> None:
    """The line names both keys, not the password; the kiosk connects when the password is right."""
    mosquitto.password("kiosk", "right")
    mosquitto.restart()
    outbox.fill(1)
    publisher = publish(protocol=protocol, username="kiosk", password="wr0ng")
    line = log.wait_for("refuses the connection")
    assert "mqtt.username" in line
    assert "mqtt.password_file" in line
    tries = threading.Semaphore(0)
    assert publisher.client.on_connect is not None
    publisher.client.on_connect = counted(tries, publisher.client.on_connect)
    for _ in range(3):
        assert tries.acquire(timeout=PATIENCE_S)
    mosquitto.password("kiosk", "wr0ng")
    mosquitto.restart()
    log.wait_for("is connected again")
    assert log.count("refuses the connection") == 1
    assert log.count("is unreachable") == 0
    assert log.count("wr0ng") == 0
    publisher.check()


@PROTOCOLS
def test_the_right_password_is_accepted(
    mosquitto: "Mosquitto", publish: Callable[..., KioskPublisher], log: Log, protocol: str
) -> None:
    """With the broker's username and password, the kiosk connects."""
    mosquitto.password("kiosk", "right")
    mosquitto.restart()
    publish(protocol=protocol, username="kiosk", password="right")
    assert "connected to" in log.wait_for("MQTT broker")


def test_an_event_that_the_broker_refuses_stays_and_is_sent_again(
    mosquitto: "Mosquitto",
    outbox: WatchedOutbox,
    publish: Callable[..., KioskPublisher],
    log: Log,
) -> None:
    """On a forbidden topic the rows stay and one line is logged; they go when it is allowed."""
    acl = mosquitto.folder / "acl"
    allowed = f"topic write {ADDRESS.availability}\ntopic read #\n"
    acl.write_text(allowed)
    mosquitto.configure("allow_anonymous true", f"acl_file {acl}")
    mosquitto.restart()
    listener = mosquitto.listen(kind_filter("attendance"))
    publisher = publish(inflight_max=2)
    expected = outbox.fill(5)
    publisher.notify()
    log.wait_for("refuses the events on")
    offers = threading.Semaphore(0)
    assert publisher.client.on_publish is not None
    publisher.client.on_publish = counted(offers, publisher.client.on_publish)
    for _ in range(11):
        assert offers.acquire(timeout=PATIENCE_S)
    assert len(outbox) == 5
    assert log.count("refuses the events on") == 1
    acl.write_text(allowed + f"topic write {ADDRESS.topic_of(AttendanceEvent)}\n")
    mosquitto.reload()
    log.wait_for("accepts the events on")
    assert sorted(outbox.wait(5)) == [1, 2, 3, 4, 5]
    assert sorted(listener.payloads(5)) == sorted(expected)


def test_without_a_subscriber_events_are_kept_and_do_not_go_out_in_a_loop(
    mosquitto: "Mosquitto", outbox: WatchedOutbox, log: Log
) -> None:
    """PUBACK 0x10 is no delivery; a few events are sent until somebody subscribes, then all.

    Of 300 events at most the window of 20 goes out at once, then one at each retry.
    """
    expected = outbox.fill(300)
    section = MqttSection(host=mosquitto.host, port=mosquitto.port)
    kiosk = KioskPublisher(section, outbox, retry_s=(0.05, 0.5))
    answers: list[int] = []
    on_publish = kiosk.client.on_publish
    assert on_publish is not None
    retried = threading.Event()

    def count(*arguments: Any) -> None:  # noqa: ANN401 - paho's
        answers.append(arguments[3].value)
        on_publish(*arguments)
        if len(answers) == 25:
            retried.set()

    kiosk.client.on_publish = count
    kiosk.start()
    log.wait_for("has no subscriber to")
    began_s = time.monotonic()
    assert retried.wait(PATIENCE_S)
    assert time.monotonic() - began_s > 1.0
    assert outbox.counts() == Counts(kept=300, undelivered=300, dropped=0)
    assert answers.count(0x10) > 20
    listener = mosquitto.listen(kind_filter("attendance"))
    log.wait_for("accepts the events on")
    assert sorted(listener.payloads(300)) == sorted(expected)
    kiosk.stop(PATIENCE_S)
    assert outbox.counts() == Counts(kept=300, undelivered=0, dropped=0)
    assert log.count("has no subscriber to") == 1


def test_in_mqtt_3_1_1_an_event_that_nobody_got_is_still_kept(
    mosquitto: "Mosquitto", outbox: WatchedOutbox
) -> None:
    """The broker acknowledges it, and cannot say more: it stays for the register to ask for."""
    section = MqttSection(host=mosquitto.host, port=mosquitto.port, protocol="3.1.1")
    kiosk = KioskPublisher(section, outbox)
    outbox.fill(3)
    kiosk.start()
    outbox.wait(3)
    kiosk.stop(PATIENCE_S)
    assert outbox.counts() == Counts(kept=3, undelivered=0, dropped=0)


def test_acknowledgements_are_stored_together(
    outbox: WatchedOutbox, publish: Callable[..., KioskPublisher]
) -> None:
    """Many PUBACKs share a commit, which costs a disk access."""
    outbox.fill(200)
    publish(inflight_max=100)
    outbox.wait(200)
    assert outbox.commits < 50


def test_acknowledgements_wait_while_nothing_can_be_written(
    outbox: WatchedOutbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are marked once the disk can be written again, so that no event is sent twice."""
    for name in ("_MARK_S", "_FAULT_S"):
        monkeypatch.setattr(f"kiosk.mqtt.publisher.{name}", 0.0)
    publisher = KioskPublisher(MqttSection(host="127.0.0.1"), outbox).publisher
    outbox.fill(1)
    publisher._on_answer(1, "a topic", ReasonCode(PacketTypes.PUBACK))
    for query_only, left in (("ON", 1), ("OFF", 0)):
        outbox._connection.execute(f"PRAGMA query_only = {query_only}")
        publisher._take_turn()
        assert len(outbox) == left


@PROTOCOLS
def test_acknowledgements_that_never_come_lead_to_a_new_connection(
    mosquitto: "Mosquitto", outbox: WatchedOutbox, log: Log, protocol: Literal["5", "3.1.1"]
) -> None:
    """A proxy swallows every PUBACK: the kiosk connects again, says so once, and loses nothing."""
    listener = mosquitto.listen(kind_filter("attendance"))
    with Proxy(mosquitto.address) as proxy:
        proxy.swallows.set()
        section = MqttSection(host=mosquitto.host, port=proxy.port, protocol=protocol)
        kiosk = KioskPublisher(section, outbox, retry_s=(0.05, 0.2), answer_s=0.5)
        expected = outbox.fill(50)
        kiosk.start()
        log.wait_for("has not acknowledged 20 messages in time")
        while proxy.connections < 3:
            time.sleep(0.05)
        proxy.swallows.clear()
        outbox.wait(50)
        assert "acknowledges messages again" in log.wait_for("acknowledges")
        kiosk.stop(PATIENCE_S)
    heard: list[bytes] = []
    while len(set(heard)) < 50:
        heard += listener.payloads(1)
    assert list(dict.fromkeys(heard)) == expected
    assert proxy.swallowed >= 20
    assert log.count("has not acknowledged") == 1
    assert log.count("unreachable") + log.count("connected again") == 0


def test_a_slow_broker_is_not_taken_for_a_silent_one(
    mosquitto: "Mosquitto", outbox: WatchedOutbox, log: Log
) -> None:
    """While each message is answered in time, the connection stays."""
    mosquitto.listen(kind_filter("attendance"))
    with Proxy(mosquitto.address) as proxy:
        section = MqttSection(host=mosquitto.host, port=proxy.port)
        kiosk = KioskPublisher(section, outbox, answer_s=1.0)
        kiosk.start()
        for _ in range(20):
            outbox.fill(1)
            kiosk.notify()
            outbox.wait(1)
            time.sleep(0.1)
        kiosk.stop(PATIENCE_S)
    assert proxy.connections == 1
    assert log.count("has not acknowledged") == 0


def test_a_retry_that_is_due_during_an_outage_does_not_stay_due(
    outbox: WatchedOutbox,
) -> None:
    """Otherwise the thread would no longer wait, and use a CPU core."""
    publisher = KioskPublisher(MqttSection(host="127.0.0.1"), outbox)
    outbox.fill(1)
    publisher.publisher._progress.take(outbox.pending(1), -1e9)
    publisher.publisher._progress.refuse(1, now_s=-1e9)
    assert publisher.publisher._take_turn() > time.monotonic()


def test_the_receive_maximum_of_the_broker_is_respected(
    mosquitto: "Mosquitto", outbox: WatchedOutbox, publish: Callable[..., KioskPublisher], log: Log
) -> None:
    """A broker that takes 3 messages unacknowledged (Receive Maximum) gets no more at once."""
    mosquitto.configure("allow_anonymous true", "max_inflight_messages 3")
    mosquitto.restart()
    outbox.fill(10, "first")
    publisher = publish(inflight_max=100)
    outbox.wait(10)
    mosquitto.freeze()
    outbox.fill(10)
    assert publisher.under_way() == 3
    mosquitto.thaw()
    outbox.wait(10)
    assert log.count("is unreachable") == 0


@PROTOCOLS
def test_availability_is_retained_and_follows_a_clean_stop(
    mosquitto: "Mosquitto",
    publish: Callable[..., KioskPublisher],
    protocol: str,
) -> None:
    """A later subscriber still gets "online", and "offline" after a stop."""
    early = mosquitto.listen(kind_filter("availability"))
    publisher = publish(protocol=protocol)
    assert state(early.next()) == "online"
    topic, payload, retained = mosquitto.listen(kind_filter("availability")).next()
    assert (topic, retained) == (ADDRESS.availability, True)
    assert json.loads(payload) == {"state": "online", "boot_id": "boot-1", "version": "0.1.0"}
    publisher.stop(PATIENCE_S)
    assert state(early.next()) == "offline"
    late = mosquitto.listen(kind_filter("availability")).next()
    assert (state(late), late[2]) == ("offline", True)


def test_the_broker_says_offline_for_a_kiosk_that_is_killed(
    mosquitto: "Mosquitto", tmp_path: Path
) -> None:
    """When the process is killed, other clients get "offline" (the will), which is retained."""
    script = (
        "import sys, signal; from pathlib import Path\n"
        "from kiosk.config.mqtt import MqttSection; from kiosk.outbox.outbox import Outbox\n"
        "from kiosk.mqtt.publisher import Publisher, kiosk_connection\n"
        "from kiosk.mqtt.worker import ConnectionWorker\n"
        "from kiosk.protocol.availability import Availability\n"
        "from kiosk.protocol.topics import KioskAddress\n"
        "online = Availability(state='online', boot_id='b', version='v')\n"
        "mqtt = MqttSection(host=sys.argv[1], port=int(sys.argv[2]))\n"
        "outbox = Outbox(Path(sys.argv[3]))\n"
        "connection = kiosk_connection(mqtt, KioskAddress('school', 'r', 'k'), online)\n"
        "publisher = Publisher(connection, outbox)\n"
        "ConnectionWorker(connection).start()\n"
        "signal.pause()"
    )
    listener = mosquitto.listen(kind_filter("availability"))
    arguments = [mosquitto.host, str(mosquitto.port), str(tmp_path / "outbox.sqlite3")]
    kiosk = subprocess.Popen([sys.executable, "-c", script, *arguments])
    try:
        assert state(listener.next()) == "online"
    finally:
        os.kill(kiosk.pid, signal.SIGKILL)
        kiosk.wait()
    assert state(listener.next()) == "offline"
    late = mosquitto.listen(kind_filter("availability")).next()
    assert (state(late), late[2]) == ("offline", True)


def test_a_kiosk_that_reconnects_says_online_again(
    mosquitto: "Mosquitto",
    publish: Callable[..., KioskPublisher],
) -> None:
    """After a restart of the broker, the retained state is "online" again without any event."""
    publish()
    mosquitto.restart()
    assert state(mosquitto.listen(kind_filter("availability")).next()) == "online"


def test_stop_is_bounded_when_the_broker_is_frozen(
    mosquitto: "Mosquitto",
    outbox: WatchedOutbox,
    publish: Callable[..., KioskPublisher],
) -> None:
    """A broker that answers nothing does not delay a stop; the rows stay for the next start."""
    publisher = publish()
    outbox.fill(1, "first")
    publisher.notify()
    outbox.wait(1)
    mosquitto.freeze()
    outbox.fill(2)
    assert publisher.under_way() == 2
    publisher.stop(0.2)
    publisher.thread.join(PATIENCE_S)
    assert not publisher.thread.is_alive()
    assert len(outbox) == 2
    publisher.check()


def test_stop_is_bounded_when_there_is_no_broker(
    mosquitto: "Mosquitto", outbox: WatchedOutbox, publish: Callable[..., KioskPublisher], log: Log
) -> None:
    """A stop without a connection ends both threads."""
    mosquitto.stop()
    outbox.fill(1)
    publisher = publish()
    log.wait_for("is unreachable")
    publisher.stop(PATIENCE_S)
    assert not publisher.thread.is_alive()
    assert publisher.connection._network_ended
    assert len(outbox) == 1


def test_a_restarted_process_publishes_what_was_not_acknowledged(
    mosquitto: "Mosquitto",
    tmp_path: Path,
) -> None:
    """Rows of an earlier process go out first and unchanged, event ids included."""
    path = tmp_path / "outbox.sqlite3"
    with WatchedOutbox(path) as earlier:
        old = earlier.fill(3, "old")
    listener = mosquitto.listen(kind_filter("attendance"))
    with WatchedOutbox(path) as outbox:
        new = outbox.fill(2, "new")
        section = MqttSection(host=mosquitto.host, port=mosquitto.port)
        publisher = KioskPublisher(section, outbox)
        publisher.start()
        outbox.wait(5)
        publisher.stop(PATIENCE_S)
    assert listener.payloads(5) == old + new


def test_a_failure_of_the_thread_is_reported(
    mosquitto: "Mosquitto", outbox: WatchedOutbox, log: Log
) -> None:
    """When the thread meets an unexpected error, check raises with the cause."""

    class Broken(Outbox):
        def pending(self, limit: int, after: int = 0) -> list[Row]:
            raise RuntimeError(f"a bug {limit} {after}")

    section = MqttSection(host=mosquitto.host, port=mosquitto.port)
    with Broken(outbox._path) as broken:
        publisher = KioskPublisher(section, broken)
        publisher.check()
        publisher.start()
        log.wait_for("MQTT thread failed")
        publisher.thread.join(PATIENCE_S)
        with pytest.raises(BrokerError, match="a bug"):
            publisher.check()
        publisher.client.disconnect()


def test_a_failure_of_the_network_thread_is_reported(outbox: WatchedOutbox, log: Log) -> None:
    """When paho's thread ends with an unexpected error, check raises too."""
    section = MqttSection(host="a" * 64 + ".example")  # no DNS label is that long: UnicodeError
    publisher = KioskPublisher(section, outbox)
    publisher.start()
    log.wait_for("MQTT thread failed")
    publisher.thread.join(PATIENCE_S)
    with pytest.raises(BrokerError, match="network thread has ended"):
        publisher.check()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate authority of our own (ca.pem), and a server's key pair that it signed."""
    folder = tmp_path_factory.mktemp("tls")
    new_key = ["-newkey", "rsa:2048", "-nodes", "-days", "2", "-batch"]
    ca = ["-x509", "-subj", "/CN=test", "-keyout", "ca.key", "-out", "ca.pem"]
    server = ["-x509", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    server += ["-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", "server.key", "-out", "server.pem"]
    for options in (ca, server):
        command = ["openssl", "req", *new_key, *options]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder


def test_events_go_out_over_tls(
    mosquitto: "Mosquitto",
    outbox: WatchedOutbox,
    publish: Callable[..., KioskPublisher],
    certificates: Path,
) -> None:
    """With mqtt.ca_file, the broker's certificate is checked against it, and events go out."""
    mosquitto.use_tls(certificates)
    mosquitto.restart()
    publish(ca_file=str(certificates / "ca.pem"), protocol="3.1.1")
    outbox.fill(2)
    assert outbox.wait(2) == [1, 2]


def test_a_connection_that_comes_after_the_stop_is_closed(
    mosquitto: "Mosquitto", outbox: WatchedOutbox, certificates: Path
) -> None:
    """A TLS handshake that is still going on at the stop does not leave the kiosk connected."""
    mosquitto.use_tls(certificates)
    mosquitto.restart()
    mosquitto.freeze()
    ca_file = str(certificates / "ca.pem")
    section = MqttSection(host=mosquitto.host, port=mosquitto.port, ca_file=ca_file)
    publisher = KioskPublisher(section, outbox)
    connecting, ended = threading.Event(), threading.Event()
    publisher.client.on_pre_connect = lambda *_: connecting.set()
    publisher.client.on_end = lambda _error: ended.set()
    publisher.start()
    assert connecting.wait(PATIENCE_S)
    publisher.stop(0.1)
    mosquitto.thaw()
    assert ended.wait(PATIENCE_S)


def test_a_broker_with_an_unknown_certificate_gets_nothing(
    mosquitto: "Mosquitto",
    outbox: WatchedOutbox,
    publish: Callable[..., KioskPublisher],
    certificates: Path,
    log: Log,
) -> None:
    """A certificate that mqtt.ca_file did not sign is an outage, and its log line says so."""
    mosquitto.use_tls(certificates)
    mosquitto.restart()
    outbox.fill(1)
    publish(ca_file=str(certificates / "server.pem"))
    assert "check mqtt.ca_file" in log.wait_for("has a certificate that is not accepted")
    assert len(outbox) == 1


def test_a_bad_ca_file_is_rejected_by_key(outbox: Outbox, tmp_path: Path) -> None:
    """An absent or malformed mqtt.ca_file is a configuration error before anything connects."""
    malformed = tmp_path / "ca.pem"
    malformed.write_text("not a certificate")
    for path in (malformed, tmp_path / "absent.pem"):
        section = MqttSection(host="127.0.0.1", ca_file=str(path))
        with pytest.raises(ConfigError, match=r"mqtt\.ca_file"):
            KioskPublisher(section, outbox)


def test_the_password_file_is_read_without_its_line_break(tmp_path: Path) -> None:
    """The line break that an editor appends is not part of the password; spaces are."""
    path = tmp_path / "password"
    path.write_text("  geheim wört \r\n", encoding="utf-8")
    assert read_password(MqttSection(password_file=str(path))) == "  geheim wört "
    path.write_text("geheim\n", encoding="utf-8-sig")  # with a byte order mark
    assert read_password(MqttSection(password_file=str(path))) == "geheim"
    assert read_password(MqttSection()) == ""


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_an_unreadable_password_file_is_rejected_by_key(
    tmp_path: Path, content: bytes | None
) -> None:
    """The error about an absent or non-text password file names mqtt.password_file."""
    path = tmp_path / "password"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"mqtt\.password_file"):
        read_password(MqttSection(password_file=str(path)))


def test_a_broker_that_closes_every_connection_is_an_outage(
    outbox: WatchedOutbox, log: Log
) -> None:
    """A port that accepts and then closes is logged as an outage, once."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        section = MqttSection(host="127.0.0.1", port=server.getsockname()[1])
        publisher = KioskPublisher(section, outbox, retry_s=(0.05, 0.1))
        publisher.start()
        for _ in range(3):
            server.accept()[0].close()
        log.wait_for("is unreachable")
        publisher.stop(PATIENCE_S)
    assert log.count("is unreachable") == 1
