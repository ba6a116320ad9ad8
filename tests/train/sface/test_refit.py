"""The weights of SFace fitted to other slopes, layer after layer."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from kiosk.records import Floats, Image
from train.embedder import embed_all
from train.sface.network import build_sface
from train.sface.refit import _ridge, centred, convolve, prelu, refit
from train.sface.weights import Sface


def flattened(sface: Sface) -> list[Floats]:
    """Every slope halfway to the mean of its layer."""
    return [np.asarray((unit.slope + unit.slope.mean()) / 2, np.float32) for unit in sface.units]


def test_layers_are_those_of_the_network(
    weights: Sface, network: keras.Model, crops: Image
) -> None:
    """A convolution of stride 2 and one without give what the Keras network gives."""
    values = centred(crops)
    for unit in weights.units[:4]:
        values = convolve(unit, values)
        tap = keras.Model(network.input, network.get_layer(unit.name).output)
        # pytest.approx takes a minute for ten million values.
        assert np.abs(values - keras.ops.convert_to_numpy(tap(crops))).max() < 2e-3
        values = prelu(values, unit.slope)


def test_the_same_slopes_leave_the_embeddings(
    weights: Sface, network: keras.Model, crops: Image
) -> None:
    """Where no slope changes, there is nothing to give back."""
    same = refit(weights, [unit.slope for unit in weights.units], crops)
    before, after = (embed_all(one, crops) for one in (network, build_sface(same)))
    assert np.sum(before * after, axis=1).min() > 0.9999


def test_the_weights_give_back_what_the_slopes_take(
    weights: Sface, network: keras.Model, crops: Image
) -> None:
    """With other slopes the embeddings are far off, and near again once the weights are fitted."""
    slopes = flattened(weights)
    units = (replace(unit, slope=slope) for unit, slope in zip(weights.units, slopes, strict=True))
    changed, fitted = replace(weights, units=tuple(units)), refit(weights, slopes, crops)
    before = embed_all(network, crops)
    far, near = (
        np.median(np.sum(before * embed_all(build_sface(one), crops), axis=1))
        for one in (changed, fitted)
    )
    assert (far < 0.8, near > 0.95) == (True, True)
    assert all(
        np.array_equal(unit.slope, slope) for unit, slope in zip(fitted.units, slopes, strict=True)
    )


def test_a_ridge_finds_the_weights_that_made_its_aims() -> None:
    """Weights and bias are found for each problem apart; an unused input keeps its weight."""
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(3, 500, 4)).astype(np.float32)
    inputs[..., 3] = 0
    true = rng.normal(size=(3, 4, 2)).astype(np.float32)
    aims = inputs @ true + np.array([1.0, -2.0], np.float32)
    weights, biases = _ridge(inputs, aims, np.full((3, 4, 2), 0.5, np.float32))
    assert weights[:, :3] == pytest.approx(true[:, :3], abs=0.02)
    assert weights[:, 3] == pytest.approx(0.5, abs=1e-6)
    assert biases == pytest.approx(np.tile([1.0, -2.0], (3, 1)), abs=0.02)
