"""Durations: how they are summed up, and that a timer changes nothing else."""

import pytest

from kiosk.bench.stopwatch import Stopwatch, Timed


class Machine:
    colour = "red"

    def double(self, number: int) -> int:
        if number < 0:
            raise ValueError(number)
        return 2 * number


def test_the_median_and_the_99th_percentile_are_in_milliseconds() -> None:
    """Of 1 to 200 ms the median is 100.5 ms, and all but 1 % took at most 199 ms."""
    watch = Stopwatch()
    for number in range(200, 0, -1):
        watch.note("work", number / 1000)
    timing = watch.timing("work")
    assert (timing.name, timing.n) == ("work", 200)
    assert timing.median_ms == pytest.approx(100.5)
    assert timing.p99_ms == pytest.approx(199)


def test_of_few_durations_the_longest_is_the_99th_percentile() -> None:
    """Nothing is interpolated: of three durations the longest counts."""
    watch = Stopwatch()
    for took_s in (0.3, 0.1, 0.2):
        watch.note("work", took_s)
    assert watch.timing("work").p99_ms == pytest.approx(300)


def test_all_durations_are_summed_up() -> None:
    """The total runs over all names; counts are by name."""
    watch = Stopwatch()
    watch.note("one", 0.25)
    watch.note("one", 0.25)
    watch.note("other", 0.5)
    assert watch.total_s == pytest.approx(1.0)
    assert (watch.count("one"), watch.count("other"), watch.count("none")) == (2, 1, 0)


def test_without_a_duration_there_is_no_timing() -> None:
    """Asking for what never ran is an error, not a zero."""
    with pytest.raises(KeyError, match="work"):
        Stopwatch().timing("work")


def test_a_timer_passes_everything_on() -> None:
    """The timed method gives its result, other attributes are reachable, each call is counted."""
    watch = Stopwatch()
    timed = Timed(Machine(), "double", "doubling", watch)
    assert (timed.double(3), timed.double(4), timed.colour) == (6, 8, "red")
    assert (timed.argument, timed.result) == (4, 8)
    assert watch.count("doubling") == 2


def test_two_timers_on_one_object_count_together() -> None:
    """A timer may stand before a timer, both under one name."""
    watch = Stopwatch()
    inner = Timed([3, 1, 2], "append", "change", watch)
    outer = Timed(inner, "remove", "change", watch)
    outer.append(5)
    outer.remove(3)
    assert watch.count("change") == 2
    assert outer.index(5) == 2


def test_an_error_comes_through_and_is_not_counted() -> None:
    """A call that fails has no duration."""
    watch = Stopwatch()
    timed = Timed(Machine(), "double", "doubling", watch)
    with pytest.raises(ValueError, match="-1"):
        timed.double(-1)
    assert watch.count("doubling") == 0
