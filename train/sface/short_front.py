"""Give SFace a short front: the first convolution halves the picture, not that of the third block.

SFace computes its first three convolutions at 112 x 112 places, which takes three tenths of the
time of the int8 form. The short front has the same layers at 56 x 56 places, of 64 channels. Its
layers, and the others at 56 x 56 places, have one slope each, for which there is a fast int8
kernel. The new layers start with random weights; with all those up to ``conv_5`` they learn what
the old ones give the rest of the network, which stays as it is. So the front needs neither names
nor embeddings, and learns from every place of a picture.
"""

from dataclasses import replace
from typing import Any, Final

import keras
import numpy as np

from kiosk.records import Floats
from train.sface.weights import Sface, Unit

_NEW: Final = frozenset({"conv_1", "conv_2_dw", "conv_2", "conv_3_dw"})
_ONE_SLOPE: Final = frozenset({"conv_3", "conv_4_dw", "conv_4"})
"""Layers that keep their weights and get one slope."""
_LAST: Final = "conv_5"
"""The last layer that learns. What it gives its PReLU, ``(n, 28, 28, 256)``, is the aim."""
_CHANNELS: Final = 64
"""Of each new layer, as many as the last of the old ones has."""
_SLOPE: Final = 0.25


def blank_front(sface: Sface, seed: int = 0) -> Sface:
    """Return SFace with a short front whose new layers have random weights (He et al., 2015)."""
    rng = np.random.default_rng(seed)
    return replace(sface, units=tuple(_start(unit, rng) for unit in sface.units))


def _start(unit: Unit, rng: np.random.Generator) -> Unit:
    if unit.name in _ONE_SLOPE:
        return replace(unit, slope=np.full_like(unit.slope, unit.slope.mean()))
    if unit.name not in _NEW:
        return unit
    first = unit.name == "conv_1"
    height, width = unit.weight.shape[:2]
    inputs = 3 if first else _CHANNELS
    shape = (height, width, inputs, 1 if unit.depthwise else _CHANNELS)
    fan_in = height * width * (1 if unit.depthwise else inputs)
    return replace(
        unit,
        weight=np.asarray(rng.normal(0, np.sqrt(2 / fan_in), shape), np.float32),
        bias=np.zeros(_CHANNELS, np.float32),
        slope=np.full(_CHANNELS, _SLOPE, np.float32),
        stride=2 if first else 1,
    )


def front_of(network: keras.Model) -> keras.Model:
    """Return the layers of a network up to the last one that learns, without its PReLU."""
    return keras.Model(network.input, network.get_layer(f"{_LAST}_prelu").input)


def compare_fronts(front: keras.Model, old: keras.Model, spread: Floats) -> keras.Model:
    """Build what a front learns by: how much of the old front's variance it does not explain.

    Args:
        front: The front that learns, from :func:`front_of`.
        old: The front that gives the aims; it is fixed from here on.
        spread: ``(256,)`` standard deviation of each channel of the aims.

    Returns:
        A model from ``crop`` ``(n, 112, 112, 3)`` to ``unexplained``, the share that is left for
        each, ``(n, 1)`` float32; what it aims at is 0.
    """
    old.trainable = False
    aims = keras.Model(old.input, old.output, name="aims")(front.input)
    left = Unexplained(spread, dtype="float32", name="unexplained")([aims, front.output])
    return keras.Model({"crop": front.input}, {"unexplained": left})


class Unexplained(keras.layers.Layer):
    """The mean squared difference of two maps, in variances of each channel."""

    def __init__(self, spread: Floats, **settings: Any) -> None:  # noqa: ANN401  # Keras's own
        super().__init__(**settings)
        self._spread = spread

    def call(self, maps: Any) -> Any:  # noqa: ANN401  # Keras carries no types
        """Compare two ``(n, height, width, channels)``; return ``(n, 1)``."""
        aims, found = maps
        left = keras.ops.square((aims - found) / self._spread)
        return keras.ops.expand_dims(keras.ops.mean(left, axis=(1, 2, 3)), -1)
