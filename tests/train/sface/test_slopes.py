"""SFace with few slopes: groups of channels that share them."""

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from kiosk.errors import DatasetError
from kiosk.records import Image
from train.embedder import build_embedder, embed_all, load_embedder, save_embedder
from train.recipe import FitConfig, write_config
from train.sface.network import build_sface, read_network, shared_prelu
from train.sface.slopes import (
    GROUP_CHANNELS,
    _share,
    _whole_sizes,
    group_count,
    shared_groups,
    sort_channels,
)
from train.sface.weights import Sface


def test_channels_are_put_into_a_few_groups_of_whole_sizes(shared: Sface) -> None:
    """A later stage has a few groups, which hold each channel once; sizes are multiples of 16."""
    for groups, unit in zip(shared_groups(shared)[1:], shared.units[2::2], strict=True):
        assert 2 <= len(groups) <= group_count(len(unit.slope))
        assert all(len(group) % GROUP_CHANNELS == 0 for group in groups)
        assert sorted(np.concatenate(groups)) == list(range(len(unit.slope)))


def test_channels_of_the_first_stage_keep_their_slopes(weights: Sface, shared: Sface) -> None:
    """They are computed as one group, each with its own slope."""
    assert [list(group) for group in shared_groups(shared)[0]] == [list(range(32))]
    for before, after in zip(weights.units[:2], shared.units[:2], strict=True):
        assert np.array_equal(before.slope, after.slope)


@pytest.mark.parametrize(
    ("counts", "sizes"),
    [([16, 16], [16, 16]), ([31, 1], [16, 16]), ([1, 1, 126], [16, 16, 96]), ([40, 24], [32, 32])],
)
def test_sizes_are_rounded_to_whole_ones(counts: list[int], sizes: list[int]) -> None:
    """The sum stays, and no group is empty."""
    assert list(_whole_sizes(np.array(counts))) == sizes


def test_embeddings_stay_near(
    weights: Sface, network: keras.Model, shared: Sface, crops: Image
) -> None:
    """The embeddings are like those before, and much more than with one slope a layer."""
    before = embed_all(network, crops)
    one = [
        replace(unit, slope=np.full_like(unit.slope, unit.slope.mean())) for unit in weights.units
    ]
    few, single = (
        np.median(np.sum(before * embed_all(build_sface(sface), crops), axis=1))
        for sface in (shared, replace(weights, units=tuple(one)))
    )
    assert few > 0.65 > single


@pytest.mark.parametrize(("channels", "groups"), [(32, 2), (64, 4), (128, 4), (256, 8), (1024, 8)])
def test_many_channels_are_put_into_more_groups(channels: int, groups: int) -> None:
    """The first stages have few channels, and there each group takes time."""
    assert group_count(channels) == groups


def test_groups_computed_apart_give_the_same_embeddings(shared: Sface, crops: Image) -> None:
    """To convert, the network is built in another form of the same function."""
    plain = embed_all(build_sface(shared), crops)
    to_train = build_sface(shared, shared_prelu, layers="all")
    in_order = sort_channels(shared)
    apart = build_sface(in_order, groups=shared_groups(in_order))
    assert embed_all(to_train, crops) == pytest.approx(plain, abs=1e-4)
    assert embed_all(apart, crops) == pytest.approx(plain, abs=1e-4)


def test_features_keep_their_places(weights: Sface, shared: Sface) -> None:
    """A channel of the network with few slopes is the one that was there before."""
    for before, after in zip(weights.units, shared.units, strict=True):
        taps = (before.weight.reshape(-1), after.weight.reshape(-1))
        assert np.corrcoef(*taps)[0, 1] > 0.5


def test_training_moves_slopes_and_keeps_them_shared(shared: Sface, crops: Image) -> None:
    """A step changes the slopes of a group alike."""
    network = build_sface(shared, shared_prelu, layers="affine")
    network.compile(keras.optimizers.SGD(0.1), loss="mse")
    network.train_on_batch(crops, np.ones((len(crops), 128), np.float32))
    trained = read_network(network)
    for before, after in zip(shared_groups(shared), shared_groups(trained), strict=True):
        assert {tuple(group) for group in before} == {tuple(group) for group in after}
    for at in (0, 2):  # in the first stage, and after it
        assert np.abs(trained.units[at].slope - shared.units[at].slope).max() > 0


def test_a_run_with_shared_slopes_is_stored_and_continued(shared: Sface, tmp_path: Path) -> None:
    """Its folder gives the same network; a run that starts from it keeps the groups."""
    config = FitConfig(network="sface", slopes="shared")
    network = build_sface(shared, shared_prelu, layers="all")
    write_config(tmp_path, config)
    save_embedder(network, tmp_path)
    loaded = read_network(load_embedder(tmp_path))
    more = build_embedder(FitConfig(network="sface", slopes="shared", start=str(tmp_path)))
    for unit, same, other in zip(shared.units, loaded.units, read_network(more).units, strict=True):
        assert np.array_equal(unit.slope, same.slope)
        assert np.array_equal(unit.slope, other.slope)


def test_a_start_of_another_network_is_an_error(tmp_path: Path) -> None:
    """The error names the run."""
    write_config(tmp_path, FitConfig())
    with pytest.raises(DatasetError, match=rf"start: {tmp_path}: its network is not sface"):
        build_embedder(FitConfig(network="sface", start=str(tmp_path)))


def test_channels_that_lose_by_the_same_slopes_share_them() -> None:
    """Two kinds of channels, each best at a slope of its own, become two groups."""
    best = np.repeat([10, 50], 16)
    losses = np.square(np.arange(76) - best[:, None]).astype(np.float32)
    slopes, same = _share([losses, losses])
    assert slopes == pytest.approx(np.repeat([-0.45, 0.55], 16), abs=1e-6)
    assert np.array_equal(slopes, same)


def test_slopes_of_another_kind_are_an_error(tmp_path: Path) -> None:
    """Slopes are shared by a step of its own, which the error names, and stay shared."""
    with pytest.raises(DatasetError, match="are own, expected shared; `kiosk-train few-"):
        build_embedder(FitConfig(network="sface", slopes="shared"))
    write_config(tmp_path, FitConfig(network="sface", slopes="shared"))
    with pytest.raises(DatasetError, match=f"{tmp_path}: its slopes are shared, expected own$"):
        build_embedder(FitConfig(network="sface", start=str(tmp_path)))
