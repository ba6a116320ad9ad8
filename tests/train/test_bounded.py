"""Files of the workstation that are no files, or too large: one error each, and no wait."""

import argparse
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from convert.__main__ import _convert
from kiosk.errors import DatasetError, KioskError
from tests.support_train import make_crop_set
from train.batches import read_blends
from train.classifier.run import load_run
from train.dataset.crop_set import CropSet
from train.dataset.sources import Source, Sources
from train.dataset.split import assign_splits
from train.dataset.zip_archive import opened, read_member
from train.evaluation.lfw import read_lfw
from train.evaluation.turned import read_turned_faces
from train.evaluation.videos import read_videos
from train.recipe import parse_config, read_config
from train.run_folder import read_history, write_or_check_config
from train.sface.weights import read_sface
from train.teacher import Teacher, load_targets

NAMED: dict[str, Callable[[Path], object]] = {
    "recipe.toml": lambda path: parse_config([], path),
    "facts.toml": lambda path: _convert(convert_options(path)),
    "people.txt": lambda path: assign_splits([], sources_with(path), path.parent),
    "lfw.zip": read_lfw,
    "walks.zip": read_videos,
    "turned.zip": read_turned_faces,
    "teacher.onnx": Teacher,
    "sface.onnx": read_sface,
    "blends.npz": read_blends,
    "config.json": lambda path: read_config(path.parent),
    "history.csv": lambda path: read_history(path.parent),
    "set.json": lambda path: CropSet.load(path.parent),
}
"""Readers of one file, by its name."""


def convert_options(facts: Path) -> argparse.Namespace:
    limits = dict.fromkeys(("cosine_mean", "cosine_p1", "accuracy", "figure", "false_match"), 1.0)
    out, crops = facts.with_name("x.kiosk-model"), facts.with_name("crops")
    return argparse.Namespace(facts=facts, out=out, crops=crops, **limits)


def sources_with(path: Path) -> Sources:
    return Sources(source=(Source(name="s", path="p", test_only=path.name),))


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [make_pipe, make_device])
@pytest.mark.parametrize("name", NAMED)
def test_what_is_no_file_is_one_error(
    tmp_path: Path, name: str, make: Callable[[Path], None]
) -> None:
    """Every reader names the file, says what it is, and neither waits nor reads without an end."""
    make(tmp_path / name)
    with pytest.raises(KioskError, match=rf"{name}: .*expected a file"):
        NAMED[name](tmp_path / name)


@pytest.mark.parametrize("name", ["crops.npy", "photos.csv", "set.json", "teacher.npy"])
def test_each_file_of_a_crop_set_is_guarded(tmp_path: Path, name: str) -> None:
    """A pipe in the place of any of them is an error."""
    make_crop_set(tmp_path, {"train": 2}, each=1)
    (tmp_path / name).unlink()
    os.mkfifo(tmp_path / name)
    with pytest.raises(DatasetError, match=r"a pipe, expected a file"):
        load_targets(CropSet.load(tmp_path))


def test_the_configuration_of_a_run_is_guarded(tmp_path: Path) -> None:
    """Both recipes: a finished run, and a run that goes on."""
    os.mkfifo(tmp_path / "config.json")
    with pytest.raises(DatasetError, match="a pipe, expected a file"):
        load_run(tmp_path)
    with pytest.raises(DatasetError, match=r"config\.json: cannot be read \(a pipe"):
        write_or_check_config(tmp_path, {})


def test_a_bomb_in_an_archive_is_not_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What unpacks to more than a photo may have ends there, and is named."""
    monkeypatch.setattr("train.dataset.zip_archive.PHOTO_BYTES_MAX", 1000)
    path = tmp_path / "walks.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.webp", bytes(1001))
    with (
        pytest.raises(DatasetError, match=r"walks\.zip: not walks \(a\.webp: larger than 1 kB"),
        opened(path, "walks") as archive,
    ):
        read_member(archive, "a.webp")
