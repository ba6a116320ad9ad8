"""Quantise a float Keras model fully to int8: int8 in, int8 out, no float op and no Flex op.

A maximum of two int8 tensors has one scale for both terms and the result. TensorFlow takes that of
the result, and would clip what lies beyond it: of ``max(x, a * x)``, many a negative ``x``. So the
ranges are measured first, and those of a maximum are widened (:func:`widen_maxima`) before they
become scales.
"""

import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from typing import Any, Final

import keras
import numpy as np
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.python.convert import mlir_quantize

from kiosk.contract import CROP_PX
from kiosk.errors import ModelError
from kiosk.recognition.tflite import parts_of
from kiosk.records import Image

REPRESENTATIVE: Final = 512
"""Crops that set the ranges of the activations; more crops changed no measured figure."""


def quantise(network: keras.Model, crops: Image) -> bytes:
    """Convert to a fully int8 TFLite file.

    Args:
        network: From float crops, pixels 0 to 255, to embeddings; run under TensorFlow.
        crops: ``(n, 112, 112, 3)`` uint8 RGB, representative of what the model will see.

    Returns:
        The file's bytes; the model takes one crop at a time.

    Raises:
        ModelError: Keras does not run on TensorFlow, or a float or Flex op is left.
    """
    if keras.backend.backend() != "tensorflow":
        raise ModelError("conversion runs under TensorFlow: unset KERAS_BACKEND")
    one = keras.Input(batch_shape=(1, CROP_PX, CROP_PX, 3), name="crop")
    converter = tf.lite.TFLiteConverter.from_keras_model(keras.Model(one, network(one)))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: _representative(crops)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    # No public interface gives the measured ranges before they become scales.
    converter._experimental_calibrate_only = True  # noqa: SLF001  # as above
    try:
        with redirect_stdout(sys.stderr):  # Keras prints what it exports there
            measured = widen_maxima(bytes(converter.convert()))
            model = bytes(
                mlir_quantize(measured, input_data_type=tf.int8, output_data_type=tf.int8)
            )
    except Exception as exc:  # the converter's own, from MLIR
        raise ModelError(f"the network cannot be quantised to int8: {exc}") from exc
    check_all_integer(model)
    return model


def widen_maxima(measured: bytes) -> bytes:
    """Give the terms and the result of each maximum one range, which holds all three.

    Args:
        measured: A float TFLite file with the range of each tensor.
    """
    buffer = bytearray(measured)  # the arrays below are views of it
    model = schema.Model.GetRootAs(buffer, 0)
    graph = model.Subgraphs(0)
    for index in range(graph.OperatorsLength()):
        operator = graph.Operators(index)
        code = model.OperatorCodes(operator.OpcodeIndex()).BuiltinCode()
        if code != schema.BuiltinOperator.MAXIMUM:
            continue
        tensors = (*operator.InputsAsNumpy(), *operator.OutputsAsNumpy())
        ranges = [graph.Tensors(tensor).Quantization() for tensor in tensors]
        lows = [range_.MinAsNumpy() for range_ in ranges]
        highs = [range_.MaxAsNumpy() for range_ in ranges]
        lowest, highest = np.min(lows), np.max(highs)
        for low, high in zip(lows, highs, strict=True):
            low[:], high[:] = lowest, highest
    return bytes(buffer)


def check_all_integer(model: bytes) -> None:
    """Reject a TFLite file with a tensor that is no integer, or with an op that is no int8 kernel.

    Raises:
        ModelError: Names the first tensor or op.
    """
    tensors, ops = parts_of(model)
    for name, kind in tensors.items():
        if kind not in {np.int8, np.int32, np.int64, np.bool_}:
            raise ModelError(f"tensor {name} is {kind.__name__}, not int8")
    for op in ops:
        if "Flex" in op or op in {"QUANTIZE", "DEQUANTIZE", "CUSTOM"}:
            raise ModelError(f"op {op} is left in the model; expected only int8 kernels")


def _representative(crops: Image) -> Iterator[list[Any]]:
    """Yield a black, a white and the calibration crops.

    Without black and white, the input's scale depends on the range of the photos; with them it is
    exactly 1 with zero point -128, and the kiosk needs no arithmetic on pixels.
    """
    edge = (1, CROP_PX, CROP_PX, 3)
    yield [np.zeros(edge, np.float32)]
    yield [np.full(edge, 255, np.float32)]
    for crop in crops[:REPRESENTATIVE]:
        yield [crop[None].astype(np.float32)]
