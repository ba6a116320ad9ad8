"""Delivery from end to end: the kiosk's own outbox and publisher, a real broker, the register."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from kiosk.config.mqtt import MqttSection
from kiosk.mqtt.register_link import RegisterLink
from kiosk.outbox.outbox import Outbox
from kiosk.protocol.event import encode
from kiosk.register.config import DatabaseSection, RegisterConfig
from kiosk.register.models import Event
from tests.kiosk.mqtt.support import KioskPublisher
from tests.kiosk.register.ingest.test_loop import ask_soon, confirmed, kiosk_of, running
from tests.kiosk.register.support import DOOR, event
from tests.mosquitto import PATIENCE_S, Mosquitto

pytestmark = pytest.mark.slow


@pytest.fixture(params=["5", "3.1.1"])
def mqtt(request: pytest.FixtureRequest, mosquitto: Mosquitto) -> MqttSection:
    """The broker in each version of MQTT."""
    keys = {"host": mosquitto.host, "port": mosquitto.port, "protocol": request.param}
    return msgspec.convert(keys, MqttSection)


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    with Outbox(tmp_path / "outbox.sqlite3") as box:
        yield box


@contextmanager
def kiosk(mqtt: MqttSection, outbox: Outbox) -> Iterator[KioskPublisher]:
    publisher = KioskPublisher(mqtt, outbox, address=DOOR, retry_s=(0.05, 0.2))
    trim = publisher.publisher.trim_soon
    RegisterLink(publisher.connection, outbox, DOOR, confirmed=trim)
    publisher.start()
    yield publisher
    publisher.stop(2.0)


def put(outbox: Outbox, count: int) -> None:
    for _ in range(count):
        outbox.put(
            lambda n: (
                (one := event(n, outbox.outbox_id)).event_id,
                DOOR.topic_of(one),
                encode(one),
            )
        )


def emptied(outbox: Outbox, publisher: KioskPublisher) -> bool:
    """Wait until the kiosk has deleted every event, since the register has confirmed all."""
    deadline_s = time.monotonic() + PATIENCE_S
    while outbox.counts().kept and time.monotonic() < deadline_s:
        time.sleep(0.05)
        publisher.notify()  # or the publisher would look at the file half a minute later
    return not outbox.counts().kept


def test_what_the_register_has_stored_leaves_the_outbox(
    mosquitto: Mosquitto, mqtt: MqttSection, database: DatabaseSection, outbox: Outbox
) -> None:
    """An event is deleted at the kiosk once the register has it, and not before."""
    other = kiosk_of(mosquitto)
    with running(RegisterConfig(mqtt=mqtt, database=database)), kiosk(mqtt, outbox) as publisher:
        confirmed(other, 0)
        put(outbox, 30)
        publisher.notify()
        assert emptied(outbox, publisher)
    assert sorted(Event.objects.values_list("sequence", flat=True)) == list(range(1, 31))


def test_what_was_lost_on_the_way_is_sent_again(
    mosquitto: Mosquitto, mqtt: MqttSection, database: DatabaseSection, outbox: Outbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The broker had acknowledged 20 events that the register never got."""
    ask_soon(monkeypatch)
    other = kiosk_of(mosquitto)
    with running(RegisterConfig(mqtt=mqtt, database=database)):
        confirmed(other, 0)
        put(outbox, 20)
        outbox.mark_delivered(range(1, 21))
        put(outbox, 1)
        with kiosk(mqtt, outbox) as publisher:
            assert emptied(outbox, publisher)
    assert Event.objects.filter(is_replayed=True).count() == 20
    assert Event.objects.count() == 21
