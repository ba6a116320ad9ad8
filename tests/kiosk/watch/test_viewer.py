"""Watching: the list, how it is shown, and the subscription against a real Mosquitto."""

import io
import json
import logging
import queue
import threading
import uuid
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.config import MqttSection
from kiosk.errors import BrokerError, PayloadError
from kiosk.mqtt.outbox import Outbox
from kiosk.protocol.availability import Availability
from kiosk.protocol.event import AttendanceEvent, DecisionRecord, encode
from kiosk.protocol.topics import KioskAddress, Topic
from kiosk.roster import Roster
from kiosk.watch.attendance_list import KEPT_S, AttendanceList, moment, read_event
from kiosk.watch.screens import JsonLines, Lines, Table, screen_for
from kiosk.watch.viewer import watch
from tests.conftest import PATIENCE_S
from tests.kiosk.mqtt.support import ADDRESS, ONLINE, KioskPublisher

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Mosquitto

BERLIN = ZoneInfo("Europe/Berlin")
ROSTER = Roster({"s1": "Ada Lovelace"})
DECISION = DecisionRecord(
    score=0.7, margin=0.3, threshold=0.5, votes=4, frames=5, quality=0.9, model_id="m"
)
FIRST = AttendanceEvent(
    event_id="019ab000-0000-7000-8000-000000000001",
    site="school",
    room="room-1",
    kiosk="kiosk-1",
    subject_id="s1",
    session="2026-11-24/maths",
    time="2026-11-24T08:01:02.003+01:00",
    clock="synchronised",
    boot_id="boot-1",
    monotonic_s=12.5,
    sequence=1,
    decision=DECISION,
)


TOPIC = Topic(ADDRESS, "attendance")


def event(number: int = 1, **changes: str) -> AttendanceEvent:
    """An event with an id of its own, otherwise as FIRST."""
    event_id = f"019ab000-0000-7000-8000-{number:012d}"
    return msgspec.structs.replace(FIRST, event_id=event_id, **changes)


def changed(**changes: object) -> bytes:
    """FIRST as JSON, with some fields put to other values."""
    return msgspec.json.encode({**msgspec.to_builtins(FIRST), **changes})


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_repeat_is_known_by_its_event_id() -> None:
    """The same event delivered twice is added once."""
    board = AttendanceList()
    assert [
        board.add(event(1), 0.0),
        board.add(event(1), 0.0),
        board.add(event(2, subject_id="s2"), 0.0),
    ] == [
        True,
        False,
        True,
    ]
    assert [found.subject_id for found in board.attended(FIRST.session)] == ["s1", "s2"]


def test_a_person_seen_by_two_doors_stands_once_with_the_earlier_time() -> None:
    """Two kiosks' events of one person and session make one entry, whichever comes first."""
    early = event(1, time="2026-11-24T08:00:00.000+01:00", room="room-2")
    late = event(2, time="2026-11-24T08:05:00.000+01:00")
    for order in ([early, late], [late, early]):
        board = AttendanceList()
        assert [board.add(one, 0.0) for one in order] == [True, True]
        assert board.attended(FIRST.session) == [early]


def test_the_list_is_in_the_order_of_time_whatever_the_zone() -> None:
    """Entries are ordered by the moment, not by the text of the time or of arrival."""
    board = AttendanceList()
    board.add(event(1, subject_id="later", time="2026-11-24T07:30:00.000+00:00"), 0.0)
    board.add(event(2, subject_id="sooner", time="2026-11-24T08:00:00.000+01:00"), 0.0)
    board.add(event(3, subject_id="other", session="2026-11-25/art"), 0.0)
    assert [found.subject_id for found in board.attended(FIRST.session)] == ["sooner", "later"]
    assert board.sessions == ["2026-11-25/art", FIRST.session]


def test_a_session_is_forgotten_a_day_after_it_was_last_heard_of() -> None:
    """The list does not grow for ever: old sessions go whole, the newer stay whole."""
    board = AttendanceList()
    for number, session, heard_s in (
        (1, "2026-11-24/maths", 0.0),
        (2, "2026-11-24/day", 10.0),
        (3, "2026-11-24/maths", 20.0),
    ):
        board.add(event(number, session=session, subject_id=f"s{number}"), heard_s)
    assert not board.add(event(3), 10.0 + KEPT_S)
    assert board.sessions == ["2026-11-24/maths", "2026-11-24/day"]
    board.add(event(4, session="2026-11-25/art"), 15.0 + KEPT_S)
    assert board.sessions == ["2026-11-25/art", "2026-11-24/maths"]
    assert len(board.attended("2026-11-24/maths")) == 2
    assert board.attended("2026-11-24/day") == []
    board.add(event(5, session="2026-11-25/art"), 1e9)
    assert board.sessions == ["2026-11-25/art"]
    assert (len(board._seen), len(board._sessions), len(board._first)) == (1, 1, 1)


def test_what_comes_late_stands_on_the_list() -> None:
    """An event of last week, or of a clock that was never set, is shown when it comes."""
    board = AttendanceList()
    board.add(event(1), 0.0)
    assert board.add(event(2, session="1970-01-01/day", time="1970-01-01T00:01:00.000+00:00"), 1.0)
    assert board.sessions == [FIRST.session, "1970-01-01/day"]


def test_availability_is_news_only_when_it_changes() -> None:
    """The same message again, as after a reconnection, is no news."""
    board = AttendanceList()
    states = [ONLINE, ONLINE, ONLINE.as_offline(), ONLINE]
    assert [board.set_availability(ADDRESS, state) for state in states] == [True, False, True, True]
    assert board.kiosks == [(ADDRESS, ONLINE)]


@pytest.mark.parametrize(
    ("payload", "named"),
    [
        (b"", "not an event"),
        (b"\xff\xfe", "not an event"),
        (b"[]", "not an event"),
        (changed(room="room-2"), "room: "),
        (changed(subject_id=7), "subject_id"),
        (changed(time="2026-99-24T08:01:02.003+01:00"), "time: "),
        (changed(time="2026-11-24T08:01:02.003+99:99"), "time: "),
        (changed(time="0001-01-01T00:00:00.000+05:00"), "time: "),
        (changed(time="9999-12-31T23:59:59.999-05:00"), "time: "),
    ],
)
def test_a_bad_payload_is_refused_by_field(payload: bytes, named: str) -> None:
    """The error names what is wrong."""
    with pytest.raises(PayloadError, match=named):
        read_event(TOPIC, payload)


@given(st.one_of(st.binary(), st.text().map(lambda text: changed(session=text, subject_id=text))))
def test_no_payload_crashes_the_watcher(payload: bytes) -> None:
    """Law: any bytes are an event that can be shown, or a PayloadError."""
    try:
        found = read_event(TOPIC, payload)
    except PayloadError:
        return
    assert isinstance(found, AttendanceEvent)
    board = AttendanceList()
    board.add(found, 0.0)
    for zone in (ZoneInfo("Pacific/Kiritimati"), ZoneInfo("Etc/GMT+12")):
        for screen in (Lines(io.StringIO(), ROSTER, zone), Table(Terminal(), ROSTER, zone, board)):
            screen.event(found)
    JsonLines(io.StringIO(), ROSTER).event(found)


def test_a_line_has_the_local_time_the_name_and_the_place() -> None:
    """Time in the zone that was asked for; the subject id where the roster has no name."""
    out = io.StringIO()
    lines = Lines(out, ROSTER, ZoneInfo("Asia/Tokyo"))
    lines.event(FIRST)
    lines.event(event(2, subject_id="s9", clock="unsynchronised"))
    lines.availability(ADDRESS, ONLINE)
    assert out.getvalue().splitlines() == [
        "2026-11-24 16:01:02  Ada Lovelace  room-1/kiosk-1  2026-11-24/maths",
        "2026-11-24 ~16:01:02  s9  room-1/kiosk-1  2026-11-24/maths",
        "room-1/kiosk-1 is online",
    ]


def test_the_table_shows_the_whole_list_anew() -> None:
    """On a terminal, the screen is cleared and the list of each session stands in columns."""
    board = AttendanceList()
    out = Terminal()
    table = Table(out, ROSTER, BERLIN, board)
    for one in (FIRST, event(2, subject_id="s22", time="2026-11-24T08:00:00.000+01:00")):
        board.add(one, 0.0)
        table.event(one)
    board.set_availability(ADDRESS, ONLINE)
    table.availability(ADDRESS, ONLINE)
    assert out.getvalue().split("\x1b[H\x1b[2J")[-1].splitlines() == [
        "room-1/kiosk-1 is online",
        "2026-11-24/maths: 2 present",
        "  TIME      NAME          ROOM",
        "  08:00:00  s22           room-1",
        "  08:01:02  Ada Lovelace  room-1",
    ]


def test_json_is_the_event_and_the_name() -> None:
    """One object a line: every field of the event, the name beside them; availability likewise."""
    out = io.StringIO()
    screen = JsonLines(out, ROSTER)
    screen.event(FIRST)
    screen.availability(ADDRESS, ONLINE)
    one, two = map(json.loads, out.getvalue().splitlines())
    assert one == {**json.loads(encode(FIRST)), "name": "Ada Lovelace"}
    assert two == {
        "type": "availability",
        "site": "school",
        "room": "room-1",
        "kiosk": "kiosk-1",
        "state": "online",
        "boot_id": "boot-1",
        "version": "0.1.0",
    }


def test_text_cannot_steer_the_terminal() -> None:
    """Control characters in a payload or a name come out as replacement characters."""
    out = io.StringIO()
    Lines(out, Roster({"s1": "\x1b[31mAda\n"}), BERLIN).event(event(1, session="a\x07\u202e"))
    assert out.getvalue().count("\n") == 1
    assert not {"\x1b", "\x07", "\u202e"} & set(out.getvalue())


@pytest.mark.parametrize(
    ("out", "as_json", "kind"),
    [(Terminal(), False, Table), (io.StringIO(), False, Lines), (Terminal(), True, JsonLines)],
)
def test_the_screen_suits_where_it_goes(out: io.StringIO, *, as_json: bool, kind: type) -> None:
    """A table on a terminal, lines into a pipe, and JSON where it was asked for."""
    assert type(screen_for(out, AttendanceList(), ROSTER, BERLIN, as_json=as_json)) is kind


def test_the_moment_of_an_event_is_in_utc() -> None:
    """The offset of the time is taken into account."""
    assert moment(FIRST).isoformat() == "2026-11-24T07:01:02.003000+00:00"


class Heard:
    """A screen that a test can wait on."""

    def __init__(self) -> None:
        self.events: list[AttendanceEvent] = []
        self.states: queue.Queue[tuple[KioskAddress, str]] = queue.Queue()

    def event(self, event: AttendanceEvent) -> None:
        self.events.append(event)

    def availability(self, place: KioskAddress, availability: Availability) -> None:
        self.states.put((place, availability.state))


def section(mosquitto: "Mosquitto", protocol: str = "5", username: str = "") -> MqttSection:
    options = {"protocol": protocol, "username": username}
    return msgspec.convert({"host": mosquitto.host, "port": mosquitto.port, **options}, MqttSection)


def watching(mqtt: MqttSection, screen: Heard, limit: int) -> threading.Thread:
    thread = threading.Thread(
        target=watch, args=(mqtt, AttendanceList(), screen), kwargs={"limit": limit}, daemon=True
    )
    thread.start()
    return thread


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_events_are_heard_once_and_bad_ones_are_told(
    mosquitto: "Mosquitto", caplog: pytest.LogCaptureFixture, protocol: str
) -> None:
    """Repeats and rubbish do not count; each piece of rubbish is one line with topic and field."""
    screen = Heard()
    client = mosquitto.listen("$SYS/none").client
    client.publish(ADDRESS.availability, b'{"state":"online","boot_id":"b","version":"1"}', 1, True)
    thread = watching(section(mosquitto, protocol), screen, limit=2)
    # The retained message comes when the subscription stands, so nothing after it is missed.
    assert screen.states.get(timeout=PATIENCE_S) == (ADDRESS, "online")
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


def test_what_the_publisher_sends_is_what_is_watched(
    mosquitto: "Mosquitto", tmp_path: "Path"
) -> None:
    """From outbox to screen through a real broker: online, the event, offline."""
    screen = Heard()
    mqtt = section(mosquitto)
    with Outbox(tmp_path / "outbox.sqlite3") as outbox:
        publisher = KioskPublisher(mqtt, outbox)
        publisher.start()
        thread = watching(mqtt, screen, limit=1)
        assert screen.states.get(timeout=PATIENCE_S) == (ADDRESS, "online")
        one = event(int(uuid.uuid4()) % 10**12)
        outbox.record(
            one.session,
            "s1",
            lambda _: (one.event_id, ADDRESS.topic_of(AttendanceEvent), encode(one)),
        )
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


def test_a_watch_outlives_the_broker(
    mosquitto: "Mosquitto", caplog: pytest.LogCaptureFixture
) -> None:
    """After a restart of the broker, the watch hears again; the log has the outage and its end."""
    screen = Heard()
    thread = watching(section(mosquitto), screen, limit=1)
    publish_state(mosquitto)
    assert screen.states.get(timeout=PATIENCE_S)[1] == "online"
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
