"""How attendance is shown: as lines, as a table, as JSON."""

import io
import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.errors import PayloadError
from kiosk.people.roster import Roster
from kiosk.protocol.event import encode
from kiosk.protocol.topics import Topic
from kiosk.watch.attendance_list import AttendanceList, read_event
from kiosk.watch.door import Door
from kiosk.watch.screens import JsonLines, LiveTable, Screen, TextLines, screen_for
from tests.kiosk.mqtt.support import ADDRESS, ONLINE
from tests.kiosk.protocol.test_health import HEALTH
from tests.kiosk.watch.support import BERLIN, FIRST, ROSTER, changed, event, participation

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def last_screen(out: Terminal) -> list[str]:
    """The lines since the terminal was last cleared."""
    return out.getvalue().split("\x1b[H\x1b[2J")[-1].splitlines()


def screens(zone: ZoneInfo, attendance: AttendanceList) -> list[Screen]:
    return [
        TextLines(io.StringIO(), ROSTER, zone),
        LiveTable(Terminal(), ROSTER, zone, attendance),
        JsonLines(io.StringIO(), ROSTER),
    ]


def payloads() -> st.SearchStrategy[bytes]:
    """Any bytes, and events of any texts, types and versions."""
    types = st.one_of(st.sampled_from(["attendance", "participation"]), st.text())
    events = st.builds(
        lambda text, kind, version, count: changed(
            session=text, subject_id=text, type=kind, schema_version=version, count=count
        ),
        st.text(),
        types,
        st.one_of(st.just(1), st.integers()),
        st.integers(),
    )
    return st.one_of(st.binary(), events)


@given(payloads(), st.one_of(st.sampled_from(["attendance", "participation"]), st.text()))
def test_no_payload_crashes_the_viewer(payload: bytes, kind: str) -> None:
    """Law: any bytes on any topic are an event that can be shown, skipped, or a PayloadError."""
    try:
        found = read_event(Topic(ADDRESS, kind), payload)
    except PayloadError:
        return
    attendance = AttendanceList()
    for zone in (ZoneInfo("Pacific/Kiritimati"), ZoneInfo("Etc/GMT+12")):
        for screen in screens(zone, attendance):
            if found is None:
                screen.show_skipped(attendance.skip())
            else:
                attendance.add(found, 0.0)
                screen.show_event(found)


def test_a_line_has_the_local_time_the_name_and_the_place() -> None:
    """The time is in the requested zone; without a name on the roster, the subject id is shown."""
    out = io.StringIO()
    lines = TextLines(out, ROSTER, ZoneInfo("Asia/Tokyo"), lambda: NOW)
    lines.show_event(FIRST)
    lines.show_event(event(2, subject_id="s9", clock="unsynchronised"))
    lines.show_kiosk(ADDRESS, Door().hear(ONLINE, NOW, retained=False))
    assert out.getvalue().splitlines() == [
        "2026-11-24 16:01:02  Ada Lovelace  room-1/kiosk-1  2026-11-24/maths",
        "2026-11-24 ~16:01:02  s9  room-1/kiosk-1  2026-11-24/maths",
        "room-1/kiosk-1 is online",
    ]


def test_the_table_shows_the_complete_list() -> None:
    """On a terminal, the screen is cleared and each class session is shown in columns."""
    attendance = AttendanceList()
    out = Terminal()
    table = LiveTable(out, ROSTER, BERLIN, attendance, lambda: NOW)
    for one in (FIRST, event(2, subject_id="s22", time="2026-11-24T08:00:00.000+01:00")):
        attendance.add(one, 0.0)
        table.show_event(one)
    for news in (ONLINE, msgspec.structs.replace(HEALTH, camera="lost", last_frame_age_s=70.4)):
        attendance.hear(ADDRESS, news, NOW, retained=False)
    table.show_kiosk(ADDRESS, attendance.kiosks[0][1])
    assert last_screen(out) == [
        (
            "room-1/kiosk-1 is online; camera lost; 12 people enrolled; 3 waiting; "
            "last frame 70.4 s before; 0% of 9 faces refused, most blurred"
        ),
        "2026-11-24/maths: 2 present",
        "  TIME      NAME          ROOM",
        "  08:00:00  s22           room-1",
        "  08:01:02  Ada Lovelace  room-1",
    ]


def test_participation_is_shown_as_such() -> None:
    """A line ends with the type and the count; JSON has the event's own fields."""
    lines, objects = io.StringIO(), io.StringIO()
    for screen in (TextLines(lines, ROSTER, BERLIN), JsonLines(objects, ROSTER)):
        screen.show_event(participation(2, 3))
    rest = "Ada Lovelace  room-1/kiosk-1  2026-11-24/maths"
    assert lines.getvalue() == f"2026-11-24 08:01:02  {rest}  participation 3\n"
    shown = json.loads(objects.getvalue())
    assert (shown["type"], shown["count"], shown["name"]) == ("participation", 3, "Ada Lovelace")


def test_the_table_shows_participation_where_there_is_any() -> None:
    """A class session with participation has a column more, which is empty for the others."""
    attendance = AttendanceList()
    out = Terminal()
    other = event(2, subject_id="s2", time="2026-11-24T08:02:00.000+01:00")
    elsewhere = event(3, session="2026-11-23/art")
    for one in (FIRST, other, elsewhere, participation(4, 2)):
        attendance.add(one, 0.0)
    LiveTable(out, ROSTER, BERLIN, attendance).show_event(participation(4, 2))
    assert last_screen(out) == [
        "2026-11-24/maths: 2 present",
        "  TIME      NAME          ROOM    PARTICIPATION",
        "  08:01:02  Ada Lovelace  room-1  2",
        "  08:02:00  s2            room-1",
        "2026-11-23/art: 1 present",
        "  TIME      NAME          ROOM",
        "  08:01:02  Ada Lovelace  room-1",
    ]


def test_skipped_messages_are_shown_once_in_a_while() -> None:
    """Lines show the number at 1, 10, 100 and so on, and the table always in its last line."""
    attendance = AttendanceList()
    lines, table, objects = io.StringIO(), Terminal(), io.StringIO()
    for _ in range(105):
        count = attendance.skip()
        TextLines(lines, ROSTER, BERLIN).show_skipped(count)
        LiveTable(table, ROSTER, BERLIN, attendance).show_skipped(count)
        JsonLines(objects, ROSTER).show_skipped(count)
    text = "{} of an unknown kind skipped; a newer kiosk sends them"
    said = [text.format(count) for count in ("1 message", "10 messages", "100 messages")]
    assert lines.getvalue().splitlines() == said
    assert [json.loads(line) for line in objects.getvalue().splitlines()] == [
        {"type": "skipped", "count": count} for count in (1, 10, 100)
    ]
    assert last_screen(table) == [text.format("105 messages")]


def test_json_is_the_event_and_the_name() -> None:
    """One object a line: every field of the event and the name, or of the availability."""
    out = io.StringIO()
    screen = JsonLines(out, ROSTER)
    screen.show_event(FIRST)
    door = Door().hear(ONLINE, NOW, retained=False)
    for heard in (door, door.hear(HEALTH, NOW, retained=False)):
        screen.show_kiosk(ADDRESS, heard)
    one, two, three = map(json.loads, out.getvalue().splitlines())
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
    assert (three["type"], three["kiosk"], three["waiting"]) == ("health", "kiosk-1", 3)


def test_a_line_about_a_kiosk_is_written_when_it_says_something_new() -> None:
    """Health that comes every minute is silent in a pipe, until something does not work."""
    out = io.StringIO()
    lines = TextLines(out, ROSTER, BERLIN, lambda: NOW)
    door = Door()
    for camera in ("ok", "ok", "black", "black", "ok"):
        news = msgspec.structs.replace(HEALTH, camera=camera, waiting=len(out.getvalue()))
        door = door.hear(news, NOW, retained=False)
        lines.show_kiosk(ADDRESS, door)
    online = "room-1/kiosk-1 is online"
    assert out.getvalue().splitlines() == [online, f"{online}; camera black", online]


def test_text_cannot_control_the_terminal() -> None:
    """Control characters in a payload or a name come out as replacement characters."""
    out = io.StringIO()
    TextLines(out, Roster({"s1": "\x1b[31mAda\n"}), BERLIN).show_event(
        event(1, session="a\x07\u202e")
    )
    assert out.getvalue().count("\n") == 1
    assert not {"\x1b", "\x07", "\u202e"} & set(out.getvalue())


@pytest.mark.parametrize(
    ("out", "as_json", "kind"),
    [
        (Terminal(), False, LiveTable),
        (io.StringIO(), False, TextLines),
        (Terminal(), True, JsonLines),
    ],
)
def test_the_screen_is_chosen_by_the_output(out: io.StringIO, *, as_json: bool, kind: type) -> None:
    """A table on a terminal, lines into a pipe, and JSON when it was asked for."""
    assert type(screen_for(out, AttendanceList(), ROSTER, BERLIN, as_json=as_json)) is kind
