"""The recorder: from a decision to a committed event, once for each person and class session."""

import dataclasses
import json
import math
import re
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from kiosk.clock import ManualClock
from kiosk.config.keys import Config, parse_config
from kiosk.config.timetable import ClassSession
from kiosk.daemon import backlog
from kiosk.daemon.recorder import Recorder
from kiosk.daemon.results import AlreadyStored, NotKnown, Postponed, Stored
from kiosk.daemon.times.repeats import EVERY_S, KEPT
from kiosk.daemon.times.steady_clock import SETTLE_S, SteadyClock
from kiosk.outbox.outbox import Outbox
from kiosk.protocol.event import AttendanceEvent, decode, schema
from kiosk.records import Decision, Verdict
from tests.support import is_stored

CONFIG = parse_config(
    b"""
    [kiosk]
    id = "door-2"
    room = "r12"
    site = "north"
    timezone = "Europe/Berlin"
    [[lesson]]
    name = "maths-7b"
    days = ["mon"]
    start = "08:00"
    end = "08:45"
    """,
    "kiosk.toml",
)
MATHS = ClassSession(date(2026, 11, 23), "maths-7b")
MONDAY = datetime(2026, 11, 23, 7, 10, 0, 123456, tzinfo=UTC)


def known(subject_id: str = "s-1", verdict: Verdict = Verdict.KNOWN) -> Decision:
    return Decision(
        verdict=verdict,
        subject_id=subject_id if verdict is Verdict.KNOWN else None,
        score=0.71239,
        margin=2.0,
        threshold=0.5,
        votes=3,
        frames=4,
        quality=0.8,
        direction="left",
    )


class RecorderUnderTest:
    """A recorder on a real outbox, which can be closed and opened again."""

    def __init__(self, path: Path, clock: ManualClock, config: Config = CONFIG) -> None:
        self.committed = 0
        self.outbox = Outbox(path)
        self.recorder = Recorder(
            self.outbox,
            SteadyClock(clock),
            config,
            "model-1",
            self._count,
            gallery_version=3,
            gallery_hash="0a1b2c3d4e5f",
        )

    def _count(self) -> None:
        self.committed += 1

    def store(self, decision: Decision) -> AttendanceEvent:
        """Store a decision that must become an event."""
        result = self.recorder.store(decision)
        assert isinstance(result, Stored)
        assert isinstance(result.event, AttendanceEvent)
        return result.event

    def are_stored(self, *subjects: str) -> list[bool]:
        """Store a decision for each subject; whether each became an event."""
        return [isinstance(self.recorder.store(known(subject)), Stored) for subject in subjects]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(MONDAY, monotonic_s=512.34567, boot_id="boot-7")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite3"


def test_the_event_holds_person_place_time_and_decision(path: Path, clock: ManualClock) -> None:
    """The committed row is the event: names, local time, clock, boot, sequence, decision."""
    desk = RecorderUnderTest(path, clock)
    event = desk.store(known())
    (row,) = desk.outbox.pending(9)
    assert row.topic == "kiosk/v1/north/r12/door-2/attendance"
    assert event == decode(row.payload)
    fields = json.loads(row.payload)
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7.*", fields.pop("event_id"))
    assert fields == {
        "schema_version": 1,
        "type": "attendance",
        "site": "north",
        "room": "r12",
        "kiosk": "door-2",
        "subject_id": "s-1",
        "session": "2026-11-23/maths-7b",
        "time": "2026-11-23T08:10:00.123+01:00",
        "clock": "synchronised",
        "boot_id": "boot-7",
        "monotonic_s": 512.346,
        "outbox_id": desk.outbox.outbox_id,
        "sequence": 1,
        "direction": "left",
        "method": "face",
        "decision": {
            "score": 0.7124,
            "margin": 2.0,
            "threshold": 0.5,
            "votes": 3,
            "frames": 4,
            "quality": 0.8,
            "model_id": "model-1",
            "gallery_version": 3,
            "gallery_hash": "0a1b2c3d4e5f",
        },
    }


def test_a_stored_event_validates_against_the_schema(path: Path, clock: ManualClock) -> None:
    """The published payload is valid by the published schema."""
    desk = RecorderUnderTest(path, clock)
    assert desk.are_stored("s-1", "s-2") == [True, True]
    for row in desk.outbox.pending(9):
        Draft202012Validator(schema()).validate(json.loads(row.payload))


def test_the_event_says_that_the_clock_is_not_set(path: Path, clock: ManualClock) -> None:
    """Before the network has set the clock the event says so, and keeps the order of its boot."""
    desk = RecorderUnderTest(path, clock)
    clock.set_utc(datetime(1970, 1, 1, tzinfo=UTC), synchronised=False)
    clock.advance(1.0)
    event = desk.store(known())
    assert (event.clock, event.boot_id, event.monotonic_s) == ("unsynchronised", "boot-7", 513.346)
    assert event.time == "1970-01-02T01:00:00.000+01:00"


def test_a_person_is_stored_once_in_a_class_session(path: Path, clock: ManualClock) -> None:
    """Walking past again in the same lesson is no event; another person or lesson is."""
    desk = RecorderUnderTest(path, clock)
    assert desk.are_stored("s-1", "s-1", "s-2") == [True, False, True]
    clock.advance(45 * 60)
    assert desk.are_stored("s-1", "s-1") == [True, False]
    clock.advance(timedelta(days=7).total_seconds() - 45 * 60)
    assert desk.are_stored("s-1", "s-2") == [True, True]
    assert desk.committed == len(desk.outbox) == 5


def test_a_repeat_answers_with_the_class_session(path: Path, clock: ManualClock) -> None:
    """The second decision on a person in a class session gives AlreadyStored and wakes nobody."""
    desk = RecorderUnderTest(path, clock)
    desk.store(known())
    assert desk.recorder.store(known()) == AlreadyStored(MATHS)
    assert (len(desk.outbox), desk.committed) == (1, 1)


@pytest.mark.parametrize("verdict", [Verdict.UNSURE, Verdict.STRANGER])
def test_a_person_who_is_not_known_is_not_stored(
    path: Path, clock: ManualClock, verdict: Verdict
) -> None:
    """An unsure track or a stranger gives NotKnown, leaves no row and wakes nobody."""
    desk = RecorderUnderTest(path, clock)
    assert desk.recorder.store(known(verdict=verdict)) == NotKnown(verdict)
    assert (len(desk.outbox), desk.committed) == (0, 0)


def test_a_restart_does_not_store_again(path: Path, clock: ManualClock) -> None:
    """A new process on the same file continues the class session and the sequence."""
    before = RecorderUnderTest(path, clock)
    before.store(known())
    before.outbox.mark_delivered([1])
    before.outbox.close()
    after = RecorderUnderTest(path, ManualClock(MONDAY + timedelta(minutes=5), boot_id="boot-8"))
    assert after.are_stored("s-1", "s-2") == [False, True]
    (row,) = after.outbox.pending(9)
    event = decode(row.payload)
    assert isinstance(event, AttendanceEvent)
    assert (row.sequence, event.sequence, event.boot_id) == (2, 2, "boot-8")


def test_the_row_is_on_the_disk_before_the_publisher_is_woken(
    path: Path, clock: ManualClock
) -> None:
    """When ``committed`` is called, another connection already sees the event."""
    seen: list[int] = []

    def look() -> None:
        with Outbox(path) as other:
            seen.append(len(other))

    with Outbox(path) as outbox:
        Recorder(outbox, SteadyClock(clock), CONFIG, "model-1", look).store(known())
    assert seen == [1]


@pytest.mark.parametrize("is_set", [True, False])
def test_keys_are_deleted_after_a_week(path: Path, clock: ManualClock, *, is_set: bool) -> None:
    """Old keys of this boot are pruned when an event is stored, by the monotonic clock."""
    clock.set_utc(MONDAY, synchronised=is_set)
    desk = RecorderUnderTest(path, clock)
    desk.store(known("s-1"))
    clock.advance(KEPT.total_seconds())
    desk.store(known("s-2"))
    assert is_stored(desk.outbox, MATHS, "s-1", "boot-7")
    clock.advance(EVERY_S)
    desk.store(known("s-3"))
    assert not is_stored(desk.outbox, MATHS, "s-1", "boot-7")


def test_old_keys_are_looked_for_within_the_hour_and_not_with_every_event(
    path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To look for them reads all that is remembered, so 50,000 people would take an hour."""
    asked: list[float] = []
    monkeypatch.setattr(Outbox, "prune_keys", lambda *_: asked.append(clock.monotonic_s()))
    desk = RecorderUnderTest(path, clock)
    for i in range(60):
        clock.advance(180.0)
        desk.store(known(f"s-{i}"))
    assert len(asked) == 5  # once an hour, and when the clock has been steady for an hour


def test_keys_of_other_boots_are_pruned_by_a_steady_clock(path: Path, clock: ManualClock) -> None:
    """They go by their date, after a week or from the future, but not when the clock jumps."""
    RecorderUnderTest(path, clock).store(known("s-1"))
    clock = ManualClock(MONDAY + timedelta(minutes=9), boot_id="boot-8")
    desk = RecorderUnderTest(path, clock)
    desk.store(known("s-2"))
    clock.set_utc(clock.utc() + timedelta(days=365), synchronised=True)
    clock.advance(SETTLE_S)
    desk.store(known("s-3"))
    clock.advance(SETTLE_S)
    desk.store(known("s-4"))
    assert is_stored(desk.outbox, MATHS, "s-1", "boot-7")
    clock.advance(3600.0)
    desk.store(known("s-5"))
    assert not is_stored(desk.outbox, MATHS, "s-1", "boot-7")


@pytest.mark.parametrize("is_set", [True, False])
def test_keys_of_a_boot_without_a_clock_are_deleted_in_the_next_boot(
    path: Path, clock: ManualClock, *, is_set: bool
) -> None:
    """With a clock that starts at the same time in each boot, keys of other boots do not count."""
    clock.set_utc(MONDAY, synchronised=False)
    before = RecorderUnderTest(path, clock)
    before.are_stored("s-1", "s-2")
    assert is_stored(before.outbox, MATHS, "s-1", "boot-7")
    before.outbox.close()
    clock = ManualClock(MONDAY, boot_id="boot-8")
    clock.set_utc(MONDAY, synchronised=is_set)
    after = RecorderUnderTest(path, clock)
    assert after.are_stored("s-1", "s-1", "s-2") == [True, False, True]
    assert not is_stored(after.outbox, MATHS, "s-1", "boot-7")


def test_an_outbox_of_schema_1_is_continued(path: Path) -> None:
    """After an update, who attended before it is not stored again, and a new person is."""
    shutil.copy(Path(__file__).parents[1] / "outbox" / "outbox-schema-1.sqlite3", path)
    clock = ManualClock(MONDAY, boot_id="00000000-0000-4000-8000-000000000007")
    desk = RecorderUnderTest(path, clock)
    assert desk.are_stored("s-1", "s-2", "s-3", "s-4") == [False, False, False, False]
    clock.set_utc(MONDAY, synchronised=False)
    assert desk.are_stored("s-1", "s-4", "s-5", "s-6") == [False, False, False, True]
    assert [row.sequence for row in desk.outbox.pending(9)] == [2, 4, 5, 7]


# An outbox that cannot be written


def test_an_event_waits_in_memory_while_the_file_is_locked(path: Path, clock: ManualClock) -> None:
    """Nobody is lost or stored twice, and each event keeps the time at which it was seen."""
    desk = RecorderUnderTest(path, clock)
    desk.store(known("s-1"))
    desk.outbox.close()
    desk.outbox = Outbox(path, busy_s=0.05)
    desk.recorder = dataclasses.replace(desk.recorder, outbox=desk.outbox)
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert desk.recorder.store(known("s-2")) == Postponed(MATHS)
        assert desk.recorder.store(known("s-2")) == AlreadyStored(MATHS)
        seen = clock.utc()
        clock.advance(60.0)
        assert desk.recorder.store(known("s-3")) == Postponed(MATHS)
        desk.recorder.retry(clock.monotonic_s())
        assert len(desk.recorder.backlog) == 2
        other.rollback()
    desk.recorder.retry(clock.monotonic_s())
    assert len(desk.recorder.backlog) == 2  # not due
    desk.recorder.retry(clock.monotonic_s() + 5.0)
    events = [decode(row.payload) for row in desk.outbox.pending(9)]
    assert all(isinstance(event, AttendanceEvent) for event in events)
    found = [(event.sequence, event.subject_id) for event in events]  # type: ignore[union-attr]
    assert found == [(1, "s-1"), (2, "s-2"), (3, "s-3")]
    time = events[1].time  # type: ignore[union-attr]
    assert datetime.fromisoformat(time) == seen.replace(microsecond=123000)
    assert desk.committed == 3


def test_the_memory_of_a_kiosk_that_cannot_store_is_bounded(
    path: Path,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Beyond the bound events are lost: an error says so at once, and how many in the end."""
    monkeypatch.setattr(backlog, "_EVENTS_MAX", 2)
    desk = RecorderUnderTest(path, clock)
    desk.outbox.close()
    desk.outbox = Outbox(path, busy_s=0.01)
    desk.recorder = dataclasses.replace(desk.recorder, outbox=desk.outbox)
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        for number in range(4):
            desk.recorder.store(known(f"s-{number}"))
    assert (len(desk.recorder.backlog), desk.recorder.backlog.lost) == (2, 2)
    assert sum("kept in memory" in message for message in caplog.messages) == 1
    assert sum("events are lost now" in message for message in caplog.messages) == 1
    desk.recorder.backlog.end()
    assert "lost with this process, which could not store them: 4 events" in caplog.messages
    desk.recorder.retry(math.inf)
    assert "lost, because nothing could be stored: 2 events" in caplog.messages
