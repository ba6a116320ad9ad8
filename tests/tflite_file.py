"""Write a TFLite file by hand: a real int8 model in milliseconds, and without TensorFlow."""

from collections.abc import Sequence
from typing import Any

import flatbuffers  # type: ignore[import-untyped]  # carries no types
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

PATCHES = 8
"""The network sees the mean colours of 8 by 8 patches."""
WEIGHT_SCALE = 1 / 32
OUTPUT_SCALE = 36.0


def projection(outputs: int, seed: int = 1) -> npt.NDArray[np.int8]:
    """Random weights ``(outputs, 192)``, to which brightness alone says nothing."""
    weights = np.random.default_rng(seed).normal(size=(outputs, PATCHES * PATCHES * 3))
    weights -= weights.mean(axis=1, keepdims=True)
    return np.round(40 * weights).clip(-127, 127).astype(np.int8)


def patch_model(
    outputs: Sequence[int] = (128,),
    *,
    side: int = 112,
    input_scale: float = 1.0,
    is_int8: bool = True,
) -> bytes:
    """Write a network of one crop: means of patches, then one projection for each output.

    Args:
        outputs: How many numbers each output has.
        side: Side of the crop, pixels; a multiple of 8.
        input_scale: What one step of the input stands for.
        is_int8: Whether numbers are int8, else float32.
    """
    writer = _Writer(is_int8=is_int8)
    crop = writer.tensor((1, side, side, 3), input_scale, -128)
    pooled = writer.tensor((1, PATCHES, PATCHES, 3), input_scale, -128)
    writer.pool(crop, pooled, side // PATCHES)
    ends = []
    for count in outputs:
        weights = writer.tensor((count, 192), WEIGHT_SCALE, 0, projection(count))
        ends.append(writer.tensor((1, count), OUTPUT_SCALE, 0))
        writer.project(pooled, weights, ends[-1])
    return writer.finish(crop, ends)


class _Writer:
    """A graph under construction."""

    def __init__(self, *, is_int8: bool) -> None:
        self._is_int8 = is_int8
        self._graph: Any = schema.SubGraphT()
        self._graph.tensors, self._graph.operators = [], []
        self._buffers = [schema.BufferT()]  # the first is that of tensors without data

    def tensor(
        self,
        shape: tuple[int, ...],
        scale: float,
        zero: int,
        data: npt.NDArray[np.int8] | None = None,
    ) -> int:
        tensor: Any = schema.TensorT()
        tensor.shape = list(shape)
        tensor.buffer = 0
        tensor.type = schema.TensorType.INT8 if self._is_int8 else schema.TensorType.FLOAT32
        if self._is_int8:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale, tensor.quantization.zeroPoint = [scale], [zero]
        if data is not None:
            stored = data if self._is_int8 else data.astype(np.float32)
            buffer: Any = schema.BufferT()
            buffer.data = np.frombuffer(stored.tobytes(), np.uint8)
            tensor.buffer = len(self._buffers)
            self._buffers.append(buffer)
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def pool(self, source: int, target: int, side: int) -> None:
        options: Any = schema.Pool2DOptionsT()
        options.padding = schema.Padding.VALID
        options.strideW = options.strideH = options.filterWidth = options.filterHeight = side
        self._operator(0, [source], target, schema.BuiltinOptions.Pool2DOptions, options)

    def project(self, source: int, weights: int, target: int) -> None:
        options = schema.FullyConnectedOptionsT()
        kind = schema.BuiltinOptions.FullyConnectedOptions
        self._operator(1, [source, weights, -1], target, kind, options)

    def finish(self, source: int, ends: list[int]) -> bytes:
        self._graph.inputs, self._graph.outputs = [source], ends
        model: Any = schema.ModelT()
        model.version = 3
        model.subgraphs, model.buffers = [self._graph], self._buffers
        operators = schema.BuiltinOperator
        model.operatorCodes = [
            _code(operators.AVERAGE_POOL_2D, 2),
            _code(operators.FULLY_CONNECTED, 4),
        ]
        builder = flatbuffers.Builder()
        builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())

    def _operator(
        self,
        code: int,
        sources: list[int],
        target: int,
        kind: int,
        options: Any,  # noqa: ANN401  # the schema carries no types
    ) -> None:
        operator: Any = schema.OperatorT()
        operator.opcodeIndex = code
        operator.inputs, operator.outputs = sources, [target]
        operator.builtinOptionsType, operator.builtinOptions = kind, options
        self._graph.operators.append(operator)


def _code(operator: int, version: int) -> Any:  # noqa: ANN401  # the schema carries no types
    code: Any = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = operator
    code.version = version
    return code
