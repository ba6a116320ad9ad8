"""Crop to embedding, with a real int8 model on the real runtime."""

import dataclasses
import importlib.util
from typing import Any

import numpy as np
import pytest

from kiosk.bundle import GOLDEN_STEPS, Bundle, default_bundle, load_bundle
from kiosk.embed import TfliteEmbedder
from kiosk.errors import MissingExtraError, ModelError
from kiosk.records import Floats, Image
from kiosk.tflite import TfliteModel
from tests.support import convert, patch_weights, small_bundle


@pytest.fixture(scope="module")
def embedder() -> TfliteEmbedder:
    return TfliteEmbedder(small_bundle())


def crops() -> Image:
    return small_bundle().golden_crops


def test_an_embedding_has_length_one(embedder: TfliteEmbedder) -> None:
    """Each crop gives 128 numbers, float32, of length 1."""
    for crop in crops():
        vector = embedder.embed(crop)
        assert vector.shape == (128,)
        assert vector.dtype == np.float32
        assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-5)


def test_pixels_reach_the_graph_as_they_are(embedder: TfliteEmbedder) -> None:
    """Embeddings equal those of the float computation: pixel less 128 is the int8 input."""
    weights = patch_weights()
    for crop in crops():
        exact = crop[::14, ::14].reshape(192).astype(float) @ weights
        cosine = embedder.embed(crop) @ (exact / np.linalg.norm(exact))
        assert cosine > 0.999


def test_a_result_is_not_overwritten_by_the_next(embedder: TfliteEmbedder) -> None:
    """The runtime's buffer is copied: an embedding stays what it was."""
    first = embedder.embed(crops()[0])
    kept: Floats = first.copy()
    embedder.embed(crops()[1])
    assert np.array_equal(first, kept)


def test_golden_vectors_prove_the_machine(embedder: TfliteEmbedder) -> None:
    """On the machine that computed them, the golden vectors are met exactly."""
    assert embedder.check() == 0


@pytest.mark.parametrize(("steps", "is_right"), [(GOLDEN_STEPS, True), (GOLDEN_STEPS + 1, False)])
def test_a_machine_that_computes_otherwise_is_refused(steps: int, is_right: bool) -> None:  # noqa: FBT001  # a table
    """A few int8 steps are forgiven, one more is an error."""
    outputs = small_bundle().golden_outputs.copy()
    outputs[-1, 5] += steps if outputs[-1, 5] < 0 else -steps
    embedder = TfliteEmbedder(dataclasses.replace(small_bundle(), golden_outputs=outputs))
    if is_right:
        assert embedder.check() == steps
    else:
        with pytest.raises(ModelError, match=f"differ by {steps} int8 steps"):
            embedder.check()


def bundle_of(model: bytes) -> Bundle:
    return dataclasses.replace(small_bundle(), model=model)


def edges(shape: tuple[int, ...], high: int = 255) -> list[Image]:
    return [np.full(shape, value, np.uint8) for value in (0, high)]


def half(crop: Any) -> Any:  # noqa: ANN401  # TensorFlow carries no types
    """A network from crop to 128 numbers."""
    import tensorflow as tf

    return tf.reshape(tf.nn.avg_pool2d(crop, 14, 14, "VALID"), (1, 192))[:, :128]


def test_a_model_of_other_shapes_is_refused() -> None:
    """A model that takes no crop, or gives no embedding, is refused with both shapes."""
    small = convert(half, edges((112, 112, 3)))
    assert TfliteEmbedder(bundle_of(small)).embed(crops()[0]).shape == (128,)
    for network, shape, says in (
        (lambda x: half(x)[:, :64], (112, 112, 3), r"\(1, 112, 112, 3\) to \(1, 64\)"),
        (lambda x: half(x[:, :112, :112]), (126, 126, 3), r"\(1, 126, 126, 3\) to \(1, 128\)"),
    ):
        with pytest.raises(ModelError, match=says):
            TfliteEmbedder(bundle_of(convert(network, edges(shape))))


def test_a_model_that_wants_arithmetic_is_refused() -> None:
    """An input scale other than 1 would need arithmetic on pixels: calibration was too narrow."""
    with pytest.raises(ModelError, match=r"input scale 0\.39.*not 1 and -128"):
        TfliteEmbedder(bundle_of(convert(half, edges((112, 112, 3), high=100))))


def test_a_float_model_is_refused() -> None:
    """Input and output must be int8."""
    with pytest.raises(ModelError, match="not int8"):
        TfliteModel(convert(half, edges((112, 112, 3)), is_int8=False))


def test_a_model_with_two_outputs_is_refused() -> None:
    """A model has one input and one output."""
    model = convert(lambda x: (half(x), half(x)[:, :64]), edges((112, 112, 3)))
    with pytest.raises(ModelError, match="one input and one output"):
        TfliteModel(model)


@pytest.mark.parametrize("model", [b"", b"no model at all" * 100])
def test_bytes_that_are_no_model_are_refused(model: bytes) -> None:
    """What the runtime cannot load is an error that names the runtime."""
    with pytest.raises(ModelError, match="ai-edge-litert cannot load the model"):
        TfliteModel(model)


@pytest.mark.skipif(
    importlib.util.find_spec("tflite_runtime") is not None, reason="tflite-runtime is installed"
)
def test_a_runtime_that_is_absent_is_named() -> None:
    """The runtime that is configured is used, or an error: never the other one instead."""
    with pytest.raises(MissingExtraError, match=r"model\.runtime: tflite-runtime is not installed"):
        TfliteEmbedder(small_bundle(), "tflite-runtime")


@pytest.mark.skipif(
    not default_bundle().exists(), reason="kiosk/default.kiosk-model is not there yet"
)
def test_the_shipped_model_computes_here_what_it_computed_there() -> None:
    """The bundle that ships loads and meets its golden vectors on this machine."""
    assert TfliteEmbedder(load_bundle(default_bundle())).check() <= GOLDEN_STEPS
