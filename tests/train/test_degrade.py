"""Crops made worse, as a bad camera at a door sees them."""

import cv2
import numpy as np
import pytest

from tests.support_train import draw_crop
from train.degrade import degrade

STORED = draw_crop(1, 1)


@pytest.mark.parametrize("seed", range(30))
def test_a_degraded_crop_has_the_shape_of_the_contract(seed: int) -> None:
    """The result is ``(112, 112, 3)`` uint8, the same for the same seed."""
    one, again = (degrade(STORED, np.random.default_rng(seed))[1] for _ in range(2))
    assert (one.shape, one.dtype) == ((112, 112, 3), np.uint8)
    assert np.array_equal(one, again)


def test_heads_are_turned_if_asked_for() -> None:
    """With a share of 1, the same seed gives another picture."""
    one, turned = (degrade(STORED, np.random.default_rng(3), turned=t)[1] for t in (0.0, 1.0))
    assert not np.array_equal(one, turned)


def test_most_crops_lose_detail() -> None:
    """Fine noise is gone from the far ones, two thirds of all, and seen in some others."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (128, 128, 3)).astype(np.uint8)
    found = [degrade(noise, rng)[1].astype(np.float32) for _ in range(150)]
    detail = [float(np.abs(np.diff(crop, axis=1)).mean()) for crop in found]
    assert 0.5 < np.mean(np.array(detail) < 20) < 0.95


def test_some_crops_are_dark_and_some_grey() -> None:
    """Every kind of bad picture happens."""
    rng = np.random.default_rng(1)
    found = [degrade(STORED, rng)[1] for _ in range(100)]
    mean = np.array([crop.mean() for crop in found])
    assert np.mean(mean < 0.5 * STORED.mean()) > 0.05
    is_grey = [int(np.ptp(crop.reshape(-1, 3), axis=1).max()) < 40 for crop in found]
    assert 0 < np.mean(is_grey) < 0.5


def test_the_good_picture_has_the_same_pose_and_place() -> None:
    """What is lost is detail: from afar, both pictures are alike."""
    rng = np.random.default_rng(2)
    for _ in range(50):
        good, bad = degrade(STORED, rng, turned=0.5)
        if bad.mean() > 0.8 * good.mean():
            small = [cv2.resize(one, (7, 7), interpolation=cv2.INTER_AREA) for one in (good, bad)]
            one, other = (each.ravel() - each.mean() for each in small)
            assert one @ other > 0.5 * np.linalg.norm(one) * np.linalg.norm(other)
