"""Heads turned a little, and aligned again."""

import numpy as np
import pytest

from tests.support_train import draw_crop
from train.turn_head import turn_head

STORED = draw_crop(1, 1)


class _Turn:
    """Gives one turn instead of a random one."""

    def __init__(self, yaw: float, pitch: float) -> None:
        self._turn = np.array([yaw, pitch])

    def normal(self, mean: float, spread: object) -> object:
        del mean, spread
        return self._turn


def turned(yaw: float, pitch: float = 0.0) -> np.ndarray:
    return turn_head(STORED, _Turn(yaw, pitch))  # type: ignore[arg-type]  # all that is asked for


def test_no_turn_changes_nothing() -> None:
    """A head that looks into the camera stays as it is, but for rounding."""
    assert np.abs(turned(0).astype(int) - STORED).mean() < 2


@pytest.mark.parametrize(("yaw", "pitch"), [(30, 0), (-30, 0), (0, 20), (0, -20), (90, 90)])
def test_a_turn_moves_pixels_and_keeps_the_shape(yaw: float, pitch: float) -> None:
    """A stored crop comes back, changed; more than 35 degrees are cut to 35."""
    found = turned(yaw, pitch)
    assert (found.shape, found.dtype) == ((128, 128, 3), np.uint8)
    assert np.abs(found.astype(int) - STORED).mean() > 2


def test_left_and_right_are_mirror_images() -> None:
    """A turn to the left of the mirrored face is the mirrored turn to the right."""
    mirrored = np.ascontiguousarray(STORED[:, ::-1])
    other = turn_head(mirrored, _Turn(-20, 0))  # type: ignore[arg-type]  # as above
    difference = np.abs(other[:, ::-1].astype(int) - turned(20))[16:112, 16:112]
    assert np.median(difference) < 12
