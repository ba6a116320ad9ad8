"""The crop set on disk: it is read back as written, and a damaged set is rejected."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kiosk.contract import fingerprint
from kiosk.errors import DatasetError
from tests.support_train import draw_crop, make_crop_set
from train.dataset.crop_set import BORDER_PX, CropSet, Photo
from train.dataset.sources import Split
from train.teacher import load_targets

PHOTOS = (
    Photo("set", "Ana María, 2º", '1 "a".jpg', "set/Ana María, 2º"),
    Photo("set", "李 小龙", "x/2.jpg", "set/李 小龙"),
    Photo("other", "", "3.jpg", "other/3.jpg"),
    Photo("set", "line\nbreak", "4.jpg", "set/line\nbreak"),
)
SPLITS: tuple[Split, ...] = ("train", "dev", "test", "train")


def write(folder: Path) -> CropSet:
    crops = np.stack([draw_crop(who, 0) for who in range(4)])
    CropSet.write(folder, crops, PHOTOS, SPLITS)
    return CropSet.load(folder)


def test_a_set_is_read_back_as_written(tmp_path: Path) -> None:
    """Crops, splits, and names with spaces, accents, commas and quotes are read back."""
    found = write(tmp_path / "a" / "b")
    assert (found.photos, found.splits, len(found)) == (PHOTOS, SPLITS, 4)
    assert all(np.array_equal(crop, draw_crop(who, 0)) for who, crop in enumerate(found.crops))


def test_the_indices_of_a_split_are_in_order(tmp_path: Path) -> None:
    """The indices of each split are ascending; a split without photos is empty."""
    found = write(tmp_path)
    assert [found.indices_of(split).tolist() for split in ("train", "dev", "test", "none")] == [
        [0, 3], [1], [2], []
    ]  # fmt: skip


@pytest.mark.parametrize("batch", [1, 2, 3, 100])
def test_the_contract_s_crop_is_the_middle(tmp_path: Path, batch: int) -> None:
    """Eight pixels are cut off on each side, for any batch size, in the order asked for."""
    found = write(tmp_path)
    parts = list(found.contract_crops(np.array([3, 0, 1]), batch=batch))
    assert all(len(part) <= batch and part.flags.c_contiguous for part in parts)
    inner = slice(BORDER_PX, -BORDER_PX)
    assert np.array_equal(np.concatenate(parts), found.crops[[3, 0, 1], inner, inner])
    assert parts[0].shape[1:] == (112, 112, 3)


@pytest.mark.parametrize(
    ("photo", "path", "identity"),
    [
        (Photo("s", "Ana", "1.jpg", "g"), "s/Ana/1.jpg", "s/Ana"),
        (Photo("s", "", "1.jpg", "g"), "s/1.jpg", ""),
    ],
)
def test_a_photo_has_a_path_and_an_identity(photo: Photo, path: str, identity: str) -> None:
    """A person is unique over all sources; an unnamed photo has no identity."""
    assert (photo.path, photo.identity) == (path, identity)


def _cut(name: str, keep: int) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: len(data) * keep // 100])

    return spoil


def _add(line: str) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        with (folder / "photos.csv").open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    return spoil


def _crops(crops: object) -> Callable[[Path], None]:
    return lambda folder: np.save(folder / "crops.npy", np.asarray(crops))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / "crops.npy").unlink(),
        lambda folder: (folder / "photos.csv").unlink(),
        lambda folder: (folder / "set.json").unlink(),
        lambda folder: (folder / "set.json").write_text("[]"),
        _cut("set.json", 60),
        _cut("crops.npy", 0),
        _cut("crops.npy", 60),
        _cut("photos.csv", 0),
        _cut("photos.csv", 60),
        _add("set,Bo,5.jpg,set/Bo,train"),
        _add("set,Bo"),
        _add("set,Bo,5.jpg,set/Bo,left"),
        lambda folder: (folder / "photos.csv").write_bytes(b"\xff\xfe\x00"),
        lambda folder: (folder / "photos.csv").write_text("a,b,c,d,e\n"),
        _crops(np.zeros((4, 112, 112, 3), np.uint8)),
        _crops(np.zeros((3, 128, 128, 3), np.uint8)),
        _crops(np.zeros((4, 128, 128, 3), np.float32)),
        _crops(np.array([None])),
    ],
)
def test_a_folder_that_is_no_crop_set_is_an_error(
    tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    """The error names the folder if a file is absent, truncated or of another kind."""
    write(tmp_path)
    spoil(tmp_path)
    with pytest.raises(DatasetError, match=str(tmp_path)):
        CropSet.load(tmp_path)


def test_a_set_of_another_contract_is_rejected(tmp_path: Path) -> None:
    """Crops that were cut under another contract are rejected; the error names the file."""
    write(tmp_path)
    facts = json.loads((tmp_path / "set.json").read_text())
    assert facts["contract"] == fingerprint()
    (tmp_path / "set.json").write_text(json.dumps(facts | {"contract": "0123456789abcdef"}))
    said = rf"set\.json: made under contract 0123456789abcdef, expected {fingerprint()}; prepare"
    with pytest.raises(DatasetError, match=said):
        CropSet.load(tmp_path)


def test_two_sets_have_one_digest_only_if_they_are_the_same(tmp_path: Path) -> None:
    """Another split, another name or another picture makes another set."""
    one = make_crop_set(tmp_path / "one", {"train": 2, "dev": 1}, 2)
    again = make_crop_set(tmp_path / "again", {"train": 2, "dev": 1}, 2)
    assert one.digest() == again.digest()
    crops = np.array(one.crops)
    crops[0] ^= 1
    photos = (replace(one.photos[0], person="other"), *one.photos[1:])
    others = (
        replace(one, splits=("test", *one.splits[1:])),
        replace(one, photos=photos),
        replace(one, crops=crops),
    )
    assert len({one.digest(), *(other.digest() for other in others)}) == 4


def test_a_new_set_removes_the_old_teacher_embeddings(tmp_path: Path) -> None:
    """Writing a set removes the teacher embeddings of an earlier set."""
    assert len(load_targets(make_crop_set(tmp_path, {"train": 4}, each=1))) == 4
    with pytest.raises(DatasetError, match=r"teacher\.npy: run `kiosk-train teach` first"):
        load_targets(write(tmp_path))


def test_an_interrupted_write_leaves_no_crop_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an interrupted write, the folder is no crop set."""
    write(tmp_path)
    monkeypatch.setattr(CropSet, "write_photos", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write(tmp_path)
    with pytest.raises(DatasetError):
        CropSet.load(tmp_path)
