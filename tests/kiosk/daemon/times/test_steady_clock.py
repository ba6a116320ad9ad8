"""The kiosk's own time, and who is recorded whatever the clock does."""

import logging
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiosk.clock import ManualClock
from kiosk.config.timetable import ClassSession
from kiosk.daemon.recorder import Recorder
from kiosk.daemon.times.repeats import is_repeat
from kiosk.daemon.times.steady_clock import SETTLE_S, SteadyClock
from kiosk.outbox.outbox import Outbox
from kiosk.outbox.rows import DeduplicationKey
from kiosk.protocol.event import AttendanceEvent, decode
from tests.kiosk.daemon.test_recorder import CONFIG, MONDAY, RecorderUnderTest, known

PEOPLE = tuple(f"s-{number}" for number in range(30))
YEAR = timedelta(days=365)
DAY = timedelta(days=1)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(MONDAY, boot_id="boot-7")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.sqlite3"


def jump(clock: ManualClock, by: timedelta, *, synchronised: bool = True) -> None:
    clock.set_utc(clock.utc() + by, synchronised=synchronised)


def events(outbox: Outbox) -> list[AttendanceEvent]:
    found = [decode(row.payload) for row in outbox.pending(99)]
    return [one for one in found if isinstance(one, AttendanceEvent)]


# What the issue saw to fail


def test_a_year_forward_and_back_records_nobody_twice(path: Path, clock: ManualClock) -> None:
    """All 30 walk past before, during and after; their events name one class session."""
    desk = RecorderUnderTest(path, clock)
    assert sum(desk.are_stored(*PEOPLE)) == 30
    clock.advance(60.0)
    jump(clock, YEAR)
    assert sum(desk.are_stored(*PEOPLE)) == 0
    clock.advance(60.0)
    jump(clock, -YEAR)
    assert sum(desk.are_stored(*PEOPLE)) == 0
    assert {one.session for one in events(desk.outbox)} == {"2026-11-23/maths-7b"}


def test_a_clock_a_day_behind_after_a_boot_records_everybody_and_says_so(
    path: Path, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """The class sessions of yesterday are taken, but by events that are newer than the clock."""
    before = RecorderUnderTest(path, clock)
    assert sum(before.are_stored(*PEOPLE)) == 30
    clock.advance(DAY.total_seconds())
    assert sum(before.are_stored(*PEOPLE)) == 30
    newest_s = before.outbox.newest_dated("boot-8")[1]
    before.outbox.close()
    late = ManualClock(MONDAY, boot_id="boot-8")
    after = RecorderUnderTest(path, late)
    after.recorder.clock.not_before_s = newest_s or 0.0
    assert sum(after.are_stored(*PEOPLE)) == 30
    assert sum(after.are_stored(*PEOPLE)) == 0
    assert {one.clock for one in events(after.outbox)[60:]} == {"unsynchronised"}
    assert "the clock is synchronised, but behind earlier events" in caplog.text
    assert after.recorder.clock.off_s() == pytest.approx(-DAY.total_seconds())


def test_a_clock_that_falls_a_day_behind_records_everybody(path: Path, clock: ManualClock) -> None:
    """Yesterday's lesson of the same name, in the same boot, was another one."""
    desk = RecorderUnderTest(path, clock)
    assert sum(desk.are_stored(*PEOPLE)) == 30
    clock.advance(DAY.total_seconds() - 2 * SETTLE_S)
    desk.recorder.class_session()
    jump(clock, -DAY)
    desk.recorder.class_session()
    clock.advance(2 * SETTLE_S)
    assert str(desk.recorder.class_session()) == "2026-11-23/maths-7b"
    assert sum(desk.are_stored(*PEOPLE)) == 30
    assert sum(desk.are_stored(*PEOPLE)) == 0


def test_synchronisation_that_is_lost_in_mid_lesson_records_nobody_twice(
    path: Path, clock: ManualClock
) -> None:
    """Nor does its return, although the keys say that the clock was not synchronised."""
    desk = RecorderUnderTest(path, clock)
    assert sum(desk.are_stored(*PEOPLE)) == 30
    for is_set in (False, True):
        clock.advance(60.0)
        clock.set_utc(clock.utc(), synchronised=is_set)
        assert sum(desk.are_stored(*PEOPLE)) == 0


@pytest.mark.parametrize("year", [1903, 1969, 1970])
def test_a_clock_before_1970_records_everybody(path: Path, clock: ManualClock, year: int) -> None:
    """Libraries fail on such times; no event has one, and the class session is one."""
    clock.set_utc(datetime(year, 1, 1, tzinfo=UTC), synchronised=False)
    desk = RecorderUnderTest(path, clock)
    assert sum(desk.are_stored(*PEOPLE)) == 30
    clock.advance(600.0)
    assert sum(desk.are_stored(*PEOPLE)) == 0
    assert {one.time[:10] for one in events(desk.outbox)} == {"1970-01-02"}
    assert events(desk.outbox)[0].event_id.startswith("00000526-5c00-7")


# The time


def test_a_jump_is_distrusted_until_it_has_stayed(
    clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    """The old time goes on for ten minutes, uncertain; then the new one is taken."""
    steady = SteadyClock(clock)
    assert (steady.utc(), steady.synchronised(), steady.off_s()) == (MONDAY, True, None)
    jump(clock, timedelta(hours=-3))
    with caplog.at_level(logging.INFO):
        assert (steady.utc(), steady.synchronised()) == (MONDAY, False)
        assert steady.off_s() == -10800.0
        clock.advance(SETTLE_S - 1)
        assert steady.utc() == MONDAY + timedelta(seconds=SETTLE_S - 1)
        clock.advance(1.0)
        assert steady.utc() == clock.utc()
    assert (steady.synchronised(), steady.off_s()) == (True, None)
    assert [line.partition(";")[0] for line in caplog.messages] == [
        "the clock was set back by 10800 s",
        "the clock's new time is taken",
    ]


def test_a_jump_must_stay_synchronised_until_it_is_taken(clock: ManualClock) -> None:
    """Where synchronisation is lost meanwhile, the ten minutes begin anew."""
    steady = SteadyClock(clock)
    steady.utc()
    jump(clock, timedelta(hours=-3))
    for is_set in (True, False, True):
        clock.set_utc(clock.utc(), synchronised=is_set)
        steady.utc()
        clock.advance(SETTLE_S / 2)
    assert steady.utc() == MONDAY + timedelta(seconds=1.5 * SETTLE_S)
    clock.advance(SETTLE_S / 2)
    assert steady.utc() == clock.utc()


def test_the_first_synchronised_time_is_taken_at_once(clock: ManualClock) -> None:
    """A board without a real-time clock begins at any time."""
    clock.set_utc(datetime(1970, 1, 1, tzinfo=UTC), synchronised=False)
    steady = SteadyClock(clock)
    assert not steady.synchronised()
    clock.set_utc(MONDAY, synchronised=True)
    assert (steady.utc(), steady.synchronised()) == (MONDAY, True)


def test_without_synchronisation_the_time_goes_on_by_the_monotonic_clock(
    clock: ManualClock,
) -> None:
    """Whatever somebody sets the clock to, for however long."""
    steady = SteadyClock(clock)
    steady.utc()
    jump(clock, YEAR, synchronised=False)
    clock.advance(2 * SETTLE_S)
    assert steady.utc() == MONDAY + timedelta(seconds=2 * SETTLE_S)
    assert not steady.synchronised()


def test_a_restarted_process_goes_on_with_the_time_of_its_boot(
    path: Path, clock: ManualClock
) -> None:
    """The events tell it, so that a restart does not take a time that has just jumped."""
    desk = RecorderUnderTest(path, clock)
    desk.store(known())
    jump(clock, YEAR)
    offset_s, newest_s = desk.outbox.newest_dated("boot-7")
    assert newest_s is None
    assert SteadyClock(clock, offset_s=offset_s).utc() == MONDAY


# Laws

LESSON_S = 45 * 60.0
MOVES = st.one_of(
    st.tuples(st.just("walk"), st.integers(0, 2)),
    st.tuples(st.just("wait"), st.floats(0, 300)),
    st.tuples(st.just("jump"), st.floats(-4e8, 4e8)),
    st.tuples(st.just("lose"), st.floats(-4e8, 4e8)),
    st.tuples(st.just("mend"), st.just(0)),
)


@settings(max_examples=20)
@given(st.lists(MOVES, max_size=25))
def test_nobody_is_recorded_twice_or_never_whatever_the_clock_does(
    moves: list[tuple[str, float]],
) -> None:
    """Once the clock was right, jumps of less than ten minutes each change nothing at all."""
    clock = ManualClock(MONDAY, monotonic_s=0.0, boot_id="boot-7")
    walked, recorded, wrong_s = set(), Counter[tuple[str, ClassSession]](), 0.0
    with TemporaryDirectory() as folder, Outbox(Path(folder) / "outbox.sqlite3") as outbox:
        recorder = Recorder(outbox, SteadyClock(clock), CONFIG, "model", lambda: None)
        recorder.class_session()
        for move, value in moves:
            truth = MONDAY + timedelta(seconds=clock.monotonic_s())
            if move == "wait":
                wrong_s = 0.0 if clock.utc() == truth else wrong_s + value
                if wrong_s >= SETTLE_S:
                    clock.set_utc(truth, synchronised=True)
                    recorder.class_session()
                    wrong_s = 0.0
                clock.advance(value)
            elif move == "walk":
                subject, session = f"s-{value}", CONFIG.session_at(truth)
                walked.add((subject, session))
                recorder.store(known(subject))
            else:
                by = timedelta(seconds=value)
                clock.set_utc(truth + by, synchronised=move != "lose")
                recorder.class_session()
        days = {"maths-7b": MONDAY.date()}
        for one in events(outbox):
            name = one.session.partition("/")[2]
            recorded[one.subject_id, ClassSession(days.get(name, MONDAY.date()), name)] += 1
    assert recorded == Counter(walked)


@given(
    st.lists(st.integers(0, 10**6), min_size=1, max_size=5),
    st.integers(-(10**9), 10**9),
    st.integers(0, 10**6),
)
def test_a_jump_changes_nothing_between_two_moments_of_one_boot(
    ago_s: list[int], by_s: int, now_s: int
) -> None:
    """Whether an event is a repeat depends on the distance in time, not on old names."""
    now = 1_800_000_000 + by_s

    def key(at_s: float, name: str) -> DeduplicationKey:
        session = ClassSession(MONDAY.date(), name)
        return DeduplicationKey("attendance", session, "s", "b", "e", at_s, now)

    def hour(moment: datetime) -> ClassSession:
        return ClassSession(MONDAY.date(), str(int(moment.timestamp() // 3600)))

    past = [key(now_s - ago, f"former-{number}") for number, ago in enumerate(ago_s)]
    this = key(now_s, str(int(now // 3600)))
    expected = any(
        (now - (now_s - (one.monotonic_s or 0.0))) // 3600 == now // 3600 for one in past
    )
    assert is_repeat(past, this, hour) == expected
