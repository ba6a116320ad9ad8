"""`watch`: the subscription, against a real Mosquitto."""

import json
import logging
import queue
import threading
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
import pytest

from kiosk.config.mqtt import MqttSection
from kiosk.errors import BrokerError
from kiosk.outbox.outbox import Outbox
from kiosk.protocol.event import AttendanceEvent, ParticipationEvent, PersonEvent, encode
from kiosk.protocol.health import encode_health
from kiosk.protocol.topics import FOR_REGISTER, HEALTH, KioskAddress
from kiosk.watch.attendance_list import AttendanceList
from kiosk.watch.door import Door
from kiosk.watch.viewer import watch
from tests.kiosk.mqtt.support import ADDRESS, KioskPublisher
from tests.kiosk.protocol.test_health import HEALTH as KIOSK_HEALTH
from tests.kiosk.watch.support import FIRST, changed, event, participation
from tests.mosquitto import PATIENCE_S

if TYPE_CHECKING:
    from pathlib import Path

    from tests.mosquitto import Mosquitto


class Heard:
    """A screen that a test can wait on."""

    def __init__(self) -> None:
        self.events: list[PersonEvent] = []
        self.skipped: list[int] = []
        self.states: queue.Queue[tuple[KioskAddress, str]] = queue.Queue()

    def show_event(self, event: PersonEvent) -> None:
        self.events.append(event)

    def show_kiosk(self, address: KioskAddress, door: Door) -> None:
        self.states.put((address, door.state(datetime.now(UTC))))

    def show_skipped(self, count: int) -> None:
        self.skipped.append(count)


def section(mosquitto: "Mosquitto", protocol: str = "5", username: str = "") -> MqttSection:
    options = {"protocol": protocol, "username": username}
    return msgspec.convert({"host": mosquitto.host, "port": mosquitto.port, **options}, MqttSection)


def watching(
    mqtt: MqttSection, screen: Heard, limit: int, attendance: AttendanceList | None = None
) -> threading.Thread:
    arguments = (mqtt, attendance or AttendanceList(), screen)
    thread = threading.Thread(target=watch, args=arguments, kwargs={"limit": limit}, daemon=True)
    thread.start()
    return thread


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_events_are_shown_once_and_bad_ones_are_logged(
    mosquitto: "Mosquitto", caplog: pytest.LogCaptureFixture, protocol: str
) -> None:
    """Repeats and bad payloads do not count; each bad one is a log line with topic and field."""
    screen = Heard()
    client = mosquitto.listen("$SYS/none").client
    client.publish(ADDRESS.availability, b'{"state":"online","boot_id":"b","version":"1"}', 1, True)
    thread = watching(section(mosquitto, protocol), screen, limit=2)
    # The retained message comes once the subscription is active, so nothing after it is missed.
    assert screen.states.get(timeout=PATIENCE_S) == (ADDRESS, "not known")
    with caplog.at_level(logging.WARNING, logger="kiosk"):
        for payload in (encode(FIRST), encode(FIRST), b"{}", changed(kiosk="other"), b"\x00"):
            client.publish(ADDRESS.topic_of(AttendanceEvent), payload, 1)
        client.publish(ADDRESS.availability, b"?", 1)
        client.publish(ADDRESS.availability, b"", 1, True)
        client.publish(ADDRESS.topic_of(AttendanceEvent), encode(event(2, subject_id="s2")), 1)
        thread.join(PATIENCE_S)
    assert not thread.is_alive()
    assert [heard.subject_id for heard in screen.events] == ["s1", "s2"]
    assert len(caplog.messages) == 4
    assert all(line.startswith("kiosk/v1/school/room-1/kiosk-1/") for line in caplog.messages)
    assert "kiosk: expected the one of the topic" in caplog.messages[1]


def test_messages_of_unknown_kinds_do_not_hide_the_rest(
    mosquitto: "Mosquitto", caplog: pytest.LogCaptureFixture
) -> None:
    """Unknown kinds and types are counted, not logged; the limit counts what is shown alone."""
    screen = Heard()
    client = mosquitto.listen("$SYS/none").client
    publish_state(mosquitto)
    thread = watching(section(mosquitto), screen, limit=2)
    assert screen.states.get(timeout=PATIENCE_S) == (ADDRESS, "not known")
    tree = ADDRESS.availability.removesuffix("availability")
    with caplog.at_level(logging.WARNING, logger="kiosk"):
        for kind in (*FOR_REGISTER - {HEALTH}, "rumour"):  # of these, one is unknown
            client.publish(tree + kind, b"not even JSON", 1)
        client.publish(tree + "absence", changed(type="absence"), 1)
        client.publish(tree + "attendance", changed(type="absence"), 1)
        client.publish(tree + "attendance", changed(schema_version=2), 1)
        client.publish(tree + "participation", encode(participation(2, 1)), 1)
        client.publish(tree + "attendance", encode(FIRST), 1)
        thread.join(PATIENCE_S)
    assert not thread.is_alive()
    assert screen.skipped == [1, 2, 3, 4]
    assert screen.events == [participation(2, 1), FIRST]
    assert caplog.messages == []


HOSTILE = b"[" * 9000 + b"]" * 9000
"""Nested so deeply that a parser would reach the limit of Python's stack."""


@pytest.mark.parametrize("kind", ["availability", "health", "attendance"])
def test_a_hostile_retained_message_ends_no_watch(
    mosquitto: "Mosquitto", caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    """It is counted, and said once although it comes again at every connect."""
    screen, attendance = Heard(), AttendanceList()
    client = mosquitto.listen("$SYS/none").client
    client.publish(KioskAddress("a", "b", "c").topic(kind), HOSTILE, 1, True).wait_for_publish()
    publish_state(mosquitto)
    with caplog.at_level(logging.WARNING, logger="kiosk.watch"):
        thread = watching(section(mosquitto), screen, limit=1, attendance=attendance)
        assert screen.states.get(timeout=PATIENCE_S)[0] == ADDRESS
        client.publish(KioskAddress("a", "b", "c").topic(kind), HOSTILE, 1, True)
        client.publish(ADDRESS.topic_of(AttendanceEvent), encode(FIRST), 1)
        thread.join(PATIENCE_S)
    assert screen.events == [FIRST]
    assert attendance.refused == 2
    (line,) = caplog.messages
    assert line.startswith(f"kiosk/v1/a/b/c/{kind}: not a")


def test_a_retained_event_is_no_arrival(
    mosquitto: "Mosquitto", caplog: pytest.LogCaptureFixture
) -> None:
    """What the broker has kept may be of any age: it is counted and said, and not shown."""
    screen, attendance = Heard(), AttendanceList()
    client = mosquitto.listen("$SYS/none").client
    client.publish(ADDRESS.topic_of(AttendanceEvent), encode(event(7)), 1, True).wait_for_publish()
    publish_state(mosquitto)
    with caplog.at_level(logging.WARNING, logger="kiosk"):
        thread = watching(section(mosquitto), screen, limit=1, attendance=attendance)
        assert screen.states.get(timeout=PATIENCE_S)[0] == ADDRESS
        client.publish(ADDRESS.topic_of(AttendanceEvent), encode(FIRST), 1)
        thread.join(PATIENCE_S)
    assert screen.events == [FIRST]
    assert attendance.refused == 1
    (line,) = caplog.messages
    assert "retained, so it is no arrival" in line


def test_what_the_broker_has_kept_is_shown_together(mosquitto: "Mosquitto") -> None:
    """Availability and health of a kiosk give one state: "not known" is not shown in between."""
    screen = Heard()
    time = datetime.now(UTC).isoformat(timespec="milliseconds")
    health = encode_health(msgspec.structs.replace(KIOSK_HEALTH, time=time))
    client = mosquitto.listen("$SYS/none").client
    client.publish(ADDRESS.topic(HEALTH), health, 1, True).wait_for_publish(PATIENCE_S)
    publish_state(mosquitto)
    thread = watching(section(mosquitto), screen, limit=1)
    assert screen.states.get(timeout=PATIENCE_S) == (ADDRESS, "online")
    client.publish(ADDRESS.topic_of(AttendanceEvent), encode(FIRST), 1)
    thread.join(PATIENCE_S)
    assert screen.states.empty()


def test_an_event_on_the_topic_of_another_type_is_logged(
    mosquitto: "Mosquitto", caplog: pytest.LogCaptureFixture
) -> None:
    """It is not shown, and the log names the topic and the field."""
    screen = Heard()
    client = mosquitto.listen("$SYS/none").client
    publish_state(mosquitto)
    thread = watching(section(mosquitto), screen, limit=1)
    assert screen.states.get(timeout=PATIENCE_S) == (ADDRESS, "not known")
    with caplog.at_level(logging.WARNING, logger="kiosk"):
        client.publish(ADDRESS.topic_of(ParticipationEvent), encode(event(2)), 1)
        client.publish(ADDRESS.topic_of(AttendanceEvent), encode(FIRST), 1)
        thread.join(PATIENCE_S)
    assert screen.events == [FIRST]
    assert screen.skipped == []
    (line,) = caplog.messages
    assert line.startswith(ADDRESS.topic_of(ParticipationEvent) + ": type: ")


def test_a_refused_subscription_ends_the_watch(mosquitto: "Mosquitto") -> None:
    """The command ends with a line that names the filter and where to look."""
    mosquitto.forbid_subscriptions_except("other/#")
    mosquitto.restart()
    with pytest.raises(BrokerError, match=r"refuses the subscription to kiosk/v1/.* access list"):
        watch(section(mosquitto), AttendanceList(), Heard())


def test_what_the_publisher_sends_is_shown(mosquitto: "Mosquitto", tmp_path: "Path") -> None:
    """From outbox to screen through a real broker: online, the event, offline."""
    screen = Heard()
    mqtt = section(mosquitto)
    with Outbox(tmp_path / "outbox.sqlite3") as outbox:
        publisher = KioskPublisher(mqtt, outbox)
        publisher.start()
        thread = watching(mqtt, screen, limit=1)
        address, state = screen.states.get(timeout=PATIENCE_S)
        assert (address, state in {"online", "not known"}) == (ADDRESS, True)  # kept, or just said
        one = event(int(uuid.uuid4()) % 10**12)
        outbox.put(lambda _: (one.event_id, ADDRESS.topic_of(AttendanceEvent), encode(one)))
        publisher.notify()
        thread.join(PATIENCE_S)
        publisher.stop(PATIENCE_S)
    assert screen.events == [one]


def test_a_broker_that_cannot_be_reached_ends_the_watch(mosquitto: "Mosquitto") -> None:
    """The command ends with a line that names the broker and the keys."""
    mosquitto.stop()
    with pytest.raises(BrokerError, match=rf"127\.0\.0\.1:{mosquitto.port} cannot be reached"):
        watch(section(mosquitto), AttendanceList(), Heard())


def test_a_refused_password_ends_the_watch(mosquitto: "Mosquitto") -> None:
    """The command ends with a line that names the keys, and not the password."""
    mosquitto.password("teacher", "right")
    mosquitto.restart()
    with pytest.raises(BrokerError, match=r"mqtt\.password_file") as caught:
        watch(section(mosquitto, username="teacher"), AttendanceList(), Heard(), password="wr0ng")
    assert "wr0ng" not in str(caught.value)


def test_a_watch_that_hears_nothing_says_what_may_be_the_cause(
    mosquitto: "Mosquitto", caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once; a broker with an access list drops in silence what an account may not read."""
    monkeypatch.setattr("kiosk.watch.viewer._SILENT_S", 0.2)
    stop = threading.Event()
    threading.Timer(2.5, stop.set).start()
    watch(section(mosquitto, username="room-1"), AttendanceList(), Heard(), stop=stop)
    (said,) = [one.getMessage() for one in caplog.records if "nothing came" in one.getMessage()]
    assert "the account 'room-1' may not read there; --username takes another one" in said


def test_a_watch_that_hears_of_a_kiosk_does_not_speak_of_silence(
    mosquitto: "Mosquitto", caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the broker has kept is enough, also where nobody comes to the door."""
    monkeypatch.setattr("kiosk.watch.viewer._SILENT_S", 1.5)
    publish_state(mosquitto)
    stop = threading.Event()
    threading.Timer(3, stop.set).start()
    watch(section(mosquitto), AttendanceList(), Heard(), stop=stop)
    assert "nothing came" not in caplog.text


def test_a_watch_outlives_the_broker(
    mosquitto: "Mosquitto", caplog: pytest.LogCaptureFixture
) -> None:
    """After a restart of the broker, events are shown again; the log has the outage and its end."""
    screen = Heard()
    thread = watching(section(mosquitto), screen, limit=1)
    publish_state(mosquitto)
    assert screen.states.get(timeout=PATIENCE_S)[1] in {"online", "not known"}
    with caplog.at_level(logging.INFO, logger="kiosk"):
        mosquitto.restart()
        publish_state(mosquitto, "offline")
        assert screen.states.get(timeout=PATIENCE_S)[1] == "offline"
    mosquitto.listen("$SYS/none").client.publish(
        ADDRESS.topic_of(AttendanceEvent), encode(FIRST), 1
    )
    thread.join(PATIENCE_S)
    assert screen.events == [FIRST]
    away, back = caplog.messages
    assert "is unreachable" in away
    assert "is connected again after" in back


def publish_state(mosquitto: "Mosquitto", state: str = "online") -> None:
    payload = json.dumps({"state": state, "boot_id": "b", "version": "1"}).encode()
    mosquitto.listen("$SYS/none").client.publish(ADDRESS.availability, payload, 1, True)
