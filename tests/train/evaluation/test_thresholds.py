"""Thresholds: the FPIR asked for, from the tail of the scores, and for larger galleries."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.evaluation.identify import Galleries, Mix
from train.evaluation.thresholds import joint_fpir, shared_fpir, threshold_for
from train.evaluation.walkers import WalkScores


def galleries(strangers: int, people: int, size: int, seed: int = 0) -> Galleries:
    """Scores with an exponential tail: a pair reaches t with the probability exp(-t / 0.05)."""
    table = np.random.default_rng(seed).exponential(0.05, (strangers, people)).astype(np.float32)
    mated = np.full(strangers, -np.inf, np.float32)
    sources = (np.array(["s"] * count) for count in (strangers, people))
    found = WalkScores(table, mated, np.arange(strangers), *sources)
    return Galleries(found, Mix.of(found), size)


def true_fpir(threshold: float, size: int) -> float:
    return float(1 - (1 - np.exp(-threshold / 0.05)) ** size)


@pytest.mark.parametrize("size", [10, 100, 200])
@pytest.mark.parametrize("fpir", [0.01, 0.003])
def test_the_measured_fpir_is_the_one_asked_for(size: int, fpir: float) -> None:
    """On other strangers and other enrolled people, the rate is within a third of it."""
    threshold = threshold_for(galleries(3000, 200, size), fpir)
    assert true_fpir(threshold, size) == pytest.approx(fpir, rel=1 / 3)


@pytest.mark.parametrize("times", [2.4, 7.1])
@pytest.mark.parametrize("fpir", [0.01, 0.003])
def test_a_larger_gallery_is_extrapolated(times: float, fpir: float) -> None:
    """For more people than were measured, the true rate is near the one asked for."""
    threshold = threshold_for(galleries(3000, 200, 200), fpir, times)
    assert true_fpir(threshold, round(200 * times)) == pytest.approx(fpir, rel=0.6)


@pytest.mark.parametrize("seed", range(4))
def test_thresholds_grow_with_the_gallery_and_fall_with_the_fpir(seed: int) -> None:
    """More people, or fewer strangers named, need a higher threshold."""
    small, large = (galleries(400, 50, size, seed) for size in (10, 40))
    assert threshold_for(small, 0.01) < threshold_for(large, 0.01)
    assert threshold_for(large, 0.01) < threshold_for(large, 0.01, 5.0)
    assert threshold_for(large, 0.01) < threshold_for(large, 0.003)


def test_few_strangers_give_a_threshold_above_them() -> None:
    """Where the tail has nobody, no stranger measured is named."""
    few = galleries(5, 3, 2)
    assert few.fpir(threshold_for(few, 0.003)) <= 0.003


@given(st.floats(1e-6, 0.5), st.floats(1, 50))
def test_sharing_an_fpir_is_undone_by_joining(fpir: float, times: float) -> None:
    """``times`` galleries with the shared rate have the rate together."""
    assert joint_fpir(shared_fpir(fpir, times), times) == pytest.approx(fpir)
