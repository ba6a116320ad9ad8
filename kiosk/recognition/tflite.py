"""Run TFLite models. No other module imports the TFLite runtime."""

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from kiosk.errors import ConfigError, ModelError
from kiosk.records import Image

Runtime: TypeAlias = Literal["ai-edge-litert", "tflite-runtime"]
Int8s: TypeAlias = npt.NDArray[np.int8]

MODEL_ENDING: Final = ".tflite"
"""How the name of a model without a bundle ends."""

_MODULES: Final[dict[Runtime, str]] = {
    "ai-edge-litert": "ai_edge_litert.interpreter",
    "tflite-runtime": "tflite_runtime.interpreter",
}


class TfliteModel:
    """A TFLite model with one int8 input and one int8 output.

    Args:
        model: The file's bytes.
        runtime: Which runtime; no other one is used instead.
        threads: Threads of one inference.

    Raises:
        ModelError: The bytes are not such a model.
        ConfigError: The runtime is not installed.
    """

    def __init__(self, model: bytes, runtime: Runtime = "ai-edge-litert", threads: int = 1) -> None:
        interpreter = _load(runtime).Interpreter
        try:
            with _without_notes():
                self._run = interpreter(model_content=model, num_threads=threads)
                self._run.allocate_tensors()
        except (ValueError, RuntimeError) as exc:
            raise ModelError(f"{runtime} cannot load the model: {exc}") from exc
        tensors = self._run.get_input_details(), self._run.get_output_details()
        if [len(found) for found in tensors] != [1, 1]:
            raise ModelError("expected a model with one input and one output")
        (self._input,), (self._output,) = tensors
        for details in (self._input, self._output):
            if details["dtype"] is not np.int8:
                raise ModelError(f"model tensor {details['name']}: {details['dtype']}, not int8")

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of the input, batch first."""
        return tuple(int(n) for n in self._input["shape"])

    @property
    def output_shape(self) -> tuple[int, ...]:
        """The shape of the output, batch first."""
        return tuple(int(n) for n in self._output["shape"])

    @property
    def input_quantisation(self) -> tuple[float, int]:
        """The scale and zero point of the input."""
        return self._quantisation(self._input)

    @property
    def output_quantisation(self) -> tuple[float, int]:
        """The scale and zero point of the output."""
        return self._quantisation(self._output)

    def __call__(self, values: Int8s) -> Int8s:
        """Run the model on ``values`` of :attr:`input_shape`, and return a copy of the output.

        Raises:
            ModelError: The runtime cannot run it.
        """
        try:
            self._run.set_tensor(self._input["index"], values)
            self._run.invoke()
        except (ValueError, RuntimeError) as exc:
            raise ModelError(f"the model cannot be run: {exc}") from exc
        return np.array(self._run.get_tensor(self._output["index"]), np.int8)

    def run_crop(self, crop: Image) -> Int8s:
        """Run the model on one crop.

        Args:
            crop: ``(112, 112, 3)`` uint8 RGB. Its int8 values are the pixels less 128, which is
                one flipped bit: the input has scale 1 and zero point -128.

        Returns:
            ``(dim,)`` int8, the output as the model computed it.
        """
        return np.asarray(self((crop ^ 0x80).view(np.int8)[None])[0], np.int8)

    @staticmethod
    def _quantisation(details: dict[str, Any]) -> tuple[float, int]:
        scale, zero = details["quantization"]
        return float(scale), int(zero)


def parts_of(model: bytes, runtime: Runtime = "ai-edge-litert") -> tuple[dict[str, Any], set[str]]:
    """Return the tensors of a model by name, with their numpy types, and the names of its ops.

    Raises:
        ConfigError: The runtime is not installed.
    """
    # Not allocated: that would replace ops by the op of a delegate.
    interpreter = _load(runtime).Interpreter(model_content=model)
    tensors = {tensor["name"]: tensor["dtype"] for tensor in interpreter.get_tensor_details()}
    # The public interface lists tensors only; this method has listed the ops for years.
    return tensors, {op["op_name"] for op in interpreter._get_ops_details()}  # noqa: SLF001 - alone


@contextmanager
def _without_notes() -> Iterator[None]:
    """Keep the runtime's notes ("INFO: Created TensorFlow Lite XNNPACK delegate") from the screen.

    They go to the file descriptor of standard error, past Python, and no setting turns them off.
    What goes wrong comes as an exception.
    """
    try:
        kept = os.dup(2)
    except OSError:  # standard error is closed
        yield
        return
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _load(runtime: Runtime) -> Any:  # noqa: ANN401  # the runtimes carry no types
    try:
        return importlib.import_module(_MODULES[runtime])
    except ImportError as exc:
        # A ConfigError, not a MissingExtraError: it does not help if systemd tries again.
        other = next(name for name in _MODULES if name != runtime)
        raise ConfigError(
            f"model.runtime: {runtime} is not installed; `pip install {runtime}`, or set"
            f' model.runtime = "{other}"'
        ) from exc
