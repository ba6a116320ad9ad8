"""The distance of features to those of SFace."""

from pathlib import Path

import keras
import numpy as np
import pytest

from kiosk.records import Image
from tests.support_train import make_crop_set, read_csv
from train.features import FeatureDistance, compare_features
from train.fit import fit
from train.recipe import FitConfig
from train.sface.network import build_sface, read_network
from train.sface.weights import Sface, read_sface


def test_features_of_worse_pictures_are_farther(weights: Sface, crops: Image) -> None:
    """The same picture has no distance; a dark one has some, a black one more."""
    crops = crops[:4]
    network = build_sface(weights, layers="convolutions")
    clean, distance = compare_features(network, weights)
    model = keras.Model({"crop": network.input, "clean": clean}, distance)
    same, dark, black = (
        keras.ops.convert_to_numpy(model({"crop": seen, "clean": crops}))
        for seen in (crops, crops // 2, np.zeros_like(crops))
    )
    assert same.shape == (4, 1)
    assert same == pytest.approx(0, abs=1e-4)
    assert dark.mean() > 0.02
    assert black.mean() > dark.mean()


def test_the_distance_is_in_variances_of_the_aim() -> None:
    """A map that is off by one standard deviation everywhere has a distance of 1."""
    aim = np.random.default_rng(0).normal(5, 3, (2, 16, 16, 8)).astype(np.float32)
    distance = keras.ops.convert_to_numpy(FeatureDistance()([aim + 3, aim]))
    assert distance == pytest.approx(np.ones((2, 1)), rel=0.05)


@pytest.mark.slow
def test_a_run_learns_features_and_keeps_the_dense_layer(tmp_path: Path) -> None:
    """The history has their distance; what follows the features stays as SFace has it."""
    crop_set = make_crop_set(tmp_path / "crops", {"train": 2}, 1)
    config = FitConfig(
        network="sface", layers="convolutions", features=1.0, pictures="door", images=2,
        epoch_images=2, batch=2, blends=0, identity=0.0, optimizer="adamw",
    )  # fmt: skip
    network = fit(crop_set, tmp_path / "run", config, lambda: pytest.fail("a teacher was asked"))
    (row,) = read_csv(tmp_path / "run" / "history.csv")
    assert float(row["features_loss"]) > 0
    found, published = read_network(network), read_sface()
    assert np.abs(found.weight - published.weight).max() < 1e-6
    assert np.abs(found.units[5].weight - published.units[5].weight).max() > 1e-5
