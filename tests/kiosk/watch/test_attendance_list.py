"""The attendance list, and which payloads it takes."""

from datetime import UTC, datetime

import pytest

from kiosk.errors import PayloadError
from kiosk.protocol.event import encode
from kiosk.protocol.topics import KioskAddress, Topic
from kiosk.watch.attendance_list import KEPT_S, AttendanceList, read_event, utc_time
from tests.kiosk.mqtt.support import ADDRESS, ONLINE
from tests.kiosk.watch.support import FIRST, changed, event, participation

TOPIC = Topic(ADDRESS, "attendance")
NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def test_a_repeat_is_known_by_its_event_id() -> None:
    """The same event delivered twice is added once."""
    attendance = AttendanceList()
    assert [
        attendance.add(event(1), 0.0),
        attendance.add(event(1), 0.0),
        attendance.add(event(2, subject_id="s2"), 0.0),
    ] == [
        True,
        False,
        True,
    ]
    assert [found.subject_id for found in attendance.attended(FIRST.session)] == ["s1", "s2"]


def test_a_person_seen_by_two_kiosks_is_listed_once_with_the_earlier_time() -> None:
    """Two kiosks' events of one person and class session make one entry, in either order."""
    early = event(1, time="2026-11-24T08:00:00.000+01:00", room="room-2")
    late = event(2, time="2026-11-24T08:05:00.000+01:00")
    for order in ([early, late], [late, early]):
        attendance = AttendanceList()
        assert [attendance.add(one, 0.0) for one in order] == [True, True]
        assert attendance.attended(FIRST.session) == [early]


def test_the_list_is_in_the_order_of_time_in_any_time_zone() -> None:
    """Entries are ordered by the time in UTC, not by the text of the time or of arrival."""
    attendance = AttendanceList()
    attendance.add(event(1, subject_id="later", time="2026-11-24T07:30:00.000+00:00"), 0.0)
    attendance.add(event(2, subject_id="sooner", time="2026-11-24T08:00:00.000+01:00"), 0.0)
    attendance.add(event(3, subject_id="other", session="2026-11-25/art"), 0.0)
    assert [found.subject_id for found in attendance.attended(FIRST.session)] == ["sooner", "later"]
    assert attendance.sessions == ["2026-11-25/art", FIRST.session]


def test_a_class_session_is_dropped_a_day_after_its_last_event() -> None:
    """The list does not grow for ever: old class sessions go, newer ones stay complete."""
    attendance = AttendanceList()
    for number, session, heard_s in (
        (1, "2026-11-24/maths", 0.0),
        (2, "2026-11-24/day", 10.0),
        (3, "2026-11-24/maths", 20.0),
    ):
        attendance.add(event(number, session=session, subject_id=f"s{number}"), heard_s)
    assert not attendance.add(event(3), 10.0 + KEPT_S)
    assert attendance.sessions == ["2026-11-24/maths", "2026-11-24/day"]
    attendance.add(event(4, session="2026-11-25/art"), 15.0 + KEPT_S)
    assert attendance.sessions == ["2026-11-25/art", "2026-11-24/maths"]
    assert len(attendance.attended("2026-11-24/maths")) == 2
    assert attendance.attended("2026-11-24/day") == []
    attendance.add(event(5, session="2026-11-25/art"), 1e9)
    assert attendance.sessions == ["2026-11-25/art"]
    assert (len(attendance._seen), len(attendance._sessions), len(attendance._first)) == (1, 1, 1)


def test_a_late_event_is_listed() -> None:
    """An event of last week, or of a clock that was never set, is on the list when it comes."""
    attendance = AttendanceList()
    attendance.add(event(1), 0.0)
    assert attendance.add(
        event(2, session="1970-01-01/day", time="1970-01-01T00:01:00.000+00:00"), 1.0
    )
    assert attendance.sessions == [FIRST.session, "1970-01-01/day"]


def test_the_kiosks_are_listed_by_address_until_they_go() -> None:
    """What each says is taken in; one that was taken out of service is dropped."""
    attendance = AttendanceList()
    other = KioskAddress(site="school", room="room-0", kiosk="kiosk-0")
    for address in (ADDRESS, other):
        attendance.hear(address, ONLINE, NOW, retained=False)
    assert [address for address, _ in attendance.kiosks] == [other, ADDRESS]
    assert attendance.kiosks[0][1].availability == ONLINE
    attendance.forget(other)
    assert [address for address, _ in attendance.kiosks] == [ADDRESS]


@pytest.mark.parametrize(
    ("payload", "named"),
    [
        (b"", "not an event"),
        (b"\xff\xfe", "not an event"),
        (b"[]", "not an event"),
        (changed(room="room-2"), "room: "),
        (changed(type="participation", count=1), "type: "),
        (changed(type="participation"), "count"),
        (changed(subject_id=7), "subject_id"),
        (changed(time="2026-99-24T08:01:02.003+01:00"), "time: "),
        (changed(time="2026-11-24T08:01:02.003+99:99"), "time: "),
        (changed(time="0001-01-01T00:00:00.000+05:00"), "time: "),
        (changed(time="9999-12-31T23:59:59.999-05:00"), "time: "),
    ],
)
def test_a_bad_payload_is_rejected_by_field(payload: bytes, named: str) -> None:
    """The error names what is wrong."""
    with pytest.raises(PayloadError, match=named):
        read_event(TOPIC, payload)


def test_the_time_of_an_event_is_in_utc() -> None:
    """The UTC offset of the time is applied."""
    assert utc_time(FIRST).isoformat() == "2026-11-24T07:01:02.003000+00:00"


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("absence", changed(type="absence")),
        ("health", b'{"uptime_s":7}'),
        ("thumbnail", b"\xff\xd8"),
        ("attendance", changed(type="absence", decision=None)),
        ("attendance", changed(schema_version=2)),
    ],
)
def test_a_message_of_an_unknown_kind_is_no_error(kind: str, payload: bytes) -> None:
    """A topic, an event type or a schema version of a newer kiosk is skipped, read or not."""
    assert read_event(Topic(ADDRESS, kind), payload) is None


def test_a_participation_event_is_read_on_its_own_topic_alone() -> None:
    """An event whose type differs from its topic is rejected, in both directions."""
    assert read_event(Topic(ADDRESS, "participation"), encode(participation(1, 2))) is not None
    for kind, wrong in (("attendance", participation(1, 2)), ("participation", FIRST)):
        with pytest.raises(PayloadError, match="type: expected the last level of the topic"):
            read_event(Topic(ADDRESS, kind), encode(wrong))


def test_participation_is_not_attendance() -> None:
    """A participation event alone puts nobody on the list; repeats of it are recognised."""
    attendance = AttendanceList()
    assert attendance.add(participation(1, 1), 0.0)
    assert not attendance.add(participation(1, 1), 0.0)
    assert attendance.attended(FIRST.session) == []
    assert attendance.sessions == [FIRST.session]


def test_participation_is_counted_for_each_person_and_class_session() -> None:
    """The highest count of a person is kept, whatever came first or was missed."""
    attendance = AttendanceList()
    others = event(9, subject_id="s2"), event(8, session="2026-11-24/art")
    for one in (participation(2, 3), participation(1, 1), FIRST, *others):
        attendance.add(one, 0.0)
    assert attendance.participation(FIRST) == 3
    assert [attendance.participation(other) for other in others] == [0, 0]
    attendance.add(event(7, session="2026-11-25/day"), 2 * KEPT_S)
    assert attendance.participation(FIRST) == 0
    assert attendance._participation == {}


def test_skipped_messages_are_counted() -> None:
    """Each skipped message raises the number by one."""
    attendance = AttendanceList()
    assert attendance.skipped == 0
    assert [attendance.skip(), attendance.skip(), attendance.skipped] == [1, 2, 2]
