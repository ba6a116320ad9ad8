"""Faces that nobody has, made out of others."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from kiosk.errors import DatasetError
from kiosk.records import Image
from tests.support import needs_photos
from tests.support_train import draw_crop, orl_photo
from train.__main__ import main
from train.dataset.crop_set import CropSet
from train.dataset.face_crops import find_every_crop
from train.dataset.photo_files import list_photos
from train.dataset.sources import Source
from train.morph import make_morphs, morph


def faces() -> Image:
    return np.stack([draw_crop(who, 0) for who in range(1, 6)])


@pytest.mark.parametrize("seed", range(20))
def test_a_morph_is_a_stored_crop(seed: int) -> None:
    """The result is ``(128, 128, 3)`` uint8, the same for the same seed, and no face given."""
    given = faces()
    one, again = (morph(given, np.random.default_rng(seed)) for _ in range(2))
    assert (one.shape, one.dtype) == ((128, 128, 3), np.uint8)
    assert np.array_equal(one, again)
    assert not any(np.array_equal(one, face) for face in given)


def test_morphs_differ() -> None:
    """No two of many are alike."""
    found = [morph(faces(), np.random.default_rng(seed)) for seed in range(30)]
    assert len({crop.tobytes() for crop in found}) == 30


@needs_photos
def test_the_command_writes_a_crop_set_for_training(tmp_path: Path) -> None:
    """Folders of photos become unnamed training crops."""
    for person in (1, 2):
        folder = tmp_path / "photos" / f"{person}"
        folder.mkdir(parents=True)
        photo = cv2.imread(str(orl_photo(person, 1)))
        assert photo is not None
        cv2.imwrite(str(folder / "1.png"), photo)
    out = tmp_path / "free"
    assert main(["morph", str(tmp_path / "photos"), "--count", "3", "--out", str(out)]) == 0
    found = CropSet.load(out)
    assert (len(found), set(found.splits)) == (3, {"train"})
    assert {photo.identity for photo in found.photos} == {""}


def test_too_little_space_is_said_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message says how much is needed, and nothing is written."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(DatasetError, match=r"free: needs up to .* for 3 crops \(No space left"):
        make_morphs([tmp_path], 3, tmp_path / "free", seed=1)
    assert list(tmp_path.iterdir()) == []


@needs_photos
def test_every_face_of_a_sheet_counts(tmp_path: Path) -> None:
    """A picture of four faces gives four; a file that is no picture gives none."""
    photos = [cv2.imread(str(orl_photo(person, 1))) for person in (1, 2, 3, 4)]
    cv2.imwrite(
        str(tmp_path / "sheet.png"), np.hstack([photo for photo in photos if photo is not None])
    )
    (tmp_path / "broken.png").write_bytes(b"no picture")
    files = list_photos((Source(name="photos", path=str(tmp_path)),), Path())
    assert find_every_crop(files, tmp_path).shape == (4, 128, 128, 3)


def test_a_folder_without_a_face_is_an_error(tmp_path: Path) -> None:
    """The error names the folder."""
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((100, 100, 3), 128, np.uint8))
    with pytest.raises(DatasetError, match=f"{tmp_path}: no face"):
        make_morphs([tmp_path], 1, tmp_path / "out", seed=1)


def test_an_absent_folder_is_an_error(tmp_path: Path) -> None:
    """The error names the folder."""
    with pytest.raises(DatasetError, match="absent"):
        make_morphs([tmp_path / "absent"], 1, tmp_path / "out", seed=1)
