"""SFace whose first convolution halves the picture."""

import keras
import numpy as np
import pytest

from kiosk.records import Image
from train.embedder import embed_all
from train.sface.network import Layers, build_sface, read_network
from train.sface.short_front import Unexplained, compare_fronts, front_of
from train.sface.weights import Sface, has_one_slope


def test_a_short_front_is_a_quarter_of_the_size(
    short: Sface, network: keras.Model, crops: Image
) -> None:
    """Its layers are computed at 56 x 56 places, and what comes after it takes maps as before."""
    built = build_sface(short)
    widths = {name: built.get_layer(name).output.shape[1] for name in ("conv_1", "conv_3_dw")}
    assert widths == {"conv_1": 56, "conv_3_dw": 56}
    shapes = [front_of(one)(crops[:1]).shape for one in (built, network)]
    assert shapes == [(1, 28, 28, 256), (1, 28, 28, 256)]


def test_only_the_front_is_new(short: Sface, weights: Sface) -> None:
    """Four layers have random weights, and three more one slope; all others stay as they are."""
    pairs = list(zip(short.units, weights.units, strict=True))
    new = [own.name for own, old in pairs if own.weight is not old.weight]
    assert new == ["conv_1", "conv_2_dw", "conv_2", "conv_3_dw"]
    assert [has_one_slope(own) for own, _ in pairs] == [True] * 7 + [False] * 20
    assert all(own is old for own, old in pairs[7:])
    assert short.weight is weights.weight


@pytest.mark.parametrize("layers", [None, "all", "first"])
def test_its_weights_are_read_back(short: Sface, crops: Image, layers: Layers | None) -> None:
    """Strides and the one slope of a layer, too, in a network to use and in one to train."""
    network = build_sface(short, layers=layers)
    found = read_network(network)
    for one, other in zip(found.units, short.units, strict=True):
        assert (one.name, one.stride, one.depthwise) == (other.name, other.stride, other.depthwise)
        assert one.slope == pytest.approx(other.slope)
    again = embed_all(build_sface(found), crops)
    assert again == pytest.approx(embed_all(network, crops), abs=1e-4)


def test_a_layer_with_one_slope_keeps_one(short: Sface, crops: Image) -> None:
    """A step of the training moves it for all channels at once."""
    network = build_sface(short, layers="all")
    front = front_of(network)
    front.compile(keras.optimizers.SGD(1e-3), loss="mse")
    front.train_on_batch(crops, np.ones((len(crops), 28, 28, 256), np.float32))
    slopes = [unit.slope for unit in read_network(network).units[:7]]
    assert all(np.ptp(slope) == 0 for slope in slopes)
    assert any(slope[0] != 0.25 for slope in slopes)


def test_what_is_not_explained_is_a_share_of_the_variance() -> None:
    """Nothing is left of what is the same, and all of it where only the mean is known."""
    rng = np.random.default_rng(0)
    aims = rng.normal(3, [1, 10], (4, 8, 8, 2)).astype(np.float32)
    left = Unexplained(aims.std(axis=(0, 1, 2)))
    means = np.broadcast_to(aims.mean(axis=(0, 1, 2)), aims.shape)
    same, known = (keras.ops.convert_to_numpy(left([aims, found])) for found in (aims, means))
    assert same == pytest.approx(np.zeros((4, 1)))
    assert known.mean() == pytest.approx(1, abs=1e-5)


def test_the_old_front_stays_as_it_is(short: Sface, weights: Sface, crops: Image) -> None:
    """A step of the training moves the weights of the new one alone."""
    front, old = front_of(build_sface(short, layers="all")), front_of(build_sface(weights))
    learner = compare_fronts(front, old, np.ones(256, np.float32))
    before = old.get_weights(), front.get_weights()
    learner.compile(keras.optimizers.SGD(1e-3), loss={"unexplained": "mse"})
    aim = {"unexplained": np.zeros((len(crops), 1), np.float32)}
    learner.train_on_batch({"crop": crops}, aim)
    fixed, moved = (
        [np.array_equal(one, other) for one, other in zip(kept, model.get_weights(), strict=True)]
        for kept, model in zip(before, (old, front), strict=True)
    )
    assert all(fixed)
    assert not any(moved)
