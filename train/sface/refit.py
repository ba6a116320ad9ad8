"""Fit the weights of SFace to other slopes, layer after layer, by least squares.

Each layer takes what the changed network gives it, and aims at what the unchanged network has
there, before the PReLU. The first layer stays. No labels and no gradients are needed (after He et
al., "Channel pruning for accelerating very deep neural networks", 2017).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import keras
import numpy as np
from tqdm import tqdm

from kiosk.records import Floats, Image
from train.sface.network import CENTRE, SCALE
from train.sface.weights import Channels, Sface, Unit

_BATCH: Final = 32
_PLACES: Final = 60_000
"""Places of all crops together whose values a layer is fitted to."""
_LEAST_PLACES: Final = 16
_STAY: Final = 3e-3
"""How much the weights are drawn to those before, as a share of the mean square of the inputs."""
_STAY_DENSE: Final = 0.1
"""The same for the dense layer, which has more inputs than there are crops."""
_NEVER_USED: Final = 1e-9
"""Keeps the weights of an input that is always 0."""
_SEED: Final = 0


def refit(sface: Sface, slopes: Sequence[Floats], crops: Image) -> Sface:
    """Replace the slopes, and fit the weights and biases to them.

    Args:
        sface: The weights.
        slopes: The new slopes of each convolution, ``(out,)``.
        crops: ``(n, 112, 112, 3)`` uint8 RGB, such as the network will see; some hundred.
    """
    rng = np.random.default_rng(_SEED)
    old = [centred(crops[at : at + _BATCH]) for at in range(0, len(crops), _BATCH)]
    new, units = old, list[Unit]()
    pairs = list(zip(sface.units, slopes, strict=True))
    for unit, slope in tqdm(pairs, desc="layers", disable=None):
        aims = [convolve(unit, values) for values in old]
        fitted = _fit(unit, new, aims, rng) if units else unit
        units.append(replace(fitted, slope=slope))
        old = [prelu(values, unit.slope) for values in aims]
        new = [prelu(convolve(fitted, values), slope) for values in new]
    return _fit_dense(replace(sface, units=tuple(units)), _flat(new), _flat(old))


def centred(crops: Image) -> Floats:
    """Return crops as the first convolution takes them."""
    return np.asarray((crops.astype(np.float32) - CENTRE) / SCALE, np.float32)


def convolve(unit: Unit, values: Floats) -> Floats:
    """Apply a convolution to ``(n, height, width, in)``."""
    apply = keras.ops.depthwise_conv if unit.depthwise else keras.ops.conv
    found = apply(_pad(unit, values), unit.weight, strides=unit.stride, data_format="channels_last")
    return np.asarray(keras.ops.convert_to_numpy(found) + unit.bias)


def _pad(unit: Unit, values: Floats) -> Floats:
    edge = unit.weight.shape[0] // 2
    return np.pad(values, ((0, 0), (edge, edge), (edge, edge), (0, 0)))


def prelu(values: Floats, slope: Floats) -> Floats:
    """Multiply what is below 0 by the slope of its channel."""
    return np.asarray(values + (slope - 1) * np.minimum(values, 0))


def _fit(
    unit: Unit, inputs: Sequence[Floats], aims: Sequence[Floats], rng: np.random.Generator
) -> Unit:
    """Fit one convolution, at some places of each crop."""
    side = aims[0].shape[1]
    each = min(side * side, max(_LEAST_PLACES, _PLACES // sum(map(len, aims))))
    places = [rng.choice(side * side, each, replace=False) for _ in aims]
    taken = np.concatenate([_taps(unit, *one, side) for one in zip(inputs, places, strict=True)])
    aim = np.concatenate([
        values.reshape(len(values), side * side, -1)[:, chosen].reshape(-1, values.shape[-1])
        for values, chosen in zip(aims, places, strict=True)
    ])  # fmt: skip
    if unit.depthwise:  # as many small problems as channels
        start = unit.weight.reshape(taken.shape[1], -1).T[..., None]
        # One after the other in memory, they take half the time.
        apart = np.ascontiguousarray(taken.transpose(2, 0, 1))
        weight, bias = _ridge(apart, aim.T[..., None], start)
        return replace(unit, weight=weight[..., 0].T.reshape(unit.weight.shape), bias=bias[:, 0])
    weight, bias = _ridge(taken[:, 0], aim, unit.weight[0, 0])
    return replace(unit, weight=weight[None, None], bias=bias)


def _taps(unit: Unit, values: Floats, places: Channels, side: int) -> Floats:
    """Return what a convolution sees at places of its output, ``(n * places, taps, in)``."""
    width, padded = unit.weight.shape[0], _pad(unit, values)
    rows, columns = (unit.stride * at for at in np.divmod(places, side))
    taps = [padded[:, rows + y, columns + x] for y in range(width) for x in range(width)]
    return np.stack(taps, axis=2).reshape(-1, width * width, values.shape[-1])


def _ridge(inputs: Floats, aims: Floats, start: Floats) -> tuple[Floats, Floats]:
    """Solve for weights that are drawn to the start; leading axes are problems of their own.

    Args:
        inputs: ``(..., n, k)``.
        aims: ``(..., n, out)``.
        start: ``(..., k, out)``.

    Returns:
        Weights ``(..., k, out)`` and biases ``(..., out)``, float32.
    """
    middle, aim = inputs.mean(axis=-2, keepdims=True), aims.mean(axis=-2, keepdims=True)
    x, y = inputs - middle, aims - aim
    across, count = np.swapaxes(x, -1, -2), inputs.shape[-2]
    squares, products = (np.asarray(across @ one, np.float64) / count for one in (x, y))
    size = squares.shape[-1]
    mean = np.trace(squares, axis1=-2, axis2=-1)[..., None, None] / size
    stay = _STAY * mean + _NEVER_USED
    weights = np.linalg.solve(squares + stay * np.eye(size), products + stay * start)
    biases = aim - middle @ weights
    return np.asarray(weights, np.float32), np.asarray(biases[..., 0, :], np.float32)


def _fit_dense(sface: Sface, inputs: Floats, aims: Floats) -> Sface:
    """Fit the dense layer; of its many inputs, only the differences between crops count."""
    wanted = (aims - inputs) @ sface.weight
    middle, shift = inputs.mean(axis=0), wanted.mean(axis=0)
    x = inputs - middle
    likeness = np.asarray(x @ x.T, np.float64)
    stay = _STAY_DENSE * np.trace(likeness) / len(x) * np.eye(len(x))
    change = x.T @ np.linalg.solve(likeness + stay, wanted - shift)
    return replace(
        sface,
        weight=np.asarray(sface.weight + change, np.float32),
        bias=np.asarray(sface.bias + shift - middle @ change, np.float32),
    )


def _flat(values: Sequence[Floats]) -> Floats:
    return np.concatenate([one.reshape(len(one), -1) for one in values])
