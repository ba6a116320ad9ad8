"""Rates, thresholds and intervals agree with their definitions."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from kiosk.records import Floats
from train.metrics import (
    Bools,
    best_threshold,
    bootstrap,
    fold_accuracy,
    hit_rate,
    quantile_threshold,
    tar_at_far,
    wilson,
)

# Half of the time few values, so that many are equal.
cosines = st.one_of(st.floats(-1, 1, width=32), st.sampled_from([-0.5, 0.0, 0.25, 0.5]))
score_lists = st.lists(cosines, min_size=1, max_size=30).map(lambda v: np.array(v, np.float32))
pairs = st.lists(st.tuples(cosines, st.booleans()), min_size=1, max_size=30).map(
    lambda rows: (np.array([r[0] for r in rows], np.float32), np.array([r[1] for r in rows]))
)


def share_right(scores: Floats, same: Bools, threshold: float) -> float:
    return float(np.mean((scores >= threshold) == same))


@given(pairs)
def test_no_threshold_classifies_more_pairs_correctly(case: tuple[Floats, Bools]) -> None:
    """The best threshold is as good as the best of all candidates, tried one by one."""
    scores, same = case
    best = max(share_right(scores, same, threshold) for threshold in [*scores.tolist(), 2.0])
    assert share_right(scores, same, best_threshold(scores, same)) == best


@pytest.mark.parametrize(
    ("scores", "same", "accepted"),
    [
        ([0.3, 0.4], [True, True], 2),
        ([0.3, 0.4], [False, False], 0),
        ([0.5, 0.5, 0.5], [True, True, False], 3),
        ([0.5, 0.5, 0.5], [True, False, False], 0),
        ([0.6, np.nextafter(np.float32(0.6), np.float32(1))], [False, True], 1),
    ],
    ids=["all same", "all different", "equal, most same", "equal, most different", "neighbours"],
)
def test_how_many_the_best_threshold_accepts(
    scores: list[float], same: list[bool], accepted: int
) -> None:
    """All or no pairs are accepted if that is best, also between two neighbouring floats."""
    values = np.array(scores, np.float32)
    assert np.sum(values >= best_threshold(values, np.array(same))) == accepted


def test_the_best_threshold_is_midway() -> None:
    """Between the two kinds of pairs, the threshold has equal distance to both."""
    scores = np.array([0.6, 0.1, 0.8, 0.2], np.float32)
    assert best_threshold(scores, scores > 0.5) == pytest.approx(0.4)


@given(score_lists, st.floats(0, 1))
def test_at_most_the_rate_of_impostors_reaches_the_threshold(
    impostors: Floats, rate: float
) -> None:
    """The share that reaches the threshold is at most the rate, also with many equal scores."""
    threshold = quantile_threshold(impostors, rate)
    assert np.sum(impostors >= threshold) <= rate * len(impostors) + 1e-6


@given(score_lists, st.floats(0, 1, exclude_max=True))
def test_the_threshold_is_the_lowest(impostors: Floats, rate: float) -> None:
    """Any lower threshold accepts more than the rate."""
    threshold = np.float32(quantile_threshold(impostors, rate))
    lower = np.nextafter(threshold, np.float32(-2))
    assert np.sum(impostors >= lower) > math.floor(rate * len(impostors))


@pytest.mark.parametrize(
    ("rate", "reach"), [(0.0, 0), (0.1, 1), (0.29, 2), (0.3, 3), (0.7, 7), (1.0, 10)]
)
def test_a_rate_of_whole_items_is_used_fully(rate: float, reach: int) -> None:
    """Three of ten is 30 %, in spite of float rounding."""
    impostors = np.linspace(0.0, 0.9, 10, dtype=np.float32)
    assert np.sum(impostors >= quantile_threshold(impostors, rate)) == reach


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_contains_the_share(case: tuple[int, int]) -> None:
    """The interval lies between 0 and 1 and contains the share."""
    found = wilson(*case)
    assert 0.0 <= found.low <= found.value <= found.high <= 1.0
    assert (found.value, found.n) == (case[0] / case[1], case[1])


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_is_that_of_the_score_test(case: tuple[int, int]) -> None:
    """At either end, the share is 1.96 standard deviations of that end away."""
    found = wilson(*case)
    for end in (found.low, found.high):
        if 1e-9 < end < 1 - 1e-9:
            deviation = math.sqrt(end * (1 - end) / found.n)
            assert abs(found.value - end) == pytest.approx(1.959964 * deviation, rel=1e-6)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_hits_and_misses_mirror_each_other(case: tuple[int, int]) -> None:
    """The interval of the misses is that of the hits, mirrored."""
    hits, misses = wilson(*case), wilson(case[1] - case[0], case[1])
    assert (misses.low, misses.high) == pytest.approx((1 - hits.high, 1 - hits.low), abs=1e-9)


@pytest.mark.parametrize("clusters", [[], [np.array([], np.bool_)]])
def test_a_rate_of_no_trial_is_an_error(clusters: list[Bools]) -> None:
    """Without a trial there is no share."""
    with pytest.raises(ValueError, match="expected at least one trial"):
        bootstrap(clusters)
    with pytest.raises(ValueError, match="expected at least one trial"):
        hit_rate(np.array([], np.bool_))


def test_a_fold_is_measured_at_the_threshold_of_the_other_folds() -> None:
    """The threshold comes only from the other folds, and the standard error is that of the mean."""
    scores = np.array([0.1, 0.9, 0.1, 0.9, 0.4, 0.3, 0.1, 0.9], np.float32)
    same = np.array([False, True, False, True, False, True, False, True])
    folds = np.repeat([0, 1, 2, 3], 2)
    found = fold_accuracy(scores, same, folds)
    # Fold 2 alone would choose otherwise; at the others' threshold its second pair is wrong.
    assert found.accuracy == pytest.approx((1 + 1 + 0.5 + 1) / 4)
    assert found.standard_error == pytest.approx(np.std([1, 1, 0.5, 1], ddof=1) / 2)
    assert found.n == 8


@given(pairs, st.floats(0, 1))
def test_the_true_accept_rate_is_counted_at_the_threshold(
    case: tuple[Floats, Bools], far: float
) -> None:
    """It is the share of same pairs above every threshold that accepts too many different pairs."""
    scores, same = case
    assume(same.any())
    allowed = math.floor(far * np.sum(~same) + 1e-9)
    lets_through = [t for t in scores if np.sum(scores[~same] >= t) > allowed]
    above = scores > max(lets_through, default=-2.0)
    found = tar_at_far(scores, same, far)
    assert found.n == np.sum(same)
    assert found.value == np.mean(above[same])


clusters = st.lists(npst.arrays(np.bool_, st.integers(0, 6)), min_size=1, max_size=12)


@given(clusters, st.integers(0, 9))
def test_a_bootstrap_gives_the_share_over_all_trials(hits: list[Bools], seed: int) -> None:
    """The share is over all trials, the interval within 0 and 1, and a seed gives one result."""
    everything = np.concatenate(hits)
    assume(len(everything))
    found = bootstrap(hits, seed, rounds=50)
    assert found.n == len(everything)
    assert found.value == pytest.approx(everything.mean())
    assert 0.0 <= found.low <= found.high <= 1.0
    assert bootstrap(hits, seed, rounds=50) == found


def test_trials_of_one_person_count_as_one() -> None:
    """Ten equal trials per person give the interval of one trial per person."""
    single = [np.array([who % 4 == 0]) for who in range(60)]
    tenfold = [np.repeat(hit, 10) for hit in single]
    one, ten = bootstrap(single), bootstrap(tenfold)
    assert (ten.low, ten.high) == pytest.approx((one.low, one.high))
    independent = bootstrap([hit[i : i + 1] for hit in tenfold for i in range(10)])
    assert ten.high - ten.low > 2 * (independent.high - independent.low)


def test_a_bootstrap_agrees_with_wilson_where_trials_are_independent() -> None:
    """With one trial each for many people, both intervals are about the same."""
    rng = np.random.default_rng(8)
    hits = rng.random(2000) < 0.2
    found, expected = bootstrap([hit[None] for hit in hits]), wilson(int(hits.sum()), 2000)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.003)
