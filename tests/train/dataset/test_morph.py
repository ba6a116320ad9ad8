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
from train.dataset.morph import make_morphs, morph


def faces() -> list[Image]:
    return [np.stack([draw_crop(who, 0) for who in people]) for people in ((1, 2, 3), (4, 5))]


@pytest.mark.parametrize("seed", range(20))
def test_a_morph_is_a_stored_crop(seed: int) -> None:
    """The result is ``(128, 128, 3)`` uint8, the same for the same seed, and no face given."""
    given = faces()
    one, again = (morph(given, np.random.default_rng(seed)) for _ in range(2))
    assert (one.shape, one.dtype) == ((128, 128, 3), np.uint8)
    assert np.array_equal(one, again)
    assert not any(np.array_equal(one, face) for own in given for face in own)


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


def test_an_absent_folder_is_an_error(tmp_path: Path) -> None:
    """The error names the folder."""
    with pytest.raises(DatasetError, match="absent"):
        make_morphs([tmp_path / "absent"], 1, tmp_path / "out", seed=1)
