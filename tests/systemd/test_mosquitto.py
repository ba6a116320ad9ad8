"""The access list for Mosquitto: allowed acts work, forbidden ones are tried and refused."""

import queue
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from kiosk.config.mqtt import MqttSection
from kiosk.mqtt.connection import Connection
from kiosk.protocol.event import EVENT_TYPES
from kiosk.protocol.topics import (
    AVAILABILITY,
    BY_REGISTER,
    CONFIRMED,
    ERASURE_RECEIPT,
    HEALTH,
    REPLAY_DONE,
    REPLAYED,
    KioskAddress,
)
from tests.certificates import Authority
from tests.mosquitto import PATIENCE_S, Mosquitto

FOLDER: Final = Path(__file__).parents[2] / "systemd" / "mosquitto"
DOOR: Final = KioskAddress("school", "room-12", "kiosk-1")
NEIGHBOUR: Final = KioskAddress("school", "room-13", "kiosk-1")
SAID_BY_KIOSK: Final = (
    *EVENT_TYPES,
    *(AVAILABILITY, HEALTH, REPLAYED, REPLAY_DONE, ERASURE_RECEIPT),
)
SAID_BY_REGISTER: Final = tuple(sorted(BY_REGISTER))
ALL: Final = "kiosk/v1/+/+/+/+"
_REFUSED: Final = 0x87


class Client:
    """A client with an account, which says what the broker refuses (MQTT 5)."""

    def __init__(
        self,
        broker: Mosquitto,
        name: str,
        password: str = "secret",
        ca_file: Path | None = None,  # speaks TLS
    ) -> None:
        self.heard: queue.Queue[str] = queue.Queue()
        self._answers: queue.Queue[bool] = queue.Queue()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        if ca_file is not None:
            self._client.tls_set(str(ca_file))
        if name:
            self._client.username_pw_set(name, password)
        connected: queue.Queue[bool] = queue.Queue()
        self._client.on_connect = lambda *args: connected.put(not args[3].is_failure)
        self._client.on_publish = lambda *args: self._answers.put(args[3].value != _REFUSED)
        self._client.on_message = lambda *args: self.heard.put(args[2].topic)
        self._client.connect(*broker.address)
        self._client.loop_start()
        self.is_connected = connected.get(timeout=PATIENCE_S)

    def may_publish(self, topic: str) -> bool:
        """Publish; return whether the broker has taken it."""
        self._client.publish(topic, b"x", qos=1)
        return self._answers.get(timeout=PATIENCE_S)

    def subscribe(self, *filters: str) -> None:
        done = threading.Event()
        self._client.on_subscribe = lambda *_: done.set()
        self._client.subscribe([(one, 1) for one in filters])
        assert done.wait(PATIENCE_S)

    def hears(self) -> set[str]:
        """Everything that was heard so far; the last message is one that nobody may miss."""
        found: set[str] = set()
        while not self.heard.empty():
            found.add(self.heard.get())
        return found

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def configuration(folder: Path, *instead: str) -> list[str]:
    """The shipped lines, with files in the test's folder and, in place of TLS, other lines."""
    lines = (FOLDER / "kiosk.conf").read_text().splitlines()
    left_out = ("#", "listener", "cafile", "certfile", "keyfile", "password_file", "acl_file")
    kept = [line for line in lines if line and not line.startswith(left_out)]
    acl = folder / "acl"
    acl.write_text((FOLDER / "acl").read_text())
    acl.chmod(0o640)
    return [f"acl_file {acl}", *instead, *kept]


def accounts(folder: Path, *names: str) -> Path:
    """Write a file with these accounts, whose password is "secret"."""
    path = folder / "passwords"
    path.touch(0o600)
    for name in names:
        command = ["mosquitto_passwd", "-b", str(path), name, "secret"]
        subprocess.run(command, check=True, capture_output=True)
    return path


@pytest.fixture
def broker(mosquitto: Mosquitto) -> Mosquitto:
    """Mosquitto with the shipped configuration and four accounts."""
    path = accounts(mosquitto.folder, str(DOOR), str(NEIGHBOUR), "register", "watch")
    mosquitto.configure(*configuration(mosquitto.folder, f"password_file {path}"))
    mosquitto.restart()
    return mosquitto


@pytest.fixture
def clients(broker: Mosquitto) -> Iterator[dict[str, Client]]:
    """A client of each account; each hears what it may of everything."""
    clients = {
        "kiosk": Client(broker, str(DOOR)),
        "neighbour": Client(broker, str(NEIGHBOUR)),
        "register": Client(broker, "register"),
        "watch": Client(broker, "watch"),
    }
    for one in clients.values():
        one.subscribe(ALL, "other/#")
    yield clients
    for one in clients.values():
        one.close()


def test_a_kiosk_writes_below_its_own_name_and_nowhere_else(clients: dict[str, Client]) -> None:
    """Not as a neighbour, not as the register, not on other topics; a refused one goes nowhere."""
    kiosk = clients["kiosk"]
    own = [DOOR.topic(one) for one in SAID_BY_KIOSK]
    forbidden = [NEIGHBOUR.topic(one) for one in (*SAID_BY_KIOSK, *SAID_BY_REGISTER)]
    forbidden += [DOOR.topic(one) for one in (*SAID_BY_REGISTER, "command", "x")]
    forbidden += ["kiosk/v1/school/room-12/kiosk-1", "kiosk/v2/school/room-12/kiosk-1/attendance"]
    forbidden += ["other/topic", "$SYS/broker/version"]
    assert [one for one in forbidden if kiosk.may_publish(one)] == []
    assert [one for one in own if not kiosk.may_publish(one)] == []
    heard = {clients["register"].heard.get(timeout=PATIENCE_S) for _ in own}
    assert heard == set(own)


def test_a_kiosk_hears_the_register_and_nobody_else(clients: dict[str, Client]) -> None:
    """It gets what the register says to it, nothing of a neighbour's, and no event of any kiosk."""
    register, kiosk = clients["register"], clients["kiosk"]
    assert clients["neighbour"].may_publish(NEIGHBOUR.topic("attendance"))
    assert kiosk.may_publish(DOOR.topic("attendance"))
    for address in (NEIGHBOUR, DOOR):
        for kind in SAID_BY_REGISTER:
            assert register.may_publish(address.topic(kind))
    own = {DOOR.topic(kind) for kind in SAID_BY_REGISTER}
    assert {kiosk.heard.get(timeout=PATIENCE_S) for _ in own} == own
    assert kiosk.hears() == set()


def test_the_register_reads_all_and_writes_what_a_register_says(clients: dict[str, Client]) -> None:
    """It cannot make up an event, nor speak for a kiosk."""
    register = clients["register"]
    forbidden = [DOOR.topic(kind) for kind in SAID_BY_KIOSK] + ["other/topic"]
    assert [one for one in forbidden if register.may_publish(one)] == []
    for kind in SAID_BY_REGISTER:
        assert register.may_publish(DOOR.topic(kind))
    assert clients["kiosk"].may_publish(DOOR.topic(HEALTH))
    expected = {DOOR.topic(kind) for kind in (*SAID_BY_REGISTER, HEALTH)}
    assert {register.heard.get(timeout=PATIENCE_S) for _ in expected} == expected


def test_a_viewer_reads_and_writes_nothing(clients: dict[str, Client]) -> None:
    """It hears every kiosk and cannot say a word."""
    watch = clients["watch"]
    forbidden = [DOOR.topic(one) for one in (*SAID_BY_KIOSK, *SAID_BY_REGISTER)] + ["other/topic"]
    assert [one for one in forbidden if watch.may_publish(one)] == []
    assert clients["kiosk"].may_publish(DOOR.topic("attendance"))
    assert watch.heard.get(timeout=PATIENCE_S) == DOOR.topic("attendance")


@pytest.mark.parametrize(
    ("name", "password"), [("", ""), ("register", "wrong"), ("unknown", "secret")]
)
def test_nobody_else_is_let_in(broker: Mosquitto, name: str, password: str) -> None:
    """Not without an account, and not with a wrong password."""
    client = Client(broker, name, password)
    client.close()
    assert not client.is_connected


@pytest.mark.parametrize("name", ["+/+/+", "school/#", "school/room-12"])
def test_a_name_that_is_no_kiosks_gets_no_topic(broker: Mosquitto, name: str) -> None:
    """A name with wildcards does not stand for all kiosks."""
    accounts(broker.folder, name)
    broker.restart()
    client = Client(broker, name)
    client.subscribe(ALL)
    assert not client.may_publish(DOOR.topic("attendance"))
    register = Client(broker, "register")
    assert register.may_publish(DOOR.topic(CONFIRMED))
    assert client.hears() == set()
    client.close()
    register.close()


def test_the_name_may_come_from_a_client_certificate(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """With the commented lines of the configuration, the common name is the account."""
    authority = Authority(tmp_path)
    certificate, key = authority.issue("server", "127.0.0.1")
    files = (f"cafile {authority.ca_file}", f"certfile {certificate}", f"keyfile {key}")
    commented = (FOLDER / "kiosk.conf").read_text().splitlines()
    by_certificate = [one[1:] for one in commented if one.startswith(("#require_c", "#use_id"))]
    assert len(by_certificate) == 2
    mosquitto.configure(*configuration(mosquitto.folder, *files, *by_certificate))
    mosquitto.restart()
    cert_file, key_file = map(str, authority.issue("kiosk", str(DOOR)))
    mqtt = MqttSection(
        host=mosquitto.host,
        port=mosquitto.port,
        ca_file=str(authority.ca_file),
        cert_file=cert_file,
        key_file=key_file,
    )
    connection = Connection(mqtt, DOOR.client_id, fail_fast=True)
    connection.open()
    taken: list[bool] = []
    while not connection.room:
        connection.step(PATIENCE_S)
    for address in (DOOR, NEIGHBOUR):
        connection.publish(
            address.topic("attendance"), b"x", lambda reason: taken.append(not reason.is_failure)
        )
    while len(taken) < 2:
        connection.step(PATIENCE_S)
    connection.close(1.0)
    assert taken == [True, False]
