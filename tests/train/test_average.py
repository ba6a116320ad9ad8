"""Runs from SFace averaged, and a part of SFace kept."""

from pathlib import Path

import numpy as np
import pytest

from kiosk.errors import ConfigError, DatasetError
from train.__main__ import main
from train.average import average_runs
from train.embedder import build_embedder, load_embedder, save_embedder
from train.network import NetworkConfig
from train.recipe import FitConfig, photos_of, read_recipe, write_config
from train.sface.network import Layers


def _run(folder: Path, layers: Layers, step: float) -> Path:
    config = FitConfig(network="sface", layers=layers)
    write_config(folder, config, photos=f"photos of {layers}")
    network = build_embedder(config)
    slope = network.get_layer("conv_1_prelu")
    slope.set_weights([slope.get_weights()[0] + step])
    save_embedder(network, folder)
    return folder


@pytest.mark.slow
def test_the_mean_keeps_a_part_of_the_start(tmp_path: Path) -> None:
    """Half of the mean of a step by 2 and of one by 4 is a step by 1.5, whichever layers moved."""
    runs = [_run(tmp_path / "all", "all", 2.0), _run(tmp_path / "first", "first", 4.0)]
    out = tmp_path / "mean"
    assert main(["average", *map(str, runs), "--share", "0.5", "--out", str(out)]) == 0
    found, start = load_embedder(out), build_embedder(FitConfig(network="sface"))
    for name, step in (("conv_1_prelu", 1.5), ("conv_2_prelu", 0.0), ("project", 0.0)):
        before, after = (one.get_layer(name).get_weights()[0] for one in (start, found))
        assert np.allclose(after - before, step, atol=1e-5)
    assert photos_of(read_recipe(out)) == {"photos of all", "photos of first"}


@pytest.mark.parametrize("share", [0.0, -1.0, 1.5, float("nan")])
def test_a_share_is_a_part_of_the_whole(share: float, tmp_path: Path) -> None:
    """Beyond the runs, or with NaN in every weight, there is no network to convert."""
    with pytest.raises(ConfigError, match=r"share: .*, expected above 0 and at most 1"):
        average_runs([tmp_path], share, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_run_of_another_network_is_an_error(tmp_path: Path) -> None:
    """Only what started from one point can be averaged; the error names the run."""
    write_config(tmp_path, FitConfig(network=NetworkConfig()))
    with pytest.raises(DatasetError, match=f"{tmp_path}: its network is not sface"):
        average_runs([tmp_path], 0.5, tmp_path / "out")


def test_runs_of_two_starts_have_no_mean(tmp_path: Path) -> None:
    """The error names the run that started elsewhere."""
    start = FitConfig(network="sface")
    write_config(tmp_path / "one", start)
    write_config(tmp_path / "other", FitConfig(network="sface", start="runs/before"))
    with pytest.raises(DatasetError, match=f"{tmp_path}/other: it did not start where"):
        average_runs([tmp_path / "one", tmp_path / "other"], 0.5, tmp_path / "out")
