"""SFace as a Keras network: its weights, and its embeddings beside those of the ONNX file."""

from pathlib import Path

import keras
import numpy as np
import pytest

from kiosk.errors import ModelError
from kiosk.records import Image
from train.embedder import build_embedder, embed_all
from train.recipe import FitConfig
from train.sface.network import build_sface, read_network
from train.sface.weights import Sface, read_sface
from train.teacher import Teacher


def test_the_network_computes_what_the_onnx_file_computes(
    network: keras.Model, crops: Image
) -> None:
    """On drawn, black and white crops the cosine to the ONNX file's embedding is 1."""
    cosines = np.sum(embed_all(network, crops) * Teacher().embed(crops), axis=1)
    assert cosines == pytest.approx(np.ones(len(crops)), abs=1e-5)


def test_the_shape_is_that_of_sface(weights: Sface, network: keras.Model) -> None:
    """There are 27 convolutions, 9.6 million weights, and slopes on both sides of 0 and 1."""
    assert len(weights.units) == 27
    assert network.count_params() == 9_629_632
    slopes = np.concatenate([unit.slope for unit in weights.units])
    assert (slopes.min(), slopes.max()) == pytest.approx((-0.81, 1.12), abs=0.01)


def test_the_weights_are_read_back_from_the_network(weights: Sface, network: keras.Model) -> None:
    """A built network gives back the weights that it was built from."""
    found = read_network(network)
    for one, other in zip(found.units, weights.units, strict=True):
        assert (one.name, one.stride, one.depthwise) == (other.name, other.stride, other.depthwise)
        assert np.allclose(one.weight, other.weight, rtol=1e-6, atol=0)
        assert np.array_equal(one.bias, other.bias)
        assert np.array_equal(one.slope, other.slope)
    assert np.array_equal(found.weight, weights.weight)
    assert np.array_equal(found.bias, weights.bias)


def test_a_run_can_start_from_sface(network: keras.Model, crops: Image) -> None:
    """With ``network=sface`` the embedder of a run is SFace before the first step."""
    start = build_embedder(FitConfig(network="sface"))
    assert embed_all(start, crops) == pytest.approx(embed_all(network, crops), abs=1e-5)


@pytest.fixture(scope="module")
def affine(weights: Sface) -> keras.Model:
    return build_sface(weights, layers="affine")


def test_the_affine_form_is_the_same_network(
    network: keras.Model, affine: keras.Model, crops: Image
) -> None:
    """With factors of their own the channels give the same embeddings; few weights can move."""
    assert embed_all(affine, crops) == pytest.approx(embed_all(network, crops), abs=1e-4)
    assert _moving(affine) == 3 * 10_944 + 2 * 128


def _moving(network: keras.Model) -> int:
    return sum(int(np.prod(one.shape)) for one in network.trainable_weights)


@pytest.fixture(scope="module")
def first(weights: Sface) -> keras.Model:
    return build_sface(weights, layers="first")


def test_the_first_blocks_alone_can_move(
    network: keras.Model, first: keras.Model, affine: keras.Model, crops: Image
) -> None:
    """With ``first`` the embeddings are the same, and the dense layer and most others stay."""
    assert embed_all(first, crops) == pytest.approx(embed_all(network, crops), abs=1e-4)
    assert _moving(affine) < _moving(first) < 0.1 * _moving(network)


def test_all_weights_have_one_scale(first: keras.Model) -> None:
    """Where weights are trained, those of each layer spread by 0.05, so one rate suits all."""
    spreads = [
        np.sqrt(np.mean(np.square(layer.get_weights()[0])))
        for layer in first.layers
        if layer.name in {"conv_1", "conv_2_dw", "conv_9", "conv_14", "project"}
    ]
    assert spreads == pytest.approx(np.full(5, 0.05), rel=0.02)


def test_trained_factors_are_folded_back(affine: keras.Model, crops: Image) -> None:
    """The weights read from a network with other factors and addends build an equal one."""
    rng = np.random.default_rng(0)
    before = affine.get_weights()
    for layer in affine.layers:
        if layer.name.endswith("_norm"):
            gamma, beta = layer.get_weights()
            layer.set_weights([gamma * rng.uniform(0.9, 1.1, gamma.shape), beta + 0.01])
    found = build_sface(read_network(affine))
    assert embed_all(found, crops) == pytest.approx(embed_all(affine, crops), abs=1e-4)
    affine.set_weights(before)


@pytest.mark.parametrize("content", [None, b"", b"no graph"])
def test_a_file_that_is_not_sface_is_an_error(tmp_path: Path, content: bytes | None) -> None:
    """The error names the file."""
    path = tmp_path / "other.onnx"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=rf"{path}: not the weights of SFace"):
        read_sface(path)
