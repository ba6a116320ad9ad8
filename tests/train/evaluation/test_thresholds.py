"""Thresholds: the FPIR asked for, from the tail of the scores, and for larger galleries."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.evaluation.domains import Domain, joint_fpir, mean_rates
from train.evaluation.identify import Galleries, Mix
from train.evaluation.thresholds import threshold_for
from train.evaluation.walkers import WalkScores


def galleries(strangers: int, people: int, size: int, seed: int = 0) -> Galleries:
    """Scores with an exponential tail: a pair reaches t with the probability exp(-t / 0.05)."""
    table = np.random.default_rng(seed).exponential(0.05, (strangers, people)).astype(np.float32)
    mated = np.full(strangers, 0.5, np.float32)
    sources = (np.array(["s"] * count) for count in (strangers, people))
    found = WalkScores(table, mated, np.arange(strangers), *sources)
    return Galleries(found, Mix.of(found), size)


def true_fpir(threshold: float, size: int) -> float:
    return float(1 - (1 - np.exp(-threshold / 0.05)) ** size)


@pytest.mark.parametrize("size", [10, 100, 200])
@pytest.mark.parametrize("fpir", [0.01, 0.003])
def test_the_measured_fpir_is_the_one_asked_for(size: int, fpir: float) -> None:
    """On other strangers and other enrolled people, the rate is within a third of it."""
    threshold = threshold_for([Domain(galleries(3000, 200, size))], fpir)
    assert true_fpir(threshold, size) == pytest.approx(fpir, rel=1 / 3)


@pytest.mark.parametrize("times", [2.4, 7.1])
@pytest.mark.parametrize("fpir", [0.01, 0.003])
def test_a_larger_gallery_is_extrapolated(times: float, fpir: float) -> None:
    """For more people than were measured, the true rate is near the one asked for."""
    threshold = threshold_for([Domain(galleries(3000, 200, 200), times)], fpir)
    assert true_fpir(threshold, round(200 * times)) == pytest.approx(fpir, rel=0.6)


@pytest.mark.parametrize("seed", range(4))
def test_thresholds_grow_with_the_gallery_and_fall_with_the_fpir(seed: int) -> None:
    """More people, or fewer strangers named, need a higher threshold."""
    small, large = (Domain(galleries(400, 50, size, seed)) for size in (10, 40))
    larger = Domain(large.galleries, 5.0)
    thresholds = [threshold_for([one], 0.01) for one in (small, large, larger)]
    assert thresholds == sorted(set(thresholds))
    assert threshold_for([large], 0.01) < threshold_for([large], 0.003)


def test_few_strangers_give_a_threshold_above_them() -> None:
    """Where the tail has nobody, no stranger measured is named."""
    few = galleries(5, 3, 2)
    assert few.fpir(threshold_for([Domain(few)], 0.003)) <= 0.003


@given(st.integers(0, 2**32), st.sampled_from([10, 40]), st.sampled_from([0.01, 0.003]))
def test_those_measured_are_named_no_more_often_than_asked_for(
    seed: int, size: int, fpir: float
) -> None:
    """Few people are not on the fitted line; the threshold holds for them as they are, too."""
    domains = [Domain(galleries(400, 50, size, seed + at)) for at in range(2)]
    threshold = threshold_for(domains, fpir)
    assert np.mean([one.galleries.fpir(threshold) for one in domains]) <= fpir


def test_one_person_in_the_tail_does_not_decide_an_extrapolated_threshold() -> None:
    """A lookalike far above the line counts once, not for each of the galleries together."""
    few = galleries(400, 50, 40)
    few.scores.strangers[0, 0] = 0.9
    assert threshold_for([Domain(few, 40.0)], 0.01) < 0.8


def test_the_fitted_tail_stands_where_nobody_was_measured() -> None:
    """Above the highest score of all, the line still says how many strangers would be named."""
    few = galleries(200, 50, 40)
    highest = float(few.scores.strangers.max())
    assert highest + 0.01 < threshold_for([Domain(few, 20.0)], 0.001) < 1.0


def test_two_domains_have_the_fpir_asked_for_on_average() -> None:
    """In the domain whose strangers score higher, more of them are named."""
    low, high = galleries(3000, 200, 30), galleries(3000, 200, 120, seed=1)
    threshold = threshold_for([Domain(low), Domain(high)], 0.01)
    rates = [low.fpir(threshold), high.fpir(threshold)]
    assert rates[0] < 0.01 < rates[1]
    assert np.mean(rates) == pytest.approx(0.01, rel=0.2)


def test_the_rates_of_two_domains_are_averaged() -> None:
    """The mean rate lies between the two, its interval is narrower, and all trials count."""
    one, other = (Domain(galleries(800, 60, size, size)).rates(0.35) for size in (10, 40))
    both = mean_rates([one, other])
    assert both.fpir.value == pytest.approx((one.fpir.value + other.fpir.value) / 2)
    assert both.fpir.n == one.fpir.n + other.fpir.n
    widths = [rate.fpir.high - rate.fpir.low for rate in (one, other, both)]
    assert widths[2] < max(widths)
    assert both.fpir.low <= both.fpir.value <= both.fpir.high
    assert mean_rates([one]).fpir == one.fpir


@given(st.floats(1e-6, 0.5), st.integers(1, 50))
def test_galleries_together_name_a_stranger_as_independent_ones(fpir: float, times: int) -> None:
    """The FPIR of several galleries is that of at least one of them naming the stranger."""
    assert joint_fpir(fpir, times) == pytest.approx(1 - (1 - fpir) ** times, rel=1e-6)
