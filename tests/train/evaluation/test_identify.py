"""Open-set identification: expected error rates of known cases, and of all galleries."""

import itertools
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.evaluation.combinations import none_drawn
from train.evaluation.identify import Galleries, Mix
from train.evaluation.walkers import WalkScores


def scores(
    strangers: list[list[float]], mated: list[float] | None = None, *, people: int | None = None
) -> WalkScores:
    """Scores of walks (rows) for people (columns), of one data set; each walk is of one person."""
    table = np.array(strangers, np.float32)
    own = np.full(len(table), -np.inf, np.float32)
    if mated is not None:
        own[: len(mated)] = mated
    return WalkScores(
        table,
        own,
        np.arange(len(table)) % (people or len(table)),
        np.array(["s"] * len(table)),
        np.array(["s"] * table.shape[1]),
    )


def galleries(found: WalkScores, size: int) -> Galleries:
    return Galleries(found, Mix.of(found), size)


@given(st.integers(1, 12), st.data())
def test_the_share_of_galleries_without_a_hit_is_exact(people: int, data: st.DataObject) -> None:
    """C(M - k, N) / C(M, N), as counted one by one."""
    hits, drawn = (data.draw(st.integers(0, people)) for _ in range(2))
    found = none_drawn(np.array([float(people)]), np.array([float(hits)]), float(drawn))
    assert found[0] == pytest.approx(comb(people - hits, drawn) / comb(people, drawn), abs=1e-9)


@given(st.integers(0, 99), st.integers(1, 5))
def test_rates_are_the_mean_over_all_galleries(seed: int, size: int) -> None:
    """The closed form equals the mean over every gallery of the size."""
    rng = np.random.default_rng(seed)
    table = rng.uniform(size=(7, 5))
    found = scores(table.tolist(), rng.uniform(size=7).tolist())
    named = [
        np.mean(table[:, enrolled].max(axis=1) >= 0.7)
        for enrolled in itertools.combinations(range(5), size)
    ]
    missed = []
    for others in itertools.combinations(range(5), size - 1):
        best = table[:, others].max(axis=1, initial=-1.0)
        missed.append(np.mean((found.mated < 0.7) | (best > found.mated)))
    all_of_size = galleries(found, size)
    assert all_of_size.fpir(0.7) == pytest.approx(np.mean(named), abs=1e-6)
    assert all_of_size.fnir(0.7) == pytest.approx(np.mean(missed), abs=1e-6)


def test_a_score_at_the_threshold_is_named() -> None:
    """A score equal to the threshold is accepted, as in the kiosk."""
    found = galleries(scores([[0.5], [0.49]], [0.5, 0.49]), 1)
    assert (found.fpir(0.5), found.fnir(0.5)) == (0.5, 0.5)


def test_a_wrong_name_is_a_miss() -> None:
    """A walk that is nearer to somebody else who is enrolled misses its own name."""
    found = scores([[0.9, 0.1], [0.1, 0.2]], [0.8, 0.8])
    assert galleries(found, 3).fnir(-1.0) == 0.5
    assert galleries(found, 1).fnir(-1.0) == 0.0


def test_the_own_family_is_no_stranger() -> None:
    """People whom a walk cannot be a stranger to are not drawn for it."""
    found = scores([[-np.inf, 0.9], [0.1, 0.1]])
    assert galleries(found, 1).fpir(0.5) == pytest.approx(0.5)


def test_a_person_with_many_walks_counts_once() -> None:
    """The rate is over people: four walks of one person weigh as much as one of another."""
    table = [[0.9], [0.1]] * 4
    few = scores([[0.9], [0.9], [0.9], [0.9], [0.1]])
    few.people[:] = [0, 0, 0, 0, 1]
    assert galleries(few, 1).fpir(0.5) == pytest.approx(0.5)
    assert galleries(scores(table), 1).fpir(0.5) == pytest.approx(0.5)


def test_the_mix_decides_the_rate() -> None:
    """Two splits with the same rates between data sets, and other shares, agree under one mix."""
    rng = np.random.default_rng(0)

    def split(adults: int, babies: int) -> WalkScores:
        people = ["adult"] * adults + ["baby"] * babies
        alike = np.array([[(a == b == "baby") for a in people] for b in people])
        hits = rng.uniform(size=alike.shape) < np.where(alike, 0.3, 0.01)
        table = np.where(hits, 0.9, 0.1).astype(np.float32)
        mated = np.full(len(people), -np.inf, np.float32)
        names = np.array(people)
        return WalkScores(table, mated, np.arange(len(people)), names, names)

    dev, test = split(300, 60), split(200, 160)
    mix = Mix.of(dev)
    expected, other = (Galleries(one, mix, 10).fpir(0.5) for one in (dev, test))
    assert other == pytest.approx(expected, rel=0.2)
    assert galleries(test, 10).fpir(0.5) > 2 * expected


@given(st.integers(0, 50))
def test_errors_trade_against_each_other(seed: int) -> None:
    """A higher threshold never gives a higher FPIR or a lower FNIR; both are shares."""
    rng = np.random.default_rng(seed)
    found = galleries(scores(rng.uniform(size=(9, 4)).tolist(), rng.uniform(size=9).tolist()), 2)
    rates = [(found.fpir(t), found.fnir(t)) for t in np.linspace(-0.1, 1.1, 15)]
    fpirs, fnirs = np.array(rates).T
    assert np.all(np.diff(fpirs) <= 1e-9)
    assert np.all(np.diff(fnirs) >= -1e-9)
    assert (fpirs[0], fpirs[-1], fnirs[-1]) == (pytest.approx(1), 0.0, pytest.approx(1))


def test_intervals_hold_their_value_and_are_over_people() -> None:
    """Each walk four times, of the same people, gives the same interval."""
    rng = np.random.default_rng(1)
    table, mated = rng.uniform(size=(40, 8)), rng.uniform(size=40)
    once = galleries(scores(table.tolist(), mated.tolist()), 2)
    again = galleries(scores([*table.tolist()] * 4, [*mated.tolist()] * 4, people=40), 2)
    for rate in ("fpir_rate", "fnir_rate"):
        one, other = (getattr(each, rate)(0.9) for each in (once, again))
        assert one.low < one.value < one.high
        assert (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high))
        assert other.n == 4 * one.n


def test_without_a_named_stranger_the_interval_is_the_rule_of_three() -> None:
    """No stranger of forty was named: up to 3/40 may be."""
    rate = galleries(scores([[0.1]] * 40), 1).fpir_rate(0.5)
    assert (rate.value, rate.low, rate.high) == (0.0, 0.0, 3 / 40)
