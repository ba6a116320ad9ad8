"""The whole way: kiosk → broker → register → confirmation, with a real broker and database."""

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kiosk.check.broker import check_broker
from kiosk.check.files import check_outbox
from kiosk.clock import SystemClock
from kiosk.config.keys import Config, KioskSection, StateSection
from kiosk.config.mqtt import KioskMqttSection, MqttSection
from kiosk.daemon.state_folder import read_keys
from kiosk.mqtt.connection import Connection
from kiosk.mqtt.embedded_broker import HOST, PROTOCOL, EmbeddedBroker
from kiosk.mqtt.subscriber import Message
from kiosk.protocol.delivery import (
    Confirmation,
    ReplayDone,
    ReplayRequest,
    decode_delivery,
    encode_delivery,
)
from kiosk.protocol.event import encode
from kiosk.protocol.topics import (
    CONFIRMED,
    HEALTH,
    PARTICIPATION_WINDOW,
    REPLAY,
    REPLAY_DONE,
    REPLAYED,
)
from kiosk.register.config import DatabaseSection, RegisterConfig
from kiosk.register.database import migrate, use_database
from kiosk.register.ingest.loop import Ingest
from kiosk.register.ingest.store import Stored, store
from kiosk.register.messages.arrival import Arrival
from kiosk.register.models import BinEntry, Event, Gap, Kiosk, KioskKey, Publication
from kiosk.register.service import run
from tests.kiosk.register.marking.support import make_class, make_lesson, marks
from tests.kiosk.register.support import DOOR, OUTBOX, event, health
from tests.mosquitto import PATIENCE_S, Listener, Mosquitto


@contextmanager
def running(config: RegisterConfig) -> Iterator[None]:
    """Run a register on a thread; an error in it fails the test."""
    stop = threading.Event()
    with ThreadPoolExecutor() as pool:
        finished = pool.submit(run, config, clock=SystemClock(), stop=stop)
        try:
            yield
        finally:
            stop.set()
            finished.result()


def configured(broker: Mosquitto, database: DatabaseSection, **mqtt: str) -> RegisterConfig:
    section = msgspec.convert({"host": broker.host, "port": broker.port, **mqtt}, MqttSection)
    return RegisterConfig(mqtt=section, database=database)


def kiosk_of(broker: Mosquitto, *kinds: str) -> Listener:
    """A kiosk that hears the register, and has said that it has no events yet."""
    kiosk = broker.listen(DOOR.topic(CONFIRMED), *map(DOOR.topic, kinds))
    kiosk.client.publish(DOOR.topic(HEALTH), health(0).payload, qos=1, retain=True)
    return kiosk


def confirmed(listener: Listener, sequence: int) -> None:
    """Wait for the confirmation of a number."""
    while True:
        _, payload, _ = listener.next()
        if decode_delivery(payload, Confirmation).sequence >= sequence:
            return


def ask_soon(patch: pytest.MonkeyPatch) -> None:
    """Let a register ask for what is missing after half a second, not five."""
    patch.setattr("kiosk.register.ingest.loop._PATIENCE_S", 0.5)
    for module in ("outbox_state", "replay"):
        patch.setattr(f"kiosk.register.ingest.{module}.GRACE", timedelta(seconds=0.5))


def test_a_message_is_acknowledged_after_its_commit(
    database: DatabaseSection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the broker sends it again to a register that ended before."""
    steps: list[str] = []

    def commit(arrivals: Sequence[Arrival], *more: Any) -> Stored:  # noqa: ANN401 - passed on
        stored = store(arrivals, *more)
        steps.append("committed")
        return stored

    monkeypatch.setattr("kiosk.register.ingest.loop.store", commit)
    mqtt = MqttSection(host="127.0.0.1")
    config = RegisterConfig(mqtt=mqtt, database=database)
    connection = Connection(mqtt, "register")
    ingest = Ingest(connection, config, OUTBOX, clock=SystemClock(), stop=threading.Event())
    topic, payload = DOOR.topic("attendance"), encode(event(1))
    acknowledge = partial(steps.append, "acknowledged")
    ingest._on_message(Message(topic, payload, retained=False, acknowledge=acknowledge))
    ingest._store()
    assert steps == ["committed", "acknowledged"]


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_what_is_published_is_stored_and_confirmed(
    mosquitto: Mosquitto, database: DatabaseSection, protocol: str
) -> None:
    """An event is in the database before the kiosk hears its confirmation, which is retained."""
    kiosk = kiosk_of(mosquitto)
    with running(configured(mosquitto, database, protocol=protocol)):
        confirmed(kiosk, 0)
        for number in (1, 2, 3):
            kiosk.client.publish(DOOR.topic("attendance"), encode(event(number)), qos=1)
        confirmed(kiosk, 3)
        assert Event.objects.count() == 3
    late = mosquitto.listen(DOOR.topic(CONFIRMED))
    _, payload, is_retained = late.next()
    assert is_retained
    assert decode_delivery(payload, Confirmation).outbox_id == OUTBOX


def test_what_the_broker_has_kept_is_no_news(
    mosquitto: Mosquitto, database: DatabaseSection
) -> None:
    """At each connect it comes again; its time stays that of its first arrival."""
    kiosk = kiosk_of(mosquitto)
    with running(configured(mosquitto, database)):
        confirmed(kiosk, 0)
    heard_at = Kiosk.objects.get().health_at
    with running(configured(mosquitto, database)):
        confirmed(kiosk, 0)
        kiosk.client.publish(DOOR.topic("attendance"), encode(event(1)), qos=1)
        confirmed(kiosk, 1)
    assert Kiosk.objects.get().health_at == heard_at


@pytest.mark.slow
def test_missing_events_are_requested(
    mosquitto: Mosquitto, database: DatabaseSection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A gap leads to a request; what the kiosk sends again or declares gone closes it."""
    ask_soon(monkeypatch)
    kiosk = kiosk_of(mosquitto, REPLAY)
    client = kiosk.client
    with running(configured(mosquitto, database)):
        confirmed(kiosk, 0)
        client.publish(DOOR.topic("attendance"), encode(event(5)), qos=1)
        while True:
            topic, payload, _ = kiosk.next()
            if topic == DOOR.topic(REPLAY):
                break
        asked = decode_delivery(payload, ReplayRequest)
        assert (asked.first, asked.last) == (1, 4)
        for number in (2, 3, 4):
            client.publish(DOOR.topic(REPLAYED), encode(event(number)), qos=1)
        done = ReplayDone(outbox_id=OUTBOX, first=1, last=4, gone=((1, 1),))
        client.publish(DOOR.topic(REPLAY_DONE), encode_delivery(done), qos=1)
        confirmed(kiosk, 5)
    assert list(Event.objects.filter(is_replayed=True).values_list("sequence", flat=True)) == [
        *(2, 3, 4)
    ]
    assert list(Gap.objects.values_list("first", "last")) == [(1, 1)]


def test_the_embedded_broker_serves_a_register(tmp_path: Path) -> None:
    """A trial on one machine needs no other broker."""
    pytest.importorskip("amqtt", reason="pip install attendance-kiosk[demo]")
    section = DatabaseSection(path=str(tmp_path / "register.sqlite3"))
    use_database(section)
    migrate()
    with EmbeddedBroker() as broker:
        mqtt = MqttSection(host=HOST, port=broker.port, protocol=PROTOCOL)
        kiosk = Listener((HOST, broker.port), DOOR.topic(CONFIRMED))
        kiosk.client.publish(DOOR.topic(HEALTH), health(0).payload, qos=1, retain=True)
        with running(RegisterConfig(mqtt=mqtt, database=section)):
            confirmed(kiosk, 0)
            kiosk.client.publish(DOOR.topic("attendance"), encode(event(1)), qos=1)
            confirmed(kiosk, 1)
        kiosk.close()
    assert Event.objects.count() == 1


def test_what_the_register_cannot_read_does_not_stop_it(
    mosquitto: Mosquitto, database: DatabaseSection
) -> None:
    """Garbage goes to the bin, and events before and after it are stored."""
    kiosk = kiosk_of(mosquitto)
    with running(configured(mosquitto, database)):
        confirmed(kiosk, 0)
        kiosk.client.publish(DOOR.topic("attendance"), encode(event(1)), qos=1)
        for payload in (b"", b"\x00", b"[" * 10_000, b"\xff" * 100_000):
            kiosk.client.publish(DOOR.topic("attendance"), payload, qos=1)
        kiosk.client.publish(DOOR.topic("attendance"), encode(event(2)), qos=1)
        confirmed(kiosk, 2)
    assert Event.objects.count() == 2
    assert BinEntry.objects.count() == 4


def test_the_newest_publication_of_a_topic_is_sent_and_again_after_a_reconnection(
    mosquitto: Mosquitto, database: DatabaseSection
) -> None:
    """What a page wants published reaches the kiosk, also if the broker forgets what it kept."""
    topic = DOOR.topic(PARTICIPATION_WINDOW)
    kiosk = mosquitto.listen(topic)

    def want(payload: bytes) -> None:
        Publication.objects.create(
            topic=topic, payload=payload, retain=True, made_at=datetime.now(UTC)
        )

    want(b"old")
    want(b"new")
    with running(configured(mosquitto, database)):
        assert kiosk.next()[1] == b"new"
        want(b"newer")
        assert kiosk.next()[1] == b"newer"
    kiosk.client.publish(topic, b"", qos=1, retain=True)
    assert kiosk.next()[1] == b""
    with running(configured(mosquitto, database)):
        assert kiosk.next()[1] == b"newer"


def test_a_mark_follows_its_event(mosquitto: Mosquitto, database: DatabaseSection) -> None:
    """The running register derives marks; with the event's commit it has them to do at once."""
    now = datetime.now(UTC)
    make_lesson(make_class("s-1"), start=now - timedelta(minutes=1))
    kiosk = kiosk_of(mosquitto)
    with running(configured(mosquitto, database)):
        confirmed(kiosk, 0)
        made = event(1, subject_id="s-1", time=now.isoformat(timespec="milliseconds"))
        kiosk.client.publish(DOOR.topic("attendance"), encode(made), qos=1)
        confirmed(kiosk, 1)
        for _ in range(500):
            if marks():
                break
            time.sleep(0.01)
    assert marks() == {"s-1": "present"}


def test_a_check_finds_a_register_that_runs_and_none_that_ran(
    mosquitto: Mosquitto,
    database: DatabaseSection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A retained confirmation proves nothing; and the question of a trusted kiosk is signed."""
    monkeypatch.setattr("kiosk.check.broker._REGISTER_S", PATIENCE_S)
    mqtt = configured(mosquitto, database).mqtt
    kiosk = KioskSection(site=DOOR.site, room=DOOR.room, id=DOOR.kiosk)
    door = KioskMqttSection(host=mqtt.host, port=mqtt.port, protocol=mqtt.protocol)
    config = Config(kiosk=kiosk, mqtt=door, state=StateSection(directory=str(tmp_path / "state")))
    _, speaker = check_outbox(config)
    KioskKey.objects.create(
        site=DOOR.site,
        room=DOOR.room,
        kiosk=DOOR.kiosk,
        public_key=read_keys(config).signer.public_key,
        announced_at=datetime.now(UTC),
        trusted_at=datetime.now(UTC),
    )
    listener = kiosk_of(mosquitto)
    with running(configured(mosquitto, database)):
        confirmed(listener, 0)
        found = check_broker(config, speaker)
        assert (found.verdict, found.text.rpartition("; ")[2]) == (
            "ok",
            "a register confirms events",
        )
    assert not BinEntry.objects.exists()
    monkeypatch.setattr("kiosk.check.broker._REGISTER_S", 0.3)
    mosquitto.listen(DOOR.topic(REPLAY_DONE))  # or nobody would get the question
    found = check_broker(config, speaker)
    assert found.verdict == "warning"
    assert found.text.endswith(
        "the register that has confirmed events does not answer: does it run?"
    )
