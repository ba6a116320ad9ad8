"""Augmented crops: properties that hold for all random numbers."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiosk.records import Image
from tests.support_train import draw_crop
from train.augment import _CHANGES as CHANGES
from train.augment import FAR_PX, Generator, _lose_detail, augment, blend, make_noisy, relight
from train.dataset.crop_set import BORDER_PX

INNER = slice(BORDER_PX, -BORDER_PX)
seeds = st.integers(0, 2**32)
# Drawn, black, white, and colours as harsh as can be.
crops = st.one_of(
    st.integers(0, 99).map(lambda seed: draw_crop(seed, seed)),
    st.sampled_from([0, 255]).map(lambda level: np.full((128, 128, 3), level, np.uint8)),
    seeds.map(
        lambda s: np.random.default_rng(s).choice(np.array([0, 255], np.uint8), (128, 128, 3))
    ),
)
some = settings(max_examples=60, deadline=None)


class NoChange:
    """A generator that always draws the middle, and for shares first ``mirror`` and then 1."""

    def __init__(self, mirror: float = 0.9) -> None:
        self._shares = [mirror]

    def random(self) -> float:
        return self._shares.pop() if self._shares else 1.0

    def normal(self, mean: float, _: float, size: int = 1) -> object:
        return np.full(size, mean)[0] if size == 1 else np.full(size, mean)

    def uniform(self, low: float, high: float, size: int = 1) -> object:
        middle = (low + high) / 2
        return middle if size == 1 else np.full(size, middle)


@some
@given(crops, seeds)
def test_an_augmented_crop_has_the_shape_of_the_contract(stored: Image, seed: int) -> None:
    """The result is ``(112, 112, 3)`` uint8, and the stored crop stays unchanged."""
    before = stored.copy()
    found = augment(stored, np.random.default_rng(seed))
    assert (found.shape, found.dtype) == ((112, 112, 3), np.uint8)
    assert np.array_equal(stored, before)


@some
@given(crops, seeds)
def test_the_same_seed_gives_the_same_crop(stored: Image, seed: int) -> None:
    """All random numbers come from the generator."""
    one, other = (augment(stored, np.random.default_rng(seed)) for _ in range(2))
    assert np.array_equal(one, other)


def test_one_generator_never_gives_the_same_crop_twice() -> None:
    """The same crop looks different the next time, but still like the same person."""
    rng, stored = np.random.default_rng(1), draw_crop(1, 1)
    found = [augment(stored, rng) for _ in range(40)]
    assert len({crop.tobytes() for crop in found}) == 40
    mean = np.mean(found, axis=0).ravel()
    own, *others = (
        np.corrcoef(mean, draw_crop(who, 1)[INNER, INNER].ravel())[0, 1] for who in range(1, 12)
    )
    assert own > max(others) + 0.2


def test_without_random_changes_the_middle_is_cut() -> None:
    """Without any random change, the result is the contract's crop."""
    stored = draw_crop(3, 3)
    found = augment(stored, NoChange())  # type: ignore[arg-type]  # a generator without random changes
    assert np.array_equal(found, stored[INNER, INNER])


def test_half_are_mirrored() -> None:
    """Half of the crops are the contract's crop with left and right exchanged."""
    stored = draw_crop(3, 3)
    found = augment(stored, NoChange(mirror=0.4))  # type: ignore[arg-type]  # as above
    assert np.array_equal(found, stored[INNER, INNER][:, ::-1])


class Brighter(NoChange):
    """A generator that adds 10.7 levels of brightness, and changes nothing else."""

    def normal(self, mean: float, spread: float, size: int = 1) -> object:
        is_brightness = (spread, size) == (0.06, 1)
        return 10.7 / 255 if is_brightness else super().normal(mean, spread, size)


def test_light_is_rounded_to_the_nearest_level() -> None:
    """110.7 becomes 111, not 110: truncation would make every crop half a level darker."""
    grey = np.full((112, 112, 3), 100, np.uint8)
    assert np.all(relight(grey, Brighter()) == 111)  # type: ignore[arg-type]  # as above


def test_noise_keeps_the_mean_brightness() -> None:
    """Levels are rounded, not truncated, so that noise keeps the mean of an even grey."""
    grey = np.full((112, 112, 3), 128, np.uint8)
    found = [make_noisy(grey, np.random.default_rng(seed)) for seed in range(20)]
    assert np.mean(found) == pytest.approx(128, abs=0.1)


@pytest.mark.parametrize(
    "change", [change for _, change in CHANGES], ids=lambda change: change.__name__.strip("_")
)
@settings(max_examples=20, deadline=None)
@given(crop=crops.map(lambda stored: np.ascontiguousarray(stored[INNER, INNER])), seed=seeds)
def test_each_change_keeps_shape_and_type(
    change: Callable[[Image, Generator], Image], crop: Image, seed: int
) -> None:
    """Shape, type and the input stay unchanged, and all random numbers come from the generator."""
    before = crop.copy()
    found = change(crop, np.random.default_rng(seed))
    assert (found.shape, found.dtype) == (crop.shape, np.uint8)
    assert np.array_equal(crop, before)
    assert np.array_equal(found, change(crop, np.random.default_rng(seed)))


@pytest.mark.parametrize(
    "change", [change for _, change in CHANGES], ids=lambda change: change.__name__.strip("_")
)
def test_each_change_has_an_effect(change: Callable[[Image, Generator], Image]) -> None:
    """Each change has an effect on a coloured crop with sharp edges."""
    crop = (
        np.random.default_rng(0).integers(0, 256, (14, 14, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    )
    assert not np.array_equal(change(crop, np.random.default_rng(1)), crop)


def test_detail_is_lost_evenly_over_the_range_of_sizes() -> None:
    """The reduced size is uniform on a logarithmic scale over FAR_PX."""
    sides: list[float] = []

    class Seen(NoChange):
        def uniform(self, low: float, high: float, size: int = 1) -> object:
            sides.extend((low, high))
            return super().uniform(low, high, size)

    crop = np.ascontiguousarray(draw_crop(1, 1)[INNER, INNER])
    found = _lose_detail(crop, Seen())  # type: ignore[arg-type]  # a generator without random changes
    assert np.exp(sides) == pytest.approx(FAR_PX)
    middle = round(float(np.sqrt(FAR_PX[0] * FAR_PX[1])))
    small = cv2.resize(crop, (middle, middle), interpolation=cv2.INTER_AREA)
    assert np.array_equal(found, cv2.resize(small, (112, 112), interpolation=cv2.INTER_LINEAR))


@some
@given(crops, crops, seeds)
def test_a_blend_lies_between_the_two(one: Image, other: Image, seed: int) -> None:
    """Every value is between those of the two crops, within one grey level."""
    found = blend(one, other, np.random.default_rng(seed))
    assert (found.shape, found.dtype) == ((128, 128, 3), np.uint8)
    low, high = np.minimum(one, other).astype(int), np.maximum(one, other).astype(int)
    assert np.all((found >= low - 1) & (found <= high + 1))
    assert np.array_equal(found, blend(one, other, np.random.default_rng(seed)))


def test_half_the_blends_are_joined_and_half_are_mixed() -> None:
    """A joined blend shows one person on each side of a line; a mixed one shows both everywhere."""
    black, white = (np.full((128, 128, 3), level, np.uint8) for level in (0, 255))
    spans = [np.ptp(blend(black, white, np.random.default_rng(seed))) for seed in range(200)]
    mixed = [span == 0 for span in spans]
    assert 70 < sum(mixed) < 130
    assert min(span for span, flat in zip(spans, mixed, strict=True) if not flat) > 200
