"""The stopwatch: how durations are summarised, and that a timer changes nothing else."""

import time

import pytest

from kiosk.bench.stopwatch import Stopwatch, TimedMethod


class Machine:
    colour = "red"

    def double(self, number: int) -> int:
        if number < 0:
            raise ValueError(number)
        return 2 * number


def test_the_median_and_the_99th_percentile_are_in_milliseconds() -> None:
    """Of 1 to 200 ms the median is 100.5 ms and the 99th percentile 199 ms."""
    stopwatch = Stopwatch()
    for number in range(200, 0, -1):
        stopwatch.add("work", number / 1000)
    timing = stopwatch.timing("work")
    assert (timing.name, timing.n) == ("work", 200)
    assert timing.median_ms == pytest.approx(100.5)
    assert timing.p99_ms == pytest.approx(199)


def test_the_99th_percentile_of_few_durations_is_the_longest() -> None:
    """Nothing is interpolated: for three durations it is the longest."""
    stopwatch = Stopwatch()
    for took_s in (0.3, 0.1, 0.2):
        stopwatch.add("work", took_s)
    assert stopwatch.timing("work").p99_ms == pytest.approx(300)


def test_all_durations_are_summed_up() -> None:
    """The total is over all names; counts are per name."""
    stopwatch = Stopwatch()
    stopwatch.add("one", 0.25)
    stopwatch.add("one", 0.25)
    stopwatch.add("other", 0.5)
    assert stopwatch.total_s == pytest.approx(1.0)
    assert (stopwatch.count("one"), stopwatch.count("other"), stopwatch.count("none")) == (2, 1, 0)


def test_without_a_duration_there_is_no_timing() -> None:
    """The summary of a name without durations is an error, not a zero."""
    with pytest.raises(KeyError, match="work"):
        Stopwatch().timing("work")


def test_a_timer_behaves_as_its_object() -> None:
    """The timed method returns its result, other attributes are available, calls are counted."""
    stopwatch = Stopwatch()
    timed = TimedMethod(Machine(), "double", "doubling", stopwatch)
    assert (timed.double(3), timed.double(4), timed.colour) == (6, 8, "red")
    assert (timed.argument, timed.result) == (4, 8)
    assert stopwatch.count("doubling") == 2


def test_two_timers_on_one_object_count_together() -> None:
    """A timer can wrap another timer, and both can use one name."""
    stopwatch = Stopwatch()
    inner = TimedMethod([3, 1, 2], "append", "change", stopwatch)
    outer = TimedMethod(inner, "remove", "change", stopwatch)
    outer.append(5)
    outer.remove(3)
    assert stopwatch.count("change") == 2
    assert outer.index(5) == 2


def test_an_error_is_raised_and_not_counted() -> None:
    """A call that raises an error adds no duration."""
    stopwatch = Stopwatch()
    timed = TimedMethod(Machine(), "double", "doubling", stopwatch)
    with pytest.raises(ValueError, match="-1"):
        timed.double(-1)
    assert stopwatch.count("doubling") == 0


def test_the_time_of_a_timed_call_within_another_counts_once() -> None:
    """What an inner timed method takes is not part of the outer one's duration."""
    stopwatch = Stopwatch()

    class Inner:
        def wait(self, seconds: float) -> None:
            time.sleep(seconds)

    class Outer:
        def work(self, seconds: float) -> None:
            inner.wait(seconds)

    inner = TimedMethod(Inner(), "wait", "inner", stopwatch)
    outer = TimedMethod(Outer(), "work", "outer", stopwatch)
    start_s = time.perf_counter()
    outer.work(0.2)
    assert stopwatch.timing("inner").median_ms >= 200
    assert stopwatch.timing("outer").median_ms < 200
    assert stopwatch.total_s <= time.perf_counter() - start_s
