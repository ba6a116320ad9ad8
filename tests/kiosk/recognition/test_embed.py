"""Crop to embedding, with a real int8 model on the real runtime."""

import dataclasses
import importlib.util

import numpy as np
import pytest

from kiosk.errors import ConfigError, ModelError
from kiosk.recognition.bundle import GOLDEN_STEPS, Bundle, default_bundle, load_bundle
from kiosk.recognition.embed import TfliteEmbedder
from kiosk.recognition.tflite import TfliteModel
from kiosk.records import Floats, Image
from tests.support_recognition import small_bundle
from tests.tflite_file import patch_model, projection


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


def test_pixels_reach_the_graph_unchanged(embedder: TfliteEmbedder) -> None:
    """Embeddings are equal to those of exact arithmetic on the pixels."""
    weights = projection(128).T.astype(float)
    for crop in crops():
        exact = crop[::14, ::14].reshape(192).astype(float) @ weights
        cosine = embedder.embed(crop) @ (exact / np.linalg.norm(exact))
        assert cosine > 0.999


def test_an_embedding_is_a_copy(embedder: TfliteEmbedder) -> None:
    """The next embedding does not overwrite the runtime's buffer of the first."""
    first = embedder.embed(crops()[0])
    kept: Floats = first.copy()
    embedder.embed(crops()[1])
    assert np.array_equal(first, kept)


def test_golden_vectors_are_met_exactly(embedder: TfliteEmbedder) -> None:
    """On the machine that computed them, the golden vectors differ by 0 steps."""
    assert embedder.check() == 0


@pytest.mark.parametrize(("steps", "is_right"), [(GOLDEN_STEPS, True), (GOLDEN_STEPS + 1, False)])
def test_too_many_int8_steps_are_rejected(steps: int, is_right: bool) -> None:  # noqa: FBT001  # a table
    """GOLDEN_STEPS int8 steps are accepted, one more is an error."""
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


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (patch_model([64]), r"maps \(1, 112, 112, 3\) to \(1, 64\)"),
        (patch_model(side=128), r"maps \(1, 128, 128, 3\) to \(1, 128\)"),
        (patch_model([128, 64]), "one input and one output"),
        (patch_model(is_int8=False), "not int8"),
        # Calibrated with pixels up to 100 alone: arithmetic on pixels would be needed.
        (patch_model(input_scale=100 / 255), r"input scale 0\.39.*not 1 and -128"),
    ],
)
def test_a_model_that_breaks_the_contract_is_rejected(model: bytes, says: str) -> None:
    """Shapes, types and input scale of a model must fit the kiosk's crops."""
    with pytest.raises(ModelError, match=says):
        TfliteEmbedder(bundle_of(model))


@pytest.mark.parametrize("model", [b"", b"no model at all" * 100])
def test_bytes_that_are_not_a_model_are_rejected(model: bytes) -> None:
    """Bytes that the runtime cannot load are an error that names the runtime."""
    with pytest.raises(ModelError, match="ai-edge-litert cannot load the model"):
        TfliteModel(model)


@pytest.mark.skipif(
    importlib.util.find_spec("tflite_runtime") is not None, reason="tflite-runtime is installed"
)
def test_an_absent_runtime_is_named() -> None:
    """The configured runtime is used, or an error is raised: never the other one."""
    with pytest.raises(ConfigError, match=r"model\.runtime: tflite-runtime is not installed"):
        TfliteEmbedder(small_bundle(), "tflite-runtime")


@pytest.mark.skipif(
    not default_bundle().exists(), reason="kiosk/default.kiosk-model is not there yet"
)
def test_the_shipped_model_meets_its_golden_vectors() -> None:
    """The shipped bundle loads and meets its golden vectors on this machine."""
    assert TfliteEmbedder(load_bundle(default_bundle())).check() <= GOLDEN_STEPS
