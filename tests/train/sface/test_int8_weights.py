"""SFace read back from an int8 file."""

import keras
import numpy as np
import pytest

from convert.convert import Int8Embedder
from convert.quantise import quantise
from convert.sface import int8_form
from kiosk.errors import ModelError
from kiosk.recognition.bundle import default_bundle, load_bundle
from kiosk.records import Image
from tests.tflite_file import patch_model
from train.embedder import embed_all
from train.sface.int8_weights import read_int8
from train.sface.network import build_sface
from train.sface.weights import Sface, convolutions

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="conversion runs under TensorFlow alone"
)


def test_the_network_that_is_read_back_is_near_the_one_converted(
    int8_sface: bytes, network: keras.Model, crops: Image
) -> None:
    """Rounded weights are all that differs."""
    found = build_sface(read_int8(int8_sface))
    cosines = np.sum(embed_all(found, crops) * embed_all(network, crops), axis=1)
    assert np.median(cosines) > 0.99


def test_all_layers_are_read(int8_sface: bytes, weights: Sface) -> None:
    """Each has the name, the stride and the shapes of the published one."""
    found = read_int8(int8_sface)
    for one, other in zip(found.units, weights.units, strict=True):
        assert (one.name, one.stride, one.depthwise) == (other.name, other.stride, other.depthwise)
        assert (one.weight.shape, one.slope.shape) == (other.weight.shape, other.slope.shape)
    assert len(found.units) == len(list(convolutions()))
    assert (found.weight.shape, found.bias.shape) == (weights.weight.shape, weights.bias.shape)


def test_the_bundle_that_ships_is_read_back() -> None:
    """Also where its PReLUs are written as additions: the embeddings are nearly the bundle's."""
    bundle = load_bundle(default_bundle())
    given = Int8Embedder(bundle.model)(bundle.golden_crops)
    found = embed_all(build_sface(read_int8(bundle.model)), bundle.golden_crops)
    assert np.median(np.sum(found * given, axis=1)) > 0.9


def test_a_short_front_is_refused(short: Sface, crops: Image) -> None:
    """The error names the operator that is not expected there."""
    model = quantise(int8_form(build_sface(short), crops), crops)
    with pytest.raises(ModelError, match="LEAKY_RELU where MUL was expected"):
        read_int8(model)


@pytest.mark.parametrize("model", [patch_model(), b"no model", b""])
def test_a_file_that_is_not_sface_is_an_error(model: bytes) -> None:
    """Another network, and what is no TFLite file."""
    with pytest.raises(ModelError, match="not SFace with its own front"):
        read_int8(model)
