"""The network: its shape, and weights that work under every Keras backend."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from kiosk.contract import EMBEDDING_DIM
from kiosk.records import Floats, Image
from tests.support_train import TINY, draw_crop
from train.network import NetworkConfig, build_network

# Two stages, so that there are blocks with and without a convolution in the skip connection.
SMALL = NetworkConfig(stem=16, channels=(16, 24), blocks=(1, 2), head=16)
HERE = keras.backend.backend()
BACKENDS = ("tensorflow", "torch", "jax")


def drawn(count: int) -> Image:
    return np.stack([draw_crop(seed, seed, 112) for seed in range(count)])


def embed(network: keras.Model, crops: Image, *, training: bool = False) -> Floats:
    found = keras.ops.convert_to_numpy(network(crops, training=training))
    return np.asarray(found, np.float32)


def randomise(network: keras.Model, seed: int) -> None:
    """Set every weight, the running statistics too, to what no initialiser gives."""
    rng = np.random.default_rng(seed)
    for weight in network.weights:
        shape = tuple(weight.shape)
        if weight.path.endswith(("moving_variance", "gamma")):
            weight.assign(rng.uniform(0.5, 2.0, shape))
        else:
            weight.assign(rng.normal(0, (2 / max(1, np.prod(shape[:-1]))) ** 0.5, shape))


@pytest.fixture(scope="module")
def network() -> keras.Model:
    network = build_network(SMALL)
    randomise(network, 1)
    return network


def test_crops_become_embeddings(network: keras.Model) -> None:
    """Each uint8 crop gives a vector of 128 floats."""
    for count in (1, 3):
        found = network(drawn(count))
        assert tuple(found.shape) == (count, EMBEDDING_DIM)
        assert keras.backend.standardize_dtype(found.dtype) == "float32"


def test_embeddings_are_not_scaled(network: keras.Model) -> None:
    """The kiosk scales embeddings to length 1, so the int8 graph does not have to."""
    lengths = np.linalg.norm(embed(network, drawn(6)), axis=1)
    assert np.ptp(lengths) > 0.01 * lengths.mean()
    assert np.all(np.abs(lengths - 1) > 0.01)


def test_pixels_are_scaled_inside_the_graph(network: keras.Model) -> None:
    """The first layer maps 0 to -1 and 255 to 1, so no caller does arithmetic on pixels."""
    edges = np.stack([np.full((112, 112, 3), level, np.uint8) for level in (0, 255)])
    scaled = keras.ops.convert_to_numpy(network.get_layer("scale")(edges))
    assert scaled[0] == pytest.approx(-1.0)
    assert scaled[1] == pytest.approx(1.0)
    assert network.layers[1].name == "scale"


def test_an_embedding_does_not_depend_on_the_rest_of_the_batch(network: keras.Model) -> None:
    """Except in training, an embedding depends on its crop alone."""
    crops = drawn(4)
    alone = np.concatenate([embed(network, crop[None]) for crop in crops])
    assert embed(network, crops) == pytest.approx(alone, rel=1e-3, abs=1e-4)


@pytest.mark.parametrize("config", [SMALL, TINY, NetworkConfig()], ids=["small", "tiny", "default"])
def test_every_layer_has_an_int8_kernel(config: NetworkConfig) -> None:
    """The network has only convolutions, normalisation that can be folded, ReLU and addition."""
    layers = build_network(config).layers
    assert {type(layer).__name__ for layer in layers} == {
        "InputLayer", "Rescaling", "Conv2D", "BatchNormalization", "ReLU", "Add",
        "DepthwiseConv2D", "Flatten", "Dense", "Activation",
    }  # fmt: skip
    convolutions = [layer for layer in layers if type(layer).__name__ == "Conv2D"]
    assert all(layer.activation is keras.activations.linear for layer in convolutions)
    assert not any(layer.use_bias for layer in convolutions)
    assert {layer.kernel_size for layer in convolutions} == {(3, 3), (1, 1)}


def test_the_shape_follows_the_configuration() -> None:
    """Each stage halves the picture and has the configured blocks and channels."""
    network = build_network(SMALL)
    shapes = {layer.name: tuple(layer.output.shape[1:]) for layer in network.layers}
    assert shapes["stem_relu"] == (56, 56, 16)
    assert shapes["stage0_block0_out"] == (28, 28, 16)
    assert shapes["stage1_block0_out"] == shapes["stage1_block1_out"] == (14, 14, 24)
    assert (shapes["head_relu"], shapes["place_norm"]) == ((14, 14, 16), (1, 1, 16))
    assert "stage1_block1_skip" not in shapes
    assert "stage1_block2_out" not in shapes


def test_the_default_shape_stays() -> None:
    """Weights of earlier runs fit the default configuration."""
    network = build_network(NetworkConfig())
    names = [layer.name for layer in network.layers if layer.weights]
    assert network.count_params() == 2_722_976
    assert (names[0], names[-1], len(names)) == ("stem", "embedding_norm", 42)


ELSEWHERE = """
import sys
from pathlib import Path
import keras
import numpy as np
from tests.train.test_network import SMALL, drawn, embed, randomise
from train.network import build_network

folder = Path(sys.argv[1])
network = build_network(SMALL)
network.load_weights(folder / "here.weights.h5")
found = {"here": embed(network, drawn(3)), "training": embed(network, drawn(3), training=True)}
if keras.backend.backend() == "torch":
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
mixed = build_network(SMALL)
randomise(mixed, 2)
mixed.save_weights(folder / "there.weights.h5")
keras.mixed_precision.set_global_policy("float32")
network.load_weights(folder / "there.weights.h5")
found["there"] = embed(network, drawn(3))
np.savez(folder / "found.npz", **found)
"""


@pytest.mark.slow
@pytest.mark.parametrize("other", [name for name in BACKENDS if name != HERE])
def test_weights_go_from_one_backend_to_another(
    other: str, network: keras.Model, tmp_path: Path
) -> None:
    """A file saved under either backend gives the same embeddings under both, in training too.

    PyTorch saves in mixed precision, as the long training runs do.
    """
    if importlib.util.find_spec(other) is None:
        pytest.skip(f"{other} is not installed")
    network.save_weights(tmp_path / "here.weights.h5")
    subprocess.run(
        [sys.executable, "-c", ELSEWHERE, tmp_path],
        check=True, env={**os.environ, "KERAS_BACKEND": other, "OMP_NUM_THREADS": "1"},
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    with np.load(tmp_path / "found.npz") as file:
        found = dict(file)
    crops = drawn(3)
    copy = build_network(SMALL)
    copy.load_weights(tmp_path / "here.weights.h5")
    scale = float(np.abs(embed(copy, crops)).max())
    assert found["here"] == pytest.approx(embed(copy, crops), abs=1e-4 * scale)
    assert found["training"] == pytest.approx(embed(copy, crops, training=True), abs=1e-3)
    copy.load_weights(tmp_path / "there.weights.h5")
    assert found["there"] == pytest.approx(embed(copy, crops), abs=1e-4 * scale)
    assert np.abs(found["there"] - found["here"]).max() > 0.1 * scale
