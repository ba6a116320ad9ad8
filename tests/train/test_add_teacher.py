"""A run of its own with a second teacher."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from kiosk.errors import DatasetError
from kiosk.recognition.vectors import unit
from kiosk.records import Floats, Image
from tests.support_train import draw_crop, make_crop_set
from train.add_teacher import PICTURES_MIN, add_teacher
from train.average import average_runs
from train.dataset.crop_set import CropSet
from train.embedder import build_embedder, embed_all, load_embedder, save_embedder
from train.network import NetworkConfig
from train.recipe import FitConfig, read_recipe, write_config
from train.sface.network import read_network
from train.sface.weights import Sface

SFACE = FitConfig(network="sface")


class ColourTeacher:
    """Knows faces by the mean colour of their quarters."""

    path = Path("colours.xml")
    sha256 = "0" * 64

    def embed_with_mirror(self, crops: Image) -> Floats:
        quarters = crops.reshape(len(crops), 2, 56, 2, 56, 3).mean(axis=(2, 4))
        return unit(quarters.reshape(len(crops), -1) - 127)


def start(folder: Path, config: FitConfig = SFACE) -> Path:
    write_config(folder, config)
    if config.network == "sface":
        save_embedder(build_embedder(config), folder)
    return folder


def add(before: Path, crop_set: CropSet, out: Path) -> None:
    add_teacher(before, crop_set, ColourTeacher(), out, pictures=PICTURES_MIN, seed=1)


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a second teacher, from SFace as published."""
    folder = tmp_path_factory.mktemp("runs")
    crop_set = make_crop_set(folder / "crops", {"train": 30}, 1)
    add(start(folder / "before"), crop_set, folder / "taught")
    return folder / "taught"


def test_only_the_dense_layer_changes(taught: Path, weights: Sface) -> None:
    """Convolutions and slopes are those of the run before."""
    found = read_network(load_embedder(taught))
    for unit_found, own in zip(found.units, weights.units, strict=True):
        assert np.allclose(unit_found.weight, own.weight, atol=1e-5)
        assert np.array_equal(unit_found.slope, own.slope)
    change = np.linalg.norm(found.weight - weights.weight)
    assert change > 0.1 * np.linalg.norm(weights.weight)


def test_the_network_knows_what_the_teacher_knows(taught: Path, network: keras.Model) -> None:
    """Faces of one colour come nearer to each other, and the new embedding is near the old one."""
    crops = np.stack([draw_crop(who, 0, 112) for who in range(30)])
    old, new = embed_all(network, crops), embed_all(load_embedder(taught), crops)
    assert np.median(np.sum(old * new, axis=1)) > 0.8
    aims = ColourTeacher().embed_with_mirror(crops)
    other = ~np.eye(len(crops), dtype=bool)
    like_old, like_new, like = ((one @ one.T)[other] for one in (old, new, aims))
    assert np.corrcoef(like_new, like)[0, 1] > np.corrcoef(like_old, like)[0, 1] + 0.1


def test_the_run_says_who_taught_it(taught: Path) -> None:
    """The model card has it from there, with the recipe of the run before."""
    made = read_recipe(taught)["second_teacher"]
    assert (made["teacher"], made["sha256"], made["pictures"]) == (
        "colours",
        "0" * 64,
        PICTURES_MIN,
    )
    assert made["run"]["network"] == "sface"


def test_only_sface_takes_a_second_teacher(tmp_path: Path) -> None:
    """The error names the run, and nothing is written."""
    before, out = start(tmp_path / "run", FitConfig(network=NetworkConfig())), tmp_path / "out"
    with pytest.raises(DatasetError, match=f"{before}: its network is not sface; only SFace"):
        add(before, make_crop_set(tmp_path / "crops"), out)
    assert not out.exists()


@pytest.mark.parametrize(
    "made",
    [
        {"second_teacher": {}},
        {"short_front": {"run": {"second_teacher": {}}}},
        {"short_front": {"run": {"read_back": "a", "recipe": {"second_teacher": {}}}}},
    ],
)
def test_a_second_teacher_is_added_once(tmp_path: Path, made: dict[str, Any]) -> None:
    """It would count twice, also in a run with a short front, whether of a run or of a bundle."""
    write_config(tmp_path / "run", SFACE, **made)
    with pytest.raises(DatasetError, match=f"{tmp_path}/run: it has a second teacher already"):
        add(tmp_path / "run", make_crop_set(tmp_path / "crops"), tmp_path / "out")


def test_a_crop_set_without_training_crops_is_an_error(tmp_path: Path) -> None:
    """The error names the crop set, and nothing is written."""
    held_out = make_crop_set(tmp_path / "crops", {"dev": 2})
    write_config(tmp_path / "run", SFACE)
    with pytest.raises(DatasetError, match="crops: the training split is empty"):
        add(tmp_path / "run", held_out, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_run_with_a_second_teacher_has_no_mean(tmp_path: Path) -> None:
    """Its dense layer did not start where those of other runs did."""
    write_config(tmp_path / "run", SFACE, second_teacher={})
    with pytest.raises(DatasetError, match=f"{tmp_path}/run: it has a second teacher; average"):
        average_runs([tmp_path / "run"], 0.5, tmp_path / "out")


def test_training_does_not_start_from_a_run_with_a_second_teacher(tmp_path: Path) -> None:
    """It would aim at SFace's own embedding, and undo what the teacher brought."""
    write_config(tmp_path / "run", SFACE, second_teacher={})
    with pytest.raises(DatasetError, match=f"start: {tmp_path}/run: it has a second teacher"):
        build_embedder(FitConfig(network="sface", start=str(tmp_path / "run")))


@pytest.mark.parametrize("pictures", [255, 24_001])
def test_too_few_or_too_many_pictures_are_an_error(tmp_path: Path, pictures: int) -> None:
    """The error says how many are expected, and nothing is written."""
    write_config(tmp_path / "run", SFACE)
    crop_set, out = make_crop_set(tmp_path / "crops"), tmp_path / "out"
    with pytest.raises(DatasetError, match=f"pictures: expected 256 to 24000, found {pictures}"):
        add_teacher(tmp_path / "run", crop_set, ColourTeacher(), out, pictures=pictures, seed=1)
    assert not out.exists()


def test_a_run_without_weights_is_an_error(tmp_path: Path) -> None:
    """The error names the file, and nothing is written."""
    write_config(tmp_path / "run", SFACE)
    with pytest.raises(DatasetError, match=f"{tmp_path}/run/embedder.weights.h5"):
        add(tmp_path / "run", make_crop_set(tmp_path / "crops"), tmp_path / "out")
    assert not (tmp_path / "out").exists()
