"""The participation window of a door, and the events while it is open."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kiosk.clock import ManualClock
from kiosk.config.mqtt import MqttSection
from kiosk.daemon.news.card_list import CardVerdict, Judgement
from kiosk.daemon.news.register_news import subscribe
from kiosk.daemon.news.room_lessons import RoomLessons
from kiosk.daemon.participation import LOCAL_MAX, Windows
from kiosk.daemon.results import AlreadyStored, NotKnown, Stored
from kiosk.daemon.times.steady_clock import SteadyClock
from kiosk.mqtt.embedded_broker import HOST, EmbeddedBroker
from kiosk.outbox.outbox import Outbox
from kiosk.protocol.event import ParticipationEvent
from kiosk.protocol.participation import ParticipationWindow, encode_window
from kiosk.protocol.topics import PARTICIPATION_WINDOW, TIMETABLE
from kiosk.records import Verdict
from tests.kiosk.daemon.news.test_room_lessons import message as timetable
from tests.kiosk.daemon.news.test_room_lessons import minutes, text
from tests.kiosk.daemon.test_recorder import MONDAY, RecorderUnderTest, known
from tests.kiosk.mqtt.support import ADDRESS, KioskPublisher, kiosk_log

if TYPE_CHECKING:
    from tests.mosquitto import Mosquitto


def window(number: int = 1, state: str = "open", *, closes: float = 45.0) -> bytes:
    """A message of the register."""
    return encode_window(
        ParticipationWindow(
            window=number,
            state=state,  # type: ignore[arg-type]  # "open" or "closed"
            session="lesson/4711",
            opened_at=text(minutes(0)),
            closes_at=text(minutes(closes)),
        )
    )


class Door:
    """A recorder and the window of its door."""

    def __init__(self, path: Path) -> None:
        self.clock = ManualClock(MONDAY, boot_id="boot-7")
        self.desk = RecorderUnderTest(path, self.clock)
        self.windows = Windows(self.desk.recorder.clock)

    def take_part(self, subject_id: str = "s-1") -> ParticipationEvent | None:
        """Have a person walk past; the event, if there is one."""
        assert self.windows.open is not None
        match self.desk.recorder.participate(known(subject_id), self.windows.open):
            case Stored(ParticipationEvent() as event):
                return event
            case other:
                assert isinstance(other, AlreadyStored)
                return None


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    door = Door(tmp_path / "outbox.sqlite3")
    yield door
    door.desk.outbox.close()


def test_a_student_takes_part_once_in_each_window(door: Door) -> None:
    """Each has a count of their own in the class session, and who comes back has none again."""
    door.windows.hear(window(7))
    event = door.take_part()
    assert event is not None
    assert (event.session, event.count, event.subject_id) == ("lesson/4711", 1, "s-1")
    door.clock.advance(120.0)
    assert door.take_part() is None
    door.windows.hear(window(8))
    counts = [one and one.count for one in map(door.take_part, ("s-1", "s-2", "s-1"))]
    assert counts == [2, 1, None]
    topics = {row.topic for row in door.desk.outbox.pending(9)}
    assert topics == {"kiosk/v1/north/r12/door-2/participation"}


def test_participation_is_not_attendance(door: Door) -> None:
    """Either is stored whether the other is or not; nobody who is not known takes part."""
    door.windows.hear(window())
    assert door.take_part() is not None
    assert door.desk.are_stored("s-1", "s-1") == [True, False]
    opened = door.windows.open
    assert opened is not None
    stranger = door.desk.recorder.participate(known(verdict=Verdict.STRANGER), opened)
    assert stranger == NotKnown(Verdict.STRANGER)


def test_a_card_takes_part_like_the_face(door: Door) -> None:
    """The event says which card it was; card and face together count once in a window."""
    door.windows.hear(window(7))
    opened = door.windows.open
    assert opened is not None
    card = Judgement(CardVerdict.VALID, "s-1", "AAAAAAAA")
    stored = door.desk.recorder.participate_by(card, opened)
    assert isinstance(stored, Stored)
    assert isinstance(stored.event, ParticipationEvent)
    assert (stored.event.method, stored.event.card, stored.event.count) == ("qr", "AAAAAAAA", 1)
    assert door.take_part() is None
    assert isinstance(door.desk.recorder.participate_by(card, opened), AlreadyStored)
    door.windows.hear(window(8))
    event = door.take_part()
    assert event is not None
    assert (event.method, event.count) == ("face", 2)


def test_a_window_closes_by_itself_at_its_end(door: Door) -> None:
    """Without a network, and by the monotonic clock while the time is not certain."""
    door.windows.hear(window(closes=45.0))
    door.clock.advance(45 * 60 - 1)
    assert door.windows.open
    door.clock.advance(1.0)
    assert not door.windows.open
    adrift = ManualClock(datetime(1970, 1, 5, tzinfo=UTC))
    adrift.set_utc(adrift.utc(), synchronised=False)
    windows = Windows(SteadyClock(adrift))
    windows.hear(window(closes=45.0))
    assert windows.open
    adrift.advance(45 * 60)
    assert not windows.open


@pytest.mark.parametrize("payload", [b"", window(1, "closed")])
def test_the_register_closes_a_window(door: Door, payload: bytes) -> None:
    """By its word, or by clearing the topic."""
    door.windows.hear(window())
    door.windows.hear(payload)
    assert door.windows.open is None


def test_a_window_that_is_over_is_not_opened(door: Door) -> None:
    """The broker may have kept the message since yesterday."""
    door.windows.hear(window(closes=0.0))
    assert door.windows.open is None


@pytest.mark.parametrize(
    "payload",
    [
        b"?",
        b"[" * 9999,
        window().replace(b"lesson/4711", b"\\u001b[2J"),
        window().replace(b"2026-11-23", b"2026-02-31"),
    ],
)
def test_a_message_that_cannot_be_used_changes_nothing(
    door: Door, payload: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """One line says so, and the open window stays."""
    door.windows.hear(window())
    door.windows.hear(payload)
    assert door.windows.open
    assert len(caplog.messages) == 1


def test_the_door_opens_and_closes_a_window(door: Door) -> None:
    """For the rest of the lesson, or for an hour; a message that comes again changes nothing."""
    session = door.desk.recorder.class_session()
    door.windows.toggle(session, minutes(30))
    event = door.take_part()
    assert event is not None
    assert (event.session, event.count) == ("2026-11-23/maths-7b", 1)
    door.windows.toggle(session, None)
    assert door.windows.open is None
    door.clock.advance(60.0)
    door.windows.toggle(session, None)
    event = door.take_part()
    assert event is not None
    assert event.count == 2
    door.clock.advance(LOCAL_MAX.total_seconds())
    assert door.windows.open is None
    door.windows.hear(window(3, closes=600.0))
    door.windows.toggle(session, None)
    door.windows.hear(window(3, closes=600.0))
    assert door.windows.open is None


def _hears(mqtt: MqttSection, outbox: Outbox) -> None:
    """A kiosk that connects hears what the broker has kept, and what comes afterwards."""
    clock = SteadyClock(ManualClock(MONDAY))
    lessons, windows = RoomLessons(), Windows(clock)
    kiosk, teacher = KioskPublisher(mqtt, outbox), KioskPublisher(mqtt, outbox)
    teacher.client._client_id = b"teacher"
    subscribe(kiosk.connection, ADDRESS, lessons, windows, clock)
    with kiosk_log() as log:
        teacher.start()
        for topic, payload in (
            (TIMETABLE, timetable(("a", 0, 45))),
            (PARTICIPATION_WINDOW, window()),
        ):
            teacher.client.publish(ADDRESS.topic(topic), payload, 1, retain=True)
        kiosk.start()
        log.wait_for("participation: open")
        teacher.client.publish(ADDRESS.topic(PARTICIPATION_WINDOW), window(1, "closed"), 1, True)
        log.wait_for("participation: closed")
        assert str(lessons.at(MONDAY + timedelta(minutes=1))) == "a"
        for one in (kiosk, teacher):
            one.stop(1.0)


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_the_kiosk_hears_the_register(
    mosquitto: "Mosquitto", tmp_path: Path, protocol: str
) -> None:
    """In both versions of MQTT."""
    with Outbox(tmp_path / "outbox.sqlite3") as outbox:
        mqtt = MqttSection(host=mosquitto.host, port=mosquitto.port, protocol=protocol)  # type: ignore[arg-type]
        _hears(mqtt, outbox)


def test_the_embedded_broker_passes_on_what_the_register_says(tmp_path: Path) -> None:
    """The first command has pages, too."""
    pytest.importorskip("amqtt", reason="the extra [demo] is not installed")
    with EmbeddedBroker() as broker, Outbox(tmp_path / "outbox.sqlite3") as outbox:
        _hears(MqttSection(host=HOST, port=broker.port, protocol="3.1.1"), outbox)
