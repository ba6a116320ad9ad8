"""The clocks: what the system clock reads, and that the manual clock behaves in the same way."""

import ctypes
import re
import threading
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.clock import Clock, ManualClock, SystemClock


def _answering(answer: int) -> SystemClock:
    """Return a system clock whose kernel gives this answer to adjtimex(2)."""
    clock = SystemClock()

    class Libc:
        def adjtimex(self, timex: ctypes.Array[ctypes.c_char]) -> int:
            assert timex.raw[:4] == bytes(4), "a mode is set: the call would change the clock"
            assert len(timex) >= 208
            return answer

    clock._libc = Libc()  # type: ignore[assignment]
    return clock


@pytest.mark.parametrize(
    ("answer", "synchronised"),
    [(0, True), (1, True), (2, True), (3, True), (4, True), (5, False), (-1, False)],
)
def test_every_clock_state_but_an_error_is_synchronised(answer: int, synchronised: bool) -> None:  # noqa: FBT001 - a column of the table
    """Leap-second states are synchronised; TIME_ERROR and a failed call are not."""
    assert _answering(answer).synchronised() is synchronised


def test_the_kernel_answers_whether_it_is_synchronised() -> None:
    """The real call returns true or false, and changes nothing."""
    assert SystemClock().synchronised() in (True, False)


def test_the_boot_id_comes_from_the_kernel() -> None:
    """The boot id is a UUID and does not change."""
    clock = SystemClock()
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", clock.boot_id())
    assert clock.boot_id() == clock.boot_id()


def test_the_system_clock_reads_clock_monotonic_and_utc() -> None:
    """Monotonic time is CLOCK_MONOTONIC, which systemd uses too; the time of day is UTC."""
    clock = SystemClock()
    before = time.clock_gettime(time.CLOCK_MONOTONIC)
    assert before <= clock.monotonic_s() <= time.clock_gettime(time.CLOCK_MONOTONIC)
    assert clock.utc().tzinfo is UTC


@pytest.mark.parametrize("clock", [SystemClock(), ManualClock()])
def test_a_set_event_ends_a_sleep(clock: Clock) -> None:
    """Sleeping returns true at once when the stop event is set."""
    stop = threading.Event()
    stop.set()
    assert clock.sleep(3600.0, stop) is True


@pytest.mark.parametrize("clock", [SystemClock(), ManualClock()])
@pytest.mark.parametrize("duration_s", [0.0, -5.0])
def test_a_duration_of_zero_or_less_returns_at_once(clock: Clock, duration_s: float) -> None:
    """A deadline in the past does not wait, with and without a stop event."""
    assert clock.sleep(duration_s) is False
    assert clock.sleep(duration_s, threading.Event()) is False


@given(st.lists(st.floats(0, 1e6), max_size=8))
def test_both_times_of_a_manual_clock_move_together(steps: list[float]) -> None:
    """Sleeping moves the monotonic clock and the time of day by the same duration."""
    clock = ManualClock(datetime(2026, 3, 1, tzinfo=UTC), monotonic_s=7.0)
    for step in steps:
        clock.sleep(step)
    assert clock.monotonic_s() == pytest.approx(7.0 + sum(steps))
    passed = (clock.utc() - datetime(2026, 3, 1, tzinfo=UTC)).total_seconds()
    assert passed == pytest.approx(sum(steps), abs=1e-4)


def test_a_time_server_steps_only_the_time_of_day() -> None:
    """Setting the time of day changes whether it is synchronised, not the monotonic clock."""
    clock = ManualClock(monotonic_s=5.0)
    assert clock.synchronised()
    berlin = timezone(timedelta(hours=1))
    clock.set_utc(datetime(2026, 9, 1, 9, 0, tzinfo=berlin), synchronised=False)
    assert clock.utc() == datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
    assert clock.utc().tzinfo is UTC
    assert not clock.synchronised()
    assert clock.monotonic_s() == 5.0


def test_a_manual_clock_rejects_a_step_back() -> None:
    """A monotonic clock never steps back, so a negative duration is an error."""
    with pytest.raises(ValueError, match="expected 0 or more"):
        ManualClock().advance(-1.0)


def test_a_manual_clock_returns_its_boot_id() -> None:
    """The boot id is the one given to the constructor."""
    assert ManualClock(boot_id="b").boot_id() == "b"
