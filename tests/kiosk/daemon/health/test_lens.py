"""Frames in which nobody can be seen."""

import numpy as np
import pytest

from kiosk.daemon.health.lens import Lens
from kiosk.records import Image


def noisy(seed: int, mean: float = 120.0, spread: float = 30.0) -> Image:
    """A frame as a sensor gives it: no two are equal."""
    frame = np.random.default_rng(seed).normal(mean, spread, (120, 160, 3))
    return np.asarray(frame.clip(0, 255), np.uint8)


def show(lens: Lens, frames: list[Image], start_s: float = 0.0) -> list[str]:
    """Show a frame each second; return what was seen at each change."""
    return [lens.sight for number, frame in enumerate(frames) if lens.see(frame, start_s + number)]


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        ([noisy(n) for n in range(15)], []),
        ([noisy(n, 2.0, 2.0) for n in range(15)], ["black"]),
        ([noisy(n, 90.0, 1.0) for n in range(15)], ["covered"]),
        ([noisy(1)] * 15, ["frozen"]),
        ([noisy(n, 2.0, 2.0) for n in range(10)], []),
        ([noisy(n, 15.0, 6.0) for n in range(15)], []),
    ],
    ids=["a room", "black", "covered", "one frame for ever", "black for 9 s", "a dark room"],
)
def test_what_lasts_for_ten_seconds_is_noticed(frames: list[Image], expected: list[str]) -> None:
    """It is noticed within 15 s, once."""
    assert show(Lens(), frames) == expected


def test_a_camera_that_sees_again_is_noticed_at_once() -> None:
    """The first good frame ends it."""
    lens = Lens()
    assert show(lens, [noisy(1)] * 15) == ["frozen"]
    assert show(lens, [noisy(2)], 15.0) == ["ok"]


def test_a_person_at_the_lens_starts_the_time_again() -> None:
    """Dark for a few seconds, twice, is nothing."""
    dark = [noisy(n, 2.0, 2.0) for n in range(8)]
    assert show(Lens(), [*dark, noisy(99), *dark]) == []
