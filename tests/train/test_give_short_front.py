"""A run of its own with a short front."""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from kiosk.errors import DatasetError, ModelError
from kiosk.recognition.bundle import default_bundle, load_bundle, write_bundle
from tests.support_recognition import small_bundle
from tests.support_train import make_crop_set
from train.__main__ import main
from train.embedder import build_embedder, build_form, load_embedder, save_embedder
from train.give_short_front import _write_epoch, give_short_front, pictures_seen
from train.network import NetworkConfig
from train.recipe import FitConfig, read_config, read_recipe, write_config
from train.run_folder import read_history
from train.sface.int8_weights import read_int8
from train.sface.network import read_network
from train.sface.weights import Sface

SFACE = FitConfig(network="sface", images=77)


def run(folder: Path, config: FitConfig = SFACE) -> Path:
    write_config(folder, config)
    if config.network == "sface":
        save_embedder(build_embedder(SFACE), folder)
    return folder


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (FitConfig(network=NetworkConfig()), "its network is not sface; only SFace can have a"),
        (FitConfig(network="sface", front="short"), "it has a short front already"),
    ],
)
def test_only_sface_can_get_a_short_front_and_only_once(
    tmp_path: Path, config: FitConfig, message: str
) -> None:
    """The error names the run, and nothing is written."""
    before, out = tmp_path / "run", tmp_path / "out"
    write_config(before, config)
    with pytest.raises(DatasetError, match=f"{before}: {message}"):
        give_short_front(before, make_crop_set(tmp_path / "crops"), out, pictures=8, seed=1)
    assert not out.exists()


def test_a_crop_set_without_training_crops_is_an_error(tmp_path: Path) -> None:
    """The error names the crop set, and nothing is written."""
    before, out = tmp_path / "run", tmp_path / "out"
    write_config(before, SFACE)
    held_out = make_crop_set(tmp_path / "crops", {"dev": 2})
    with pytest.raises(DatasetError, match="crops: the training split is empty"):
        give_short_front(before, held_out, out, pictures=8, seed=1)
    assert not out.exists()


def test_a_run_without_weights_is_an_error(tmp_path: Path) -> None:
    """The error names the file, and nothing is written."""
    before, out = tmp_path / "run", tmp_path / "out"
    write_config(before, SFACE)
    with pytest.raises(DatasetError, match=f"{before}/embedder.weights.h5"):
        give_short_front(before, make_crop_set(tmp_path / "crops"), out, pictures=8, seed=1)
    assert not out.exists()


def test_the_front_learns_what_the_old_one_gives(
    tmp_path: Path,
    weights: Sface,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What it does not explain gets less; the rest stays, and the run says what it was made of."""
    monkeypatch.setattr("train.give_short_front._WARMUP", 10)  # few pictures are enough then
    monkeypatch.setattr("train.give_short_front._MEASURED", 8)
    before, out = run(tmp_path / "run"), tmp_path / "out"
    crop_set = make_crop_set(tmp_path / "crops", {"train": 3}, 2)
    words = [str(before), str(crop_set.folder), "--pictures", "160", "--out", str(out)]
    assert main(["short-front", *words]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"{out}: to learn from 160 pictures\n")
    said = re.search(r"gives the rest all but ([\d.]+)% of the variance", printed)
    assert said is not None
    assert float(said[1]) < 90
    assert [row["epoch"] for row in read_history(out)] == [0]
    assert (out / "curves.png").exists()
    found = read_network(load_embedder(out))
    for own, old in zip(found.units[9:], weights.units[9:], strict=True):
        assert np.allclose(own.weight, old.weight, atol=1e-5)
        assert np.array_equal(own.slope, old.slope)
    assert [unit.stride for unit in found.units[:4]] == [2, 1, 1, 1]
    assert read_config(out).front == "short"
    made = read_recipe(out)["short_front"]
    assert (made["run"]["images"], made["pictures"], made["faces"]) == (77, 160, 6)


@pytest.mark.parametrize(
    ("asked", "seen"),
    [(1, 8), (8, 8), (12, 16), (8_000, 8_000), (20_000, 20_016), (32_000, 32_000)],
)
def test_a_front_learns_from_all_pictures_that_are_asked_for(asked: int, seen: int) -> None:
    """Epochs are equally long and batches are full, so there may be a few more."""
    assert pictures_seen(asked) == seen


def test_a_bundle_gets_a_short_front(tmp_path: Path) -> None:
    """Its other weights are those read back; its run says whose they are, and is not trained."""
    path, out = default_bundle(), tmp_path / "out"
    crop_set = make_crop_set(tmp_path / "crops", {"train": 1}, 2)
    give_short_front(path, crop_set, out, pictures=8, seed=1)
    found, bundle = read_network(load_embedder(out)), load_bundle(path)
    for own, old in zip(found.units[9:], read_int8(bundle.model).units[9:], strict=True):
        assert np.allclose(own.weight, old.weight, atol=1e-5)
    made = read_recipe(out)["short_front"]["run"]
    assert made["read_back"] == bundle.card.model_id
    with pytest.raises(DatasetError, match=f"start: {out}: it has a second teacher"):
        build_embedder(FitConfig(network="sface", front="short", start=str(out)))


def test_another_network_s_bundle_is_an_error(tmp_path: Path) -> None:
    """The error names the bundle, and nothing is written."""
    path, out = tmp_path / "small.kiosk-model", tmp_path / "out"
    write_bundle(path, small_bundle())
    with pytest.raises(ModelError, match=f"{path}: not SFace with its own front"):
        give_short_front(path, make_crop_set(tmp_path / "crops"), out, pictures=8, seed=1)
    assert not out.exists()


def test_any_number_of_processes_gives_the_same_front(tmp_path: Path) -> None:
    """Each picture is determined by its number, whichever process makes it."""
    before = run(tmp_path / "run")
    crop_set = make_crop_set(tmp_path / "crops", {"train": 2}, 2)
    one, two = (
        give_short_front(
            before, crop_set, tmp_path / f"{workers}", pictures=16, seed=1, workers=workers
        )
        for workers in (1, 2)
    )
    assert one == pytest.approx(two, rel=1e-4)


def test_an_interrupted_command_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a stop between two epochs the weights become those of one that was not stopped."""
    monkeypatch.setattr("train.give_short_front._EPOCH", 16)
    before = run(tmp_path / "run")
    crop_set = make_crop_set(tmp_path / "crops", {"train": 3}, 2)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    left = give_short_front(before, crop_set, whole, pictures=32, seed=1)
    with monkeypatch.context() as patch:
        patch.setattr("train.give_short_front._write_epoch", _stop_in_the_second_epoch)
        with pytest.raises(KeyboardInterrupt):
            give_short_front(before, crop_set, parts, pictures=32, seed=1)
    assert give_short_front(before, crop_set, parts, pictures=32, seed=1) == pytest.approx(left)
    again = give_short_front(before, crop_set, parts, pictures=32, seed=1)
    assert again == pytest.approx(left)  # nothing is left to do
    assert [row["epoch"] for row in read_history(parts)] == [0, 1]
    one, other = (load_embedder(folder).get_weights() for folder in (whole, parts))
    assert all(np.allclose(a, b, atol=1e-6) for a, b in zip(one, other, strict=True))


def _stop_in_the_second_epoch(out: Path, epoch: int, logs: Mapping[str, float]) -> None:
    if epoch:
        raise KeyboardInterrupt
    _write_epoch(out, epoch, logs)


def test_training_goes_on_from_a_run_with_a_short_front(tmp_path: Path, short: Sface) -> None:
    """A run that is to start from it says so, and any other is refused."""
    config = FitConfig(network="sface", front="short")
    write_config(tmp_path / "short", config)
    save_embedder(build_form(short, config), tmp_path / "short")
    start = FitConfig(network="sface", front="short", start=str(tmp_path / "short"))
    found = read_network(build_embedder(start))
    assert [unit.stride for unit in found.units[:4]] == [2, 1, 1, 1]
    with pytest.raises(DatasetError, match="its front is short, expected own"):
        build_embedder(FitConfig(network="sface", start=str(tmp_path / "short")))
    with pytest.raises(DatasetError, match="start: SFace: its front is own, expected short; "):
        build_embedder(config)
