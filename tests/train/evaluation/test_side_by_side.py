"""Recognisers are worked on side by side, and their results stay in order."""

import threading
import time

import pytest

from train.evaluation.side_by_side import side_by_side


def test_results_keep_the_order_of_the_items() -> None:
    """The first item takes longest."""

    def work(number: int) -> int:
        time.sleep(0.05 / (number + 1))
        return number * number

    assert side_by_side(work, range(5), "numbers") == [0, 1, 4, 9, 16]


def test_no_items_give_no_results() -> None:
    """Nothing is called."""
    assert side_by_side(lambda _: pytest.fail("called"), [], "nothing") == []


def test_two_items_are_worked_on_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each waits until the other has begun."""
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    met = threading.Barrier(2)
    assert sorted(side_by_side(lambda _: met.wait(timeout=30), [0, 1], "two")) == [0, 1]


def test_an_error_is_raised_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not wait for the other items, which may take an hour."""
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    end = threading.Event()

    def fail_or_wait(number: int) -> None:
        if number == 0:
            raise ValueError("item 0")
        end.wait(timeout=60)

    begun = time.monotonic()
    with pytest.raises(ValueError, match="item 0"):
        side_by_side(fail_or_wait, [0, 1], "failures")
    assert time.monotonic() - begun < 30
    end.set()
