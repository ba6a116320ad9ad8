"""Write SFace for int8 kernels, hardly changing the function that it computes.

The TFLite runtime has no fast int8 PReLU: as an operator, 27 of them take four fifths of the time.
A PReLU with slope a is ``max(x, a * x)`` for every a up to 1. The three slopes of 10,944 that are
above 1 are brought below it (:func:`flip_steep`). XNNPACK leaves the maximum to the runtime's own
kernel, and still it takes less time on x86-64 than an addition, which has to bring both terms to
one scale.
Where a layer has one slope, there is a fast operator (:mod:`train.sface.short_front`).

An int8 tensor has one scale for all channels, so a channel that reaches a tenth as far as the
widest one gets a tenth of the steps. :func:`equalise` gives all channels one reach (Nagel et al.,
"Data-free quantization through weight equalization and bias correction", 2019), and values beyond
it are clipped, which costs the int8 kernels nothing. On 756 frames of walks, at native size and
shrunk to 24 pixels, the mean cosine of int8 to float rises from 0.965 and 0.923 to 0.992 and 0.989.
(All such cosines here were measured with ``x + relu((a - 1) * x)`` in place of the maximum.)
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import cv2
import keras
import numpy as np

from kiosk.errors import ModelError
from kiosk.records import Floats, Image
from train.augment import augment
from train.dataset.crop_set import BORDER_PX
from train.sface.network import build_sface, read_network
from train.sface.weights import Sface, Unit, has_one_slope

_SHARE: Final = 0.97
"""Share of the crops whose largest value a channel's reach holds. With all of them, none made worse
and nothing clipped, the cosines are 0.992 and 0.986; with 0.9 of them 0.990 and 0.990."""
_SEED: Final = 0
_BATCH: Final = 16
_LEAST_SLOPE: Final = 0.01
"""XNNPACK has no kernel where slope times input scale is below a 256th of the output scale."""
_LEAST_REACH: Final = 1e-3
"""Of the widest channel's reach: a channel that is zero on all crops must not be divided by 0."""


def int8_form(network: keras.Model, crops: Image) -> keras.Model:
    """Build a network that hardly differs, loses little when it is quantised, and runs fast.

    Args:
        network: SFace, from :func:`train.sface.network.build_sface`.
        crops: ``(n, 112, 112, 3)`` uint8 RGB, to measure how far each channel reaches; every
            second one also as a bad camera would see it.

    Raises:
        ModelError: A slope of the last PReLU is above 1.
    """
    sface = read_network(network)
    seen = np.concatenate([crops, _made_worse(crops[::2])])
    sface = flip_steep(sface)
    equal = equalise(sface, channel_reaches(build_sface(sface), sface, seen))
    return build_sface(equal, fast_prelu)


def _made_worse(crops: Image) -> Image:
    rng = np.random.default_rng(_SEED)
    edge = (BORDER_PX,) * 4
    padded = [cv2.copyMakeBorder(crop, *edge, cv2.BORDER_REFLECT_101) for crop in crops]
    return np.stack([augment(np.asarray(crop, np.uint8), rng) for crop in padded])


def fast_prelu(unit: Unit, values: Any) -> Any:  # noqa: ANN401  # Keras carries no types
    """Clip to -1 and 1, and apply a PReLU of slopes up to 1.

    It is a leaky ReLU if there is one slope, else ``max(x, a * x)``.
    """
    values = _Clip(name=f"{unit.name}_clip")(values)
    if has_one_slope(unit):
        return _LeakyRelu(float(unit.slope[0]), name=f"{unit.name}_prelu")(values)
    below = _Scale(unit.slope, name=f"{unit.name}_below")(values)
    return keras.layers.Maximum(name=f"{unit.name}_prelu")([values, below])


class _Clip(keras.layers.Layer):  # type: ignore[misc]  # Keras carries no types
    """Clip to -1 and 1; the converter makes it part of the convolution."""

    def call(self, values: Any) -> Any:  # noqa: ANN401  # Keras carries no types
        """Clip any tensor."""
        return keras.ops.clip(values, -1.0, 1.0)


class _LeakyRelu(keras.layers.Layer):  # type: ignore[misc]  # Keras carries no types
    """A PReLU of one slope, also a negative one, which Keras's own layer refuses."""

    def __init__(self, slope: float, **kwargs: Any) -> None:  # noqa: ANN401  # Keras's arguments
        super().__init__(**kwargs)
        self._slope = slope if abs(slope) >= _LEAST_SLOPE else math.copysign(_LEAST_SLOPE, slope)

    def call(self, values: Any) -> Any:  # noqa: ANN401  # Keras carries no types
        """Apply it to any tensor."""
        return keras.ops.leaky_relu(values, negative_slope=self._slope)


class _Scale(keras.layers.Layer):  # type: ignore[misc]  # Keras carries no types
    """Multiply each channel by its own factor."""

    def __init__(self, factors: Floats, **kwargs: Any) -> None:  # noqa: ANN401  # Keras's arguments
        super().__init__(**kwargs)
        self._factors = factors

    def call(self, values: Any) -> Any:  # noqa: ANN401  # Keras carries no types
        """Multiply ``(n, height, width, channels)``."""
        return values * self._factors


def flip_steep(sface: Sface) -> Sface:
    """Bring every slope to 1 or less.

    ``prelu(a, x)`` is ``-a * prelu(1 / a, -x)``: where a is above 1, the channel is negated and
    the next layer takes the factor ``-a``.

    Raises:
        ModelError: A slope of the last PReLU is above 1.
    """
    units = list(sface.units)
    for index in range(len(units) - 1):
        slope = units[index].slope  # as changed by the unit before
        steep = slope > 1
        sign = np.where(steep, -1, 1).astype(np.float32)
        flat = np.where(steep, 1 / np.where(steep, slope, 1), slope).astype(np.float32)
        units[index] = replace(_divide(units[index], sign), slope=flat)
        units[index + 1] = _multiply(units[index + 1], np.where(steep, -slope, 1))
    if units[-1].slope.max() > 1:
        raise ModelError(f"a slope of {units[-1].name} is {units[-1].slope.max():.3f}, above 1")
    return replace(sface, units=tuple(units))


def channel_reaches(network: keras.Model, sface: Sface, crops: Image) -> list[Floats]:
    """Measure how far each channel of each convolution's output reaches from 0.

    It is the largest absolute value within a crop, for :data:`_SHARE` of the crops: a few large
    values would cost all others their steps.

    Returns:
        ``(out,)`` float32 for each unit.
    """
    taps = [
        keras.ops.max(keras.ops.absolute(network.get_layer(unit.name).output), axis=(1, 2))
        for unit in sface.units
    ]
    tapped = keras.Model(network.input, taps)
    batches = [crops[i : i + _BATCH] for i in range(0, len(crops), _BATCH)]
    found = [
        [keras.ops.convert_to_numpy(tap) for tap in tapped(batch, training=False)]
        for batch in batches
    ]
    reaches = [
        np.quantile(np.concatenate(parts), _SHARE, axis=0) for parts in zip(*found, strict=True)
    ]
    return [
        np.asarray(np.maximum(reach, _LEAST_REACH * reach.max()), np.float32) for reach in reaches
    ]


def equalise(sface: Sface, reaches: Sequence[Floats]) -> Sface:
    """Divide each channel by its reach, and multiply the next layer by it.

    A PReLU lets positive factors pass.
    """
    units = list(sface.units)
    for index, reach in enumerate(reaches):
        units[index] = _divide(units[index], reach)
        if index + 1 < len(units):
            units[index + 1] = _multiply(units[index + 1], reach)
    last = reaches[-1]
    weight = sface.weight.reshape(-1, len(last), sface.weight.shape[1]) * last[:, None]
    return Sface(
        tuple(units), np.asarray(weight.reshape(sface.weight.shape), np.float32), sface.bias
    )


def _divide(unit: Unit, factors: Floats) -> Unit:
    """Divide the output channels of a convolution."""
    by = factors[:, None] if unit.depthwise else factors
    weight = np.asarray(unit.weight / by, np.float32)
    return replace(unit, weight=weight, bias=np.asarray(unit.bias / factors, np.float32))


def _multiply(unit: Unit, factors: Floats) -> Unit:
    """Multiply the input channels of a convolution."""
    return replace(unit, weight=np.asarray(unit.weight * factors[:, None], np.float32))
