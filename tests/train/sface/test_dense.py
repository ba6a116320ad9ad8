"""The dense layer fitted in one step, and two of them joined."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.recognition.vectors import unit
from kiosk.records import Floats
from train.sface.dense import Dense, Maps, fit_dense, join, whiten

IN, OUT = 6, 4


def maps(rng: np.random.Generator, count: int = 40) -> Maps:
    return rng.normal(size=(count, IN)).astype(np.float16)


def dense(rng: np.random.Generator, out: int = OUT) -> Dense:
    weight = np.asarray(rng.normal(size=(IN, out)), np.float32)
    return Dense(weight, np.asarray(rng.normal(size=out), np.float32))


def cosines(vectors: Floats) -> Floats:
    return unit(vectors) @ unit(vectors).T


@given(st.integers(0, 1_000), st.integers(2, 40))
def test_the_fit_is_the_ridge_regression_of_all_inputs(seed: int, count: int) -> None:
    """Solved for pictures instead of inputs, it has the same weights."""
    rng = np.random.default_rng(seed)
    seen, aims = maps(rng, count), np.asarray(rng.normal(size=(count, OUT)), np.float32)
    found = fit_dense(seen, aims)
    x, y = seen.astype(np.float64) - seen.mean(axis=0, dtype=np.float64), aims - aims.mean(axis=0)
    stay = np.square(x).sum() / count  # _STAY is 1
    weight = np.linalg.solve(x.T @ x + stay * np.eye(IN), x.T @ y)
    assert np.allclose(found.weight, weight, atol=1e-3)
    assert np.allclose(found(seen).mean(axis=0), aims.mean(axis=0), atol=1e-3)


def test_the_fit_is_the_same_in_small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Large sets of maps are taken a part at a time."""
    rng = np.random.default_rng(1)
    seen, aims = maps(rng), np.asarray(rng.normal(size=(40, OUT)), np.float32)
    whole = fit_dense(seen, aims)
    monkeypatch.setattr("train.sface.dense._ROWS", 7)
    parts = fit_dense(seen, aims)
    assert np.allclose(whole.weight, parts.weight, atol=1e-4)
    assert np.allclose(whole.bias, parts.bias, atol=1e-4)


@given(st.integers(0, 1_000), st.floats(0.05, 0.6))
def test_joined_layers_have_the_cosines_of_both_embeddings_side_by_side(
    seed: int, share: float
) -> None:
    """Here all of both lies in so few axes that none is lost."""
    rng = np.random.default_rng(seed)
    seen = maps(rng)
    seen[:, OUT - 1 :] = 0  # with the bias, no more than OUT axes
    own, other = dense(rng), dense(rng, 9)
    found = join(own, other, seen, share)
    lengths = [np.linalg.norm(one(seen), axis=1).mean() for one in (own, other)]
    parts = zip((own, other), (1 - share, share), lengths, strict=True)
    side_by_side = np.concatenate(
        [np.sqrt(part) / length * one(seen) for one, part, length in parts], axis=1
    )
    assert found.weight.shape == own.weight.shape
    assert np.allclose(cosines(found(seen)), cosines(side_by_side), atol=2e-3)


def test_a_small_share_leaves_the_embedding_near_the_old_one() -> None:
    """The axes are turned to those of the first layer."""
    rng = np.random.default_rng(2)
    seen, own = maps(rng), dense(rng)
    found = join(own, dense(rng, 9), seen, 0.01)
    near = np.sum(unit(found(seen)) * unit(own(seen)), axis=1)
    assert near.min() > 0.97
    assert np.linalg.norm(found(seen)) == pytest.approx(np.linalg.norm(own(seen)), rel=0.05)


def test_whitened_by_a_half_all_axes_differ_equally() -> None:
    """Their covariance is that of a ball."""
    rng = np.random.default_rng(3)
    vectors = np.asarray(rng.normal(size=(500, 3)) * [1.0, 0.5, 0.2], np.float32)
    found = np.cov(whiten(vectors, 0.5).T)
    assert np.allclose(found, np.eye(3) * found[0, 0], atol=1e-3 * found[0, 0])


def test_whitened_by_nothing_vectors_stay() -> None:
    """A power of 0 changes nothing."""
    vectors = np.asarray(np.random.default_rng(4).normal(size=(50, 3)), np.float32)
    assert np.allclose(whiten(vectors, 0.0), vectors, atol=1e-5)


def test_an_axis_without_spread_is_not_blown_up() -> None:
    """What is only rounding there stays small."""
    vectors = np.asarray(np.random.default_rng(5).normal(size=(50, 3)), np.float32)
    vectors[:, 2] *= 1e-6
    assert np.abs(whiten(vectors, 0.5)[:, 2]).max() < 1e-3
