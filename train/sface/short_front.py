"""Give SFace a short front: the first convolution halves the picture, not that of the third block.

SFace computes its first three convolutions at 112 x 112 places, which takes three tenths of the
time of the int8 form. The short front has the same layers at 56 x 56 places, of 64 channels, with
one slope for each layer, for which there is a fast int8 kernel. It starts with random weights and
learns what the old front gives the rest of the network, which stays as it is. So it needs neither
names nor embeddings, and learns from every place of a picture.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import keras
import numpy as np

from kiosk.records import Floats
from train.sface.weights import Sface, Unit

_FRONT: Final = frozenset({"conv_1", "conv_2_dw", "conv_2", "conv_3_dw"})
_AFTER: Final = "conv_3"
"""The layer after the front. It learns, too: what it gives its PReLU is the aim."""
_CHANNELS: Final = 64
"""Of each layer of the front, as many as the old one has at its end."""
_SLOPE: Final = 0.25


def blank_front(sface: Sface, seed: int = 0) -> Sface:
    """Return SFace with a short front of random weights (He et al., 2015)."""
    rng = np.random.default_rng(seed)
    units = (_blank(unit, rng) if unit.name in _FRONT else unit for unit in sface.units)
    return replace(sface, units=tuple(units))


def _blank(unit: Unit, rng: np.random.Generator) -> Unit:
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
    """Return the part of a network that the front is to replace, and the layer after it.

    Its output is ``(n, 56, 56, 128)``: what that layer gives its PReLU.
    """
    return keras.Model(network.input, network.get_layer(f"{_AFTER}_prelu").input)


def unexplained(spread: Floats) -> Callable[[Any, Any], Any]:
    """Return a loss: the share of the variance of what a front gives that another does not explain.

    Args:
        spread: ``(128,)`` standard deviation of each channel of :func:`front_of`.
    """

    def loss(aims: Any, found: Any) -> Any:  # noqa: ANN401  # Keras carries no types
        return keras.ops.mean(keras.ops.square((aims - found) / spread), axis=(1, 2, 3))

    return loss
