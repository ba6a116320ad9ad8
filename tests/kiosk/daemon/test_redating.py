"""Events of a boot that began without a time get the right one."""

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kiosk.clock import ManualClock
from kiosk.config.timetable import ClassSession
from kiosk.daemon.participation import Window
from kiosk.daemon.redating import Redater
from kiosk.daemon.results import AlreadyStored
from kiosk.outbox.outbox import Outbox
from kiosk.protocol.event import (
    AttendanceEvent,
    Event,
    ParticipationEvent,
    TimeCorrectionEvent,
    decode,
)
from kiosk.protocol.signature import Signer, is_signed_by
from kiosk.protocol.topics import KioskAddress
from tests.kiosk.daemon.test_recorder import MONDAY, RecorderUnderTest, known
from tests.support import is_stored

BOOT = datetime(1970, 1, 1, tzinfo=UTC)
MATHS = ClassSession(MONDAY.date(), "maths-7b")


class Kiosk:
    """A kiosk that booted in 1970, and recorded somebody ten minutes before the clock is set."""

    def __init__(self, path: Path, people: int = 1) -> None:
        self.clock = ManualClock(BOOT, boot_id="boot-7")
        self.clock.set_utc(BOOT, synchronised=False)
        self.desk = RecorderUnderTest(path, self.clock)
        self.desk.are_stored(*(f"s-{number}" for number in range(people)))
        self.clock.advance(600.0)
        self.redater = Redater(self.desk.outbox)

    @property
    def outbox(self) -> Outbox:
        return self.desk.outbox

    def synchronise(self) -> bool:
        self.clock.set_utc(MONDAY + timedelta(seconds=600), synchronised=True)
        return self.look()

    def look(self) -> bool:
        self.clock.advance(10.0)
        recorder = self.desk.recorder
        return self.redater.turn(recorder.make, recorder.session_at, self.clock.monotonic_s())

    def events(self) -> list[Event]:
        found = [decode(row.payload) for row in self.outbox.pending(99)]
        return [one for one in found if isinstance(one, Event)]


@pytest.fixture
def kiosk(tmp_path: Path) -> Kiosk:
    return Kiosk(tmp_path / "outbox.sqlite3")


def test_an_event_that_was_never_sent_gets_the_right_time(kiosk: Kiosk) -> None:
    """It keeps its id and number; time, clock and class session are those of its moment."""
    (before,) = kiosk.outbox._connection.execute("SELECT payload FROM events").fetchone()
    assert not kiosk.synchronise()
    (event,) = kiosk.events()
    assert isinstance(event, AttendanceEvent)
    changed = {"time": "2026-11-23T08:10:00.123+01:00", "clock": "synchronised"}
    expected = {**json.loads(before), **changed, "session": "2026-11-23/maths-7b"}
    assert json.loads(kiosk.outbox.pending(9)[0].payload) == expected
    assert is_stored(kiosk.outbox, MATHS, "s-0", "boot-7")
    assert kiosk.desk.are_stored("s-0") == [False]


def test_a_damaged_event_is_not_made_valid_by_the_right_time(kiosk: Kiosk) -> None:
    """It would be of another person; it is set aside, and nothing corrects it."""
    kiosk.outbox._connection.execute(
        "UPDATE events SET payload = CAST(replace(payload, '\"s-0\"', '\"s-1\"') AS BLOB)"
    )
    assert not kiosk.synchronise()
    assert kiosk.events() == []
    assert kiosk.outbox.counts().set_aside == 1


@pytest.mark.parametrize("date", ["2026-1q-23", ""])
def test_a_damaged_key_stops_nobody(kiosk: Kiosk, date: str) -> None:
    """Whose key cannot be read is recorded, once more than before."""
    kiosk.outbox._connection.execute("UPDATE OR IGNORE stored_once SET session_date = ?", [date])
    assert kiosk.desk.are_stored("s-0", "s-0") == [True, False]
    kiosk.synchronise()
    assert len(kiosk.events()) >= 1


@pytest.mark.parametrize("is_deleted", [False, True])
def test_an_event_that_was_sent_is_corrected_by_another(kiosk: Kiosk, *, is_deleted: bool) -> None:
    """Who got it must not get another of its id; the register may have confirmed it."""
    (sent,) = kiosk.events()
    if is_deleted:
        kiosk.outbox.confirm("register", 1)
        assert kiosk.outbox.trim().deleted == 1
    assert kiosk.synchronise()
    *first, correction = kiosk.events()
    assert first == ([] if is_deleted else [sent])
    assert isinstance(correction, TimeCorrectionEvent)
    assert (correction.corrects, correction.boot_id) == (sent.event_id, "boot-7")
    assert correction.corrected_time == "2026-11-23T08:10:00.123+01:00"
    assert correction.session == "2026-11-23/maths-7b"
    assert (correction.sequence, correction.clock) == (2, "synchronised")
    (row,) = kiosk.outbox.stored(2, 2, 1)
    assert row.topic == "kiosk/v1/north/r12/door-2/time-correction"
    assert not kiosk.look()
    assert len(kiosk.outbox) == 2 - is_deleted


def test_what_a_replay_has_read_does_not_change(kiosk: Kiosk) -> None:
    """The register may ask for an event that waits."""
    (row,) = kiosk.outbox.stored(1, 1, 1)
    assert kiosk.synchronise()
    assert kiosk.outbox.stored(1, 1, 1) == [row]


def test_what_was_sent_while_nothing_could_be_written_does_not_change(kiosk: Kiosk) -> None:
    """On a full disk an event is sent, although the file cannot note it."""
    kiosk.outbox._connection.execute("PRAGMA query_only = ON")
    (row,) = kiosk.outbox.pending(9)
    kiosk.outbox._connection.execute("PRAGMA query_only = OFF")
    assert kiosk.synchronise()
    assert kiosk.outbox.pending(1) == [row]


def test_an_event_with_the_right_time_is_signed_again(kiosk: Kiosk) -> None:
    """The old signature is not of the new bytes."""
    recorder, key = kiosk.desk.recorder, Ed25519PrivateKey.generate()
    signer = Signer(key, KioskAddress.of(recorder.config.kiosk))
    kiosk.desk.recorder = dataclasses.replace(recorder, sign=signer.sign)
    kiosk.desk.store(known("s-9"))
    kiosk.synchronise()
    rows = kiosk.outbox.pending(9)
    assert rows
    for row in rows:
        assert is_signed_by(row.payload, KioskAddress("north", "r12", "door-2"), signer.public_key)
        assert row.payload.count(b'"signature"') == 1


def test_looking_at_the_oldest_event_does_not_fix_it(kiosk: Kiosk) -> None:
    """The health message tells its age."""
    assert kiosk.outbox.oldest() is not None
    assert not kiosk.synchronise()
    assert [type(one) for one in kiosk.events()] == [AttendanceEvent]


def test_many_events_are_dated_in_steps(tmp_path: Path) -> None:
    """A step is due at once while there is more to do, and the order of the numbers stays."""
    kiosk = Kiosk(tmp_path / "outbox.sqlite3", people=60)
    kiosk.synchronise()
    recorder = kiosk.desk.recorder
    kiosk.redater.turn(recorder.make, recorder.session_at, kiosk.clock.monotonic_s())
    assert [(one.sequence, one.clock) for one in kiosk.events()] == [
        (number, "synchronised") for number in range(1, 61)
    ]


@pytest.mark.parametrize("is_sent", [False, True])
def test_a_participation_keeps_the_class_session_of_its_window(
    kiosk: Kiosk, *, is_sent: bool
) -> None:
    """Who opened the window named it, whatever the timetable says of the right time."""
    art, recorder = ClassSession(MONDAY.date(), "art-7b"), kiosk.desk.recorder
    window = Window(7, art, closes_at=MONDAY, closes_s=9999.0)
    recorder.participate(known("s-9"), window)
    if is_sent:
        assert len(kiosk.events()) == 2
    kiosk.synchronise()
    last = kiosk.events()[-1]
    assert isinstance(last, TimeCorrectionEvent if is_sent else ParticipationEvent)
    assert (last.session, last.clock) == (str(art), "synchronised")
    assert isinstance(recorder.participate(known("s-9"), window), AlreadyStored)


def test_events_of_another_boot_are_left_alone(tmp_path: Path) -> None:
    """Nothing says how long before this boot they were."""
    path = tmp_path / "outbox.sqlite3"
    Kiosk(path).outbox.close()
    clock = ManualClock(MONDAY, boot_id="boot-8")
    desk = RecorderUnderTest(path, clock)
    recorder = desk.recorder
    assert not Redater(desk.outbox).turn(recorder.make, recorder.session_at, 10.0)
    (row,) = desk.outbox.pending(9)
    event = decode(row.payload)
    assert isinstance(event, AttendanceEvent)
    assert event.clock == "unsynchronised"


def test_the_daemon_looks_without_a_time_for_as_long_as_it_has_none(kiosk: Kiosk) -> None:
    """Nothing is dated by a clock that is not certain."""
    assert not kiosk.look()
    assert [one.clock for one in kiosk.events()] == ["unsynchronised"]
