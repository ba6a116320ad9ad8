"""SFace with few slopes: groups of channels that share them."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from convert.slopes import (
    GROUP_CHANNELS,
    _share,
    _whole_sizes,
    group_count,
    shared_groups,
)
from kiosk.records import Image
from tests.convert.conftest import FewSlopes
from train.fit import embed_all
from train.sface import Sface
from train.sface_network import build_sface


@pytest.fixture
def shared(few_slopes: FewSlopes) -> Sface:
    return few_slopes.shared


def test_channels_are_put_into_a_few_groups_of_whole_sizes(shared: Sface) -> None:
    """Each stage has a few groups, which hold each channel once; sizes are multiples of 16."""
    for groups, unit in zip(shared_groups(shared), shared.units[::2], strict=True):
        assert 2 <= len(groups) <= group_count(len(unit.slope))
        assert all(len(group) % GROUP_CHANNELS == 0 for group in groups)
        assert sorted(np.concatenate(groups)) == list(range(len(unit.slope)))


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
    apart = build_sface(shared, groups=shared_groups(shared))
    assert embed_all(apart, crops) == pytest.approx(plain, abs=1e-4)


def test_channels_that_lose_by_the_same_slopes_share_them() -> None:
    """Two kinds of channels, each best at a slope of its own, become two groups."""
    best = np.repeat([10, 50], 16)
    losses = np.square(np.arange(76) - best[:, None]).astype(np.float32)
    slopes, same = _share([losses, losses])
    assert slopes == pytest.approx(np.repeat([-0.45, 0.55], 16), abs=1e-6)
    assert np.array_equal(slopes, same)
