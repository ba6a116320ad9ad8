"""Read SFace back from the int8 file that `kiosk-convert` wrote of it.

The float weights of a model that was trained elsewhere may be lost; its int8 file is not. A weight
is read back to within half a step of its channel, a slope to within half a step of its layer. The
channels stay equalised (:mod:`convert.sface`), and nothing is clipped.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from kiosk.errors import ModelError
from kiosk.recognition.bundle import read_bundle
from kiosk.records import Floats
from train.sface.network import SCALE
from train.sface.weights import Sface, Unit, convolutions

_Operator: TypeAlias = tuple[int, list[tuple[Any, Any]]]
"""An operator's code, and the constants that it takes: their tensors, and the bytes of each."""
_CODES: Final = schema.BuiltinOperator
_NAMES: Final = {code: name for name, code in vars(_CODES).items() if isinstance(code, int)}
_WITHOUT_WEIGHTS: Final = frozenset({_CODES.ADD, _CODES.PAD, _CODES.RESHAPE})
_TYPES: Final = {schema.TensorType.INT8: np.int8, schema.TensorType.INT32: np.int32}


def read_bundle_weights(path: Path) -> tuple[Sface, dict[str, Any]]:
    """Read the weights of a bundle of SFace, and how they were made.

    Raises:
        ModelError: The bundle cannot be read, or is not SFace with its own front.
    """
    bundle = read_bundle(path)
    try:
        sface = read_int8(bundle.model)
    except ModelError as exc:
        raise ModelError(f"{path}: {exc}") from exc
    card = bundle.card
    return sface, {"read_back": card.model_id, "recipe": card.training.get("recipe")}


def read_int8(model: bytes) -> Sface:
    """Read the weights of a TFLite file of SFace that has its own front.

    Raises:
        ModelError: The file has other layers than `kiosk-convert` writes for SFace.
    """
    try:
        operators = _operators(schema.ModelT.InitFromPackedBuf(model))
        units = [_read_unit(operators, *facts) for facts in convolutions()]
        units[0] = replace(units[0], weight=units[0].weight * np.float32(SCALE))
        weight, bias = _take(operators, _CODES.FULLY_CONNECTED)
    except Exception as exc:  # the schema's own, and a layer that is absent or of another shape
        raise ModelError(
            f"not SFace with its own front, as kiosk-convert writes it: {exc!r}"
        ) from exc
    return Sface(tuple(units), np.ascontiguousarray(weight.T), bias)


def _read_unit(
    operators: Iterator[_Operator],
    name: str,
    stride: int,
    depthwise: bool,  # noqa: FBT001  # from a tuple
) -> Unit:
    weight, bias = _take(operators, _CODES.DEPTHWISE_CONV_2D if depthwise else _CODES.CONV_2D)
    (slope,) = _take(operators, _CODES.MUL)
    form, _ = next(operators)
    if form == _CODES.ADD:
        slope = slope + np.float32(1)  # the bundles until commit 0b86fcc: x + relu((a - 1) x)
    elif form != _CODES.MAXIMUM:
        raise ValueError(f"{name}: {_NAMES[form]} after a multiplication, expected MAXIMUM or ADD")
    # TFLite has the outputs first, or 1 for depthwise filters; Keras has them last.
    weight = np.ascontiguousarray(weight.transpose(1, 2, 3, 0))
    return Unit(name, weight, bias, slope.reshape(-1), stride, depthwise)


def _take(operators: Iterator[_Operator], expected: int) -> list[Floats]:
    """Return the constants of the next operator that has weights, as they are in float."""
    for code, constants in operators:
        if code == expected:
            return [_dequantise(*constant) for constant in constants]
        if code not in _WITHOUT_WEIGHTS:
            raise ValueError(f"{_NAMES[code]} where {_NAMES[expected]} was expected")
    raise ValueError(f"no {_NAMES[expected]} where one was expected")


def _operators(model: Any) -> Iterator[_Operator]:  # noqa: ANN401  # the schema carries no types
    (graph,) = model.subgraphs
    for operator in graph.operators:
        tensors = [graph.tensors[index] for index in operator.inputs if index >= 0]
        stored = [(tensor, model.buffers[tensor.buffer].data) for tensor in tensors]
        yield (
            model.operatorCodes[operator.opcodeIndex].builtinCode,
            [(tensor, data) for tensor, data in stored if data is not None],
        )


def _dequantise(tensor: Any, data: Any) -> Floats:  # noqa: ANN401  # the schema carries no types
    steps = np.frombuffer(bytes(data), _TYPES[tensor.type]).reshape(tensor.shape)
    quantisation = tensor.quantization
    along = [1] * steps.ndim
    if len(quantisation.scale) > 1:
        along[quantisation.quantizedDimension] = -1
    scale, zero = (
        np.asarray(part, np.float64).reshape(along)
        for part in (quantisation.scale, quantisation.zeroPoint)
    )
    return np.asarray((steps - zero) * scale, np.float32)
