"""A run of its own with few slopes."""

from pathlib import Path

import numpy as np
import pytest

from kiosk.errors import DatasetError
from kiosk.records import Image
from tests.support_train import make_crop_set
from train.__main__ import main
from train.embedder import build_embedder, load_embedder, save_embedder
from train.few_slopes import give_few_slopes
from train.network import NetworkConfig
from train.recipe import FitConfig, read_recipe, write_config
from train.sface.network import read_network
from train.sface.weights import Sface


def run(folder: Path, config: FitConfig) -> Path:
    write_config(folder, config)
    return folder


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (FitConfig(network=NetworkConfig()), "its network is not sface; only SFace can have few"),
        (FitConfig(network="sface", slopes="shared"), "it has few slopes already"),
    ],
)
def test_only_sface_can_get_few_slopes_and_only_once(
    tmp_path: Path, config: FitConfig, message: str
) -> None:
    """The error names the run, and nothing is written."""
    before, out = run(tmp_path / "run", config), tmp_path / "out"
    with pytest.raises(DatasetError, match=f"{before}: {message}"):
        give_few_slopes(before, make_crop_set(tmp_path / "crops"), out, seed=1)
    assert not out.exists()


def test_a_crop_set_without_training_crops_is_an_error(tmp_path: Path) -> None:
    """The error names the crop set."""
    before = run(tmp_path / "run", FitConfig(network="sface"))
    held_out = make_crop_set(tmp_path / "crops", {"dev": 2})
    with pytest.raises(DatasetError, match="crops: the training split is empty"):
        give_few_slopes(before, held_out, tmp_path / "out", seed=1)


def test_a_run_without_weights_is_an_error(tmp_path: Path) -> None:
    """The error names the file, and nothing is written."""
    before, out = run(tmp_path / "run", FitConfig(network="sface")), tmp_path / "out"
    with pytest.raises(DatasetError, match=f"{before}/embedder.weights.h5"):
        give_few_slopes(before, make_crop_set(tmp_path / "crops"), out, seed=1)
    assert not out.exists()


def test_the_new_run_has_the_shared_slopes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared: Sface
) -> None:
    """It is fitted on clean and on bad crops, can be loaded, and says what it was made of."""
    before = run(tmp_path / "run", FitConfig(network="sface", images=77))
    save_embedder(build_embedder(FitConfig(network="sface")), before)
    asked: list[int] = []

    def share(_: Sface, crops: Image) -> Sface:
        asked.append(len(crops))
        return shared

    monkeypatch.setattr("train.few_slopes.share_slopes", share)
    crop_set, out = make_crop_set(tmp_path / "crops", {"train": 3}, 2), tmp_path / "out"
    assert main(["few-slopes", str(before), str(crop_set.folder), "--out", str(out)]) == 0
    assert asked == [6 + 512]
    found = read_network(load_embedder(out))
    for unit, other in zip(found.units, shared.units, strict=True):
        assert np.array_equal(unit.slope, other.slope)
    assert read_recipe(out)["few_slopes"]["run"]["images"] == 77
