"""The lessons that the register tells a kiosk."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kiosk.clock import ManualClock
from kiosk.daemon.news.room_lessons import Lesson, RoomLessons, lesson_at
from kiosk.protocol.timetable import (
    TIMETABLE_MAX,
    RoomTimetable,
    TimetableLesson,
    encode_timetable,
)
from tests.kiosk.daemon.test_recorder import CONFIG, MONDAY, RecorderUnderTest, known

TOPIC = "kiosk/v1/north/r12/door-2/timetable"
TEN = timedelta(minutes=10)


def minutes(count: float) -> datetime:
    """So many minutes after the time at which the recorder's tests begin."""
    return MONDAY.replace(microsecond=0) + timedelta(minutes=count)


def text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")


def message(*lessons: tuple[str, float, float], until: float = 60 * 24 * 14) -> bytes:
    """A timetable of lessons with their start and end in minutes."""
    rows = tuple(
        TimetableLesson(session=name, starts_at=text(minutes(a)), ends_at=text(minutes(b)))
        for name, a, b in lessons
    )
    timetable = RoomTimetable(since=text(minutes(-60)), until=text(minutes(until)), lessons=rows)
    return encode_timetable(timetable)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "timetable.json"


def rooms(path: Path, topic: str = TOPIC) -> RoomLessons:
    """What a started kiosk knows."""
    lessons = RoomLessons(path, topic, CONFIG.zone, TEN)
    lessons.load()
    return lessons


@pytest.mark.parametrize(
    ("minute", "expected"),
    [(-11, None), (-10, "a"), (0, "a"), (40, "a"), (45, "c"), (50, "c"), (60, None), (71, "d")],
)
def test_who_comes_before_a_lesson_comes_to_it_unless_another_is_running(
    minute: float, expected: str | None
) -> None:
    """The running lesson that began last goes before the next one; its end is not part of it."""
    spans = (("a", 0, 45), ("b", 40, 60), ("c", 45, 60), ("d", 80, 90))
    lessons = [Lesson(name, minutes(a), minutes(b)) for name, a, b in spans if name != "b"]
    found = lesson_at(lessons, minutes(minute), TEN)
    assert (found.session if found else None) == expected


def test_an_event_names_the_lesson_of_the_register(tmp_path: Path) -> None:
    """Outside of its lessons, the configuration names the lesson, and else the day."""
    clock = ManualClock(MONDAY, boot_id="boot-7")
    desk = RecorderUnderTest(tmp_path / "outbox.sqlite3", clock)
    assert desk.store(known("s-1")).session == "2026-11-23/maths-7b"
    desk.recorder.lessons.hear(message(("lesson/4711", 20, 60), ("lesson/4712", 60, 90)), MONDAY)
    clock.advance(600)
    assert desk.store(known("s-2")).session == "2026-11-23/maths-7b"
    clock.advance(600)
    assert desk.store(known("s-1")).session == "lesson/4711"
    assert desk.are_stored("s-1") == [False]
    clock.advance(40 * 60)
    assert desk.store(known("s-1")).session == "lesson/4712"
    clock.advance(30 * 60)
    assert desk.store(known("s-1")).session == "2026-11-23/day"


def test_a_start_without_a_network_knows_the_lessons(path: Path) -> None:
    """They are kept for the owner alone; those of another room are not used."""
    rooms(path).hear(message(("a", 0, 45)), MONDAY)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    session = rooms(path).at(minutes(1))
    assert (str(session), session and session.date.isoformat()) == ("a", "2026-11-23")
    assert rooms(path, "kiosk/v1/north/r13/door-2/timetable").at(minutes(1)) is None


def test_an_empty_message_forgets_the_lessons(path: Path) -> None:
    """The topic was cleared."""
    lessons = rooms(path)
    lessons.hear(message(("a", 0, 45)), MONDAY)
    lessons.hear(b"", MONDAY)
    assert lessons.at(minutes(1)) is None


@pytest.mark.parametrize(
    "payload",
    [
        b"\x00",
        b"[" * 100_000,
        b'{"since":' + b"9" * 5000 + b"}",
        b" " * TIMETABLE_MAX + b"{}",
        message(("a", 45, 0)),
        message(("a\x1b[2J", 0, 45)),
        message(("a", 0, 45)).replace(b"2026-11-23T07", b"2026-02-31T07"),
        message(("a", 0, 45)).replace(b"2026-11-23T07", b"0001-01-01T07"),
        message(("b", 0, 45), until=-1),
    ],
    ids=["nul", "deep", "digits", "long", "backwards", "terminal", "calendar", "year", "expired"],
)
def test_a_message_that_cannot_be_used_changes_nothing(
    payload: bytes, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One line says so, and the lessons that were known stay, also on the disk."""
    lessons = rooms(path)
    lessons.hear(message(("a", 0, 45)), MONDAY)
    before = path.read_bytes()
    lessons.hear(payload, MONDAY)
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith("ignored: ")
    assert caplog.messages[0].isprintable()
    assert (str(lessons.at(minutes(1))), path.read_bytes()) == ("a", before)


@pytest.mark.parametrize("content", [b"", b"\xff\n{}", TOPIC.encode() + b"\n{", b"\x00" * 99])
def test_a_file_that_cannot_be_used_does_not_stop_the_start(content: bytes, path: Path) -> None:
    """The register tells the lessons again."""
    path.write_bytes(content)
    assert rooms(path).at(minutes(1)) is None


def test_a_disk_that_cannot_be_written_keeps_the_lessons_in_memory(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One line says that they are lost at the next start."""
    lessons = rooms(path / "absent" / "timetable.json")
    lessons.hear(message(("a", 0, 45)), datetime(2026, 11, 23, tzinfo=UTC))
    assert str(lessons.at(minutes(1))) == "a"
    assert "lost at the next start" in caplog.messages[0]
