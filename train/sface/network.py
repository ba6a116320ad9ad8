"""SFace as a Keras network: built from its weights to use, to convert or to train, and read back.

In a network to train, each layer is followed by a factor and an addend for each channel. Where
weights move, too, they all have one scale: one learning rate moves all layers by one share.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, Literal, TypeAlias

import keras
import numpy as np

from kiosk.contract import CROP_PX, EMBEDDING_DIM
from kiosk.records import Floats
from train.sface.layers import ChannelAffine
from train.sface.weights import Sface, Unit, convolutions, has_one_slope

CENTRE: Final = 127.5
SCALE: Final = 128.0
"""The network takes (pixel - 127.5) / 128."""

Layers: TypeAlias = Literal["all", "convolutions", "first", "affine"]
"""Which weights are trained: the factor and addend of each channel and the slopes, and with them
the weights of all layers (``all``), of the first 7 blocks (``first``), or none (``affine``).
``convolutions`` trains all that, but nothing of the dense layer."""
_FIRST_BLOCKS: Final = 7
_SPREAD: Final = 0.05
"""Root mean square of each channel's weights where weights are trained."""
_LEAST_SQUARE: Final = 1e-12
_PACE: Final = 10.0
"""How much faster factors and addends move than weights."""

Activate: TypeAlias = Callable[[Unit, Any], Any]
"""Applies a unit's PReLU to a Keras tensor."""


def prelu(unit: Unit, values: Any) -> Any:  # noqa: ANN401  # Keras carries no types
    """Apply the PReLU as a layer whose slopes can be trained; equal slopes are one, and stay so."""
    slope, axes = unit.slope, [1, 2]
    if has_one_slope(unit):
        slope, axes = slope[:1], [1, 2, 3]
    layer = keras.layers.PReLU(shared_axes=axes, name=f"{unit.name}_prelu")
    values = layer(values)
    layer.set_weights([slope.reshape(1, 1, -1)])
    return values


def build_sface(
    sface: Sface,
    activate: Activate = prelu,
    *,
    layers: Layers | None = None,
) -> keras.Model:
    """Build the network.

    Args:
        sface: Its weights.
        activate: Applies a unit's PReLU.
        layers: Which weights can be trained; ``None`` builds the plain form, to use or to convert.

    Returns:
        A model from crops ``(n, 112, 112, 3)``, pixels 0 to 255 RGB, to embeddings ``(n, 128)``
        float32, not scaled to length 1.
    """
    crop = keras.Input((CROP_PX, CROP_PX, 3), name="crop")
    scale = 1.0 if layers is None else 1 / SCALE
    x = keras.layers.Rescaling(scale, offset=-CENTRE * scale, name="centre")(crop)
    units = sface.units
    if layers is None:
        # The division is part of the first convolution: int8 has no rounding before it.
        first, *rest = units
        units = (replace(first, weight=first.weight / np.float32(SCALE)), *rest)
    for unit in units:
        x = activate(unit, _convolve(unit, x, layers))
    x = keras.layers.Flatten(name="flatten")(x)
    dense = keras.layers.Dense(
        EMBEDDING_DIM, use_bias=layers is None, name="project", trainable=layers in {None, "all"}
    )
    x = _weigh(dense, x, sface.weight, sface.bias, layers)
    embedding = keras.layers.Activation("linear", dtype="float32", name="embedding")(x)
    return keras.Model(crop, embedding, name="sface")


def _convolve(unit: Unit, x: Any, layers: Layers | None) -> Any:  # noqa: ANN401  # Keras carries no types
    padding = "same"
    if unit.stride == 2:
        # Keras would pad right and below only; SFace pads on all sides.
        x = keras.layers.ZeroPadding2D(1, name=f"{unit.name}_pad")(x)
        padding = "valid"
    settings = {
        "kernel_size": unit.weight.shape[0],
        "strides": unit.stride,
        "padding": padding,
        "name": unit.name,
        "use_bias": layers is None,
        "trainable": layers in {None, "all", "convolutions"}
        or (layers == "first" and _is_first(unit)),
    }
    if unit.depthwise:
        layer = keras.layers.DepthwiseConv2D(**settings)
    else:
        layer = keras.layers.Conv2D(unit.weight.shape[3], **settings)
    return _weigh(layer, x, unit.weight, unit.bias, layers)


def _is_first(unit: Unit) -> bool:
    return int(unit.name.split("_")[1]) <= _FIRST_BLOCKS


def _weigh(
    layer: keras.layers.Layer,
    x: Any,  # noqa: ANN401  # Keras carries no types
    weight: Floats,
    bias: Floats,
    layers: Layers | None,
) -> Any:  # noqa: ANN401  # Keras carries no types
    """Apply a layer with these weights; in a network to train, with factor and addend apart."""
    x = layer(x)
    if layers is None:
        layer.set_weights([weight, bias])
        return x
    factor, pace = np.ones_like(bias), 1.0
    if layers != "affine":
        factor, pace = _spreads(weight, len(bias)) / np.float32(_SPREAD), _PACE
    layer.set_weights([weight / _along(factor, weight)])
    fixed = layer.name == "project" and layers == "convolutions"
    affine = ChannelAffine(pace, name=f"{layer.name}_norm", trainable=not fixed)
    x = affine(x)
    affine.set_weights([factor / np.float32(pace), bias / np.float32(pace)])
    return x


def _spreads(weight: Floats, channels: int) -> Floats:
    """Return the root mean square of the weights of each output channel, and no zero."""
    # The last axis of depthwise weights is one long, so the channels come last here, too.
    squares = np.square(weight.reshape(-1, channels), dtype=np.float64)
    return np.asarray(np.sqrt(np.maximum(squares.mean(axis=0), _LEAST_SQUARE)), np.float32)


def _along(factor: Floats, weight: Floats) -> Floats:
    """Shape a factor for each output channel so that it multiplies a layer's weights."""
    return factor if weight.shape[-1] == len(factor) else factor[:, None]


def read_network(network: keras.Model) -> Sface:
    """Read the weights of a network that :func:`build_sface` built with :func:`prelu`."""
    units = [_layer_unit(network, name) for name, _, _ in convolutions()]
    if network.get_layer("centre").scale == 1:
        units[0] = replace(units[0], weight=units[0].weight * np.float32(SCALE))
    return Sface(tuple(units), *_layer_weights(network, "project"))


def _layer_unit(network: keras.Model, name: str) -> Unit:
    layer, (weight, bias) = network.get_layer(name), _layer_weights(network, name)
    (slope,) = network.get_layer(f"{name}_prelu").get_weights()
    slope = np.array(np.broadcast_to(slope.reshape(-1), bias.shape))
    depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
    return Unit(name, weight, bias, slope, layer.strides[0], depthwise)


def _layer_weights(network: keras.Model, name: str) -> tuple[Floats, Floats]:
    """Return weight and bias of a layer, with its factor and addend folded in."""
    weight, *biases = network.get_layer(name).get_weights()
    if biases:
        return weight, biases[0]
    affine = network.get_layer(f"{name}_norm")
    gamma, beta = affine.get_weights()
    pace = np.float32(affine.pace)
    return weight * _along(gamma * pace, weight), beta * pace
