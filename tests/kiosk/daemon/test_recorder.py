"""From a decision to a committed event: one a person and class session, with honest times."""

import json
import logging
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from kiosk.clock import ManualClock
from kiosk.config import Config, parse_config
from kiosk.daemon.recorder import KEPT, Recorder
from kiosk.mqtt.outbox import Outbox
from kiosk.protocol.event import AttendanceEvent, decode, schema
from kiosk.records import Decision, Verdict
from kiosk.timetable import ClassSession
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


class Desk:
    """A recorder on a real outbox, which can be closed and opened again."""

    def __init__(self, path: Path, clock: ManualClock, config: Config = CONFIG) -> None:
        self.committed = 0
        self.outbox = Outbox(path)
        self.recorder = Recorder(self.outbox, clock, config, "model-1", self._count)

    def _count(self) -> None:
        self.committed += 1

    def record(self, *subjects: str) -> list[bool]:
        """Whether each decision became an event."""
        return [self.recorder.record(known(subject)) is not None for subject in subjects]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(MONDAY, monotonic_s=512.34567, boot_id="boot-7")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite3"


def test_the_event_tells_who_where_when_and_why(path: Path, clock: ManualClock) -> None:
    """The committed row is the event: names, local time, clock, boot, sequence, decision."""
    desk = Desk(path, clock)
    event = desk.recorder.record(known())
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
        "decision": {
            "score": 0.7124,
            "margin": 2.0,
            "threshold": 0.5,
            "votes": 3,
            "frames": 4,
            "quality": 0.8,
            "model_id": "model-1",
        },
    }


def test_a_recorded_event_keeps_to_the_schema(path: Path, clock: ManualClock) -> None:
    """What is published validates against the published schema."""
    desk = Desk(path, clock)
    desk.record("s-1", "s-2")
    for row in desk.outbox.pending(9):
        Draft202012Validator(schema()).validate(json.loads(row.payload))


def test_a_clock_that_was_not_set_is_told(path: Path, clock: ManualClock) -> None:
    """Before the network has set the clock, the event says so, and still has its boot's order."""
    desk = Desk(path, clock)
    clock.set_utc(datetime(1970, 1, 1, tzinfo=UTC), synchronised=False)
    clock.advance(1.0)
    event = desk.recorder.record(known())
    assert event is not None
    assert (event.clock, event.boot_id, event.monotonic_s) == ("unsynchronised", "boot-7", 513.346)
    assert event.time == "1970-01-01T01:00:01.000+01:00"


def test_a_person_is_recorded_once_a_session(path: Path, clock: ManualClock) -> None:
    """Walking past again in the same lesson is no event; another person or lesson is."""
    desk = Desk(path, clock)
    assert desk.record("s-1", "s-1", "s-2") == [True, False, True]
    clock.advance(45 * 60)
    assert desk.record("s-1", "s-1") == [True, False]
    clock.advance(timedelta(days=7).total_seconds() - 45 * 60)
    assert desk.record("s-1", "s-2") == [True, True]
    assert desk.committed == len(desk.outbox) == 5


def test_a_restart_does_not_record_again(path: Path, clock: ManualClock) -> None:
    """With a new process on the same file, the session goes on and numbers do, too."""
    before = Desk(path, clock)
    before.record("s-1")
    before.outbox.acknowledge(1)
    before.outbox.close()
    after = Desk(path, ManualClock(MONDAY + timedelta(minutes=5), boot_id="boot-8"))
    assert after.record("s-1", "s-2") == [False, True]
    (row,) = after.outbox.pending(9)
    event = decode(row.payload)
    assert isinstance(event, AttendanceEvent)
    assert (row.sequence, event.sequence, event.boot_id) == (2, 2, "boot-8")


@pytest.mark.parametrize("verdict", [Verdict.UNSURE, Verdict.STRANGER])
def test_nobody_unknown_is_recorded(path: Path, clock: ManualClock, verdict: Verdict) -> None:
    """An unsure or strange track leaves no row and wakes nobody."""
    desk = Desk(path, clock)
    assert desk.recorder.record(known(verdict=verdict)) is None
    assert (len(desk.outbox), desk.committed) == (0, 0)


def test_the_row_is_on_the_disk_before_anybody_is_told(path: Path, clock: ManualClock) -> None:
    """When the publisher is woken, another connection already sees the event."""
    seen: list[int] = []

    def look() -> None:
        with Outbox(path) as other:
            seen.append(len(other))

    with Outbox(path) as outbox:
        Recorder(outbox, clock, CONFIG, "model-1", look).record(known())
    assert seen == [1]


@pytest.mark.parametrize("is_set", [True, False])
def test_who_attended_is_forgotten_after_a_week(
    path: Path, clock: ManualClock, *, is_set: bool
) -> None:
    """Old sessions are pruned when a new event comes, without a network that sets the clock too."""
    desk = Desk(path, clock)
    desk.record("s-1")
    clock.set_utc(MONDAY + KEPT, synchronised=is_set)
    desk.record("s-2")
    assert is_stored(desk.outbox, MATHS, "s-1")
    clock.set_utc(MONDAY + KEPT + timedelta(days=1), synchronised=is_set)
    desk.record("s-3")
    assert not is_stored(desk.outbox, MATHS, "s-1")


@pytest.mark.parametrize("is_set", [True, False])
def test_what_a_boot_without_a_clock_recorded_is_forgotten_in_the_next(
    path: Path, clock: ManualClock, *, is_set: bool
) -> None:
    """A clock that starts at the same time each boot forgets by boots, and keeps its own."""
    clock.set_utc(MONDAY, synchronised=False)
    before = Desk(path, clock)
    before.record("s-1", "s-2")
    assert is_stored(before.outbox, MATHS, "s-1", "boot-7")
    before.outbox.close()
    clock = ManualClock(MONDAY, boot_id="boot-8")
    clock.set_utc(MONDAY, synchronised=is_set)
    after = Desk(path, clock)
    assert after.record("s-1", "s-1", "s-2") == [True, False, True]
    assert not is_stored(after.outbox, MATHS, "s-1", "boot-7")


def test_the_log_names_nobody(
    path: Path, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the subject id nor a score gets into the log."""
    caplog.set_level(logging.DEBUG)
    desk = Desk(path, clock)
    desk.record("s-secret", "s-secret")
    desk.recorder.record(known(verdict=Verdict.STRANGER))
    assert len(caplog.records) == 2
    assert "secret" not in caplog.text
    assert "0.71" not in caplog.text
