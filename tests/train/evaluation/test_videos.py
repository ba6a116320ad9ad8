"""Videos of people who walk past: read, aligned, shrunk, divided."""

import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from kiosk.errors import DatasetError
from kiosk.recognition.photo import read_photo
from tests.support import needs_photos
from tests.support_train import orl_crop, orl_photo
from train.evaluation.videos import half_of, read_videos, shrink


@needs_photos
def test_frames_of_a_video_belong_together(tmp_path: Path) -> None:
    """Frames are grouped by person and video, and aligned by the kiosk's own stages."""
    path = tmp_path / "walks.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("README.md", "walks")
        for name, person in (("a/0/1", 1), ("a/0/2", 1), ("a/1/1", 1), ("b/0/7", 2)):
            photo = read_photo(orl_photo(person, int(name[-1])))
            data = bytes(cv2.imencode(".webp", photo, [cv2.IMWRITE_WEBP_QUALITY, 101])[1])
            archive.writestr(f"{name}.webp", data)
    videos = read_videos(path)
    assert videos.people == ("a", "a", "b")
    assert videos.frames == ((0, 1), (2,), (3,))
    assert videos.crops.shape == (4, 112, 112, 3)
    assert np.abs(videos.crops[3].astype(int) - orl_crop(2, 7)).mean() < 3


@pytest.mark.parametrize("content", [None, b"no archive", "empty"])
def test_a_file_that_is_not_an_archive_of_walks_is_named(
    tmp_path: Path, content: bytes | str | None
) -> None:
    """An absent, foreign or empty file is an error with its name."""
    path = tmp_path / "walks.zip"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content == "empty":
        zipfile.ZipFile(path, "w").close()
    with pytest.raises(DatasetError, match=r"walks\.zip: not an archive of walks"):
        read_videos(path)


def test_a_shrunk_crop_has_no_detail() -> None:
    """A pattern of pixels becomes grey; the size stays, and so does a crop that is not shrunk."""
    crops = np.indices((112, 112)).sum(axis=0) % 2 * 255
    pattern = np.repeat(crops[None, ..., None], 3, axis=3).astype(np.uint8)
    small = shrink(pattern, 28)
    assert small.shape == pattern.shape
    assert small.std() < 2 < pattern.std()
    assert shrink(pattern, 112) is pattern


def test_a_person_is_in_one_half_for_ever() -> None:
    """The half depends on the name alone, and both halves have about as many people."""
    halves = [half_of(f"person {number}") for number in range(400)]
    assert halves == [half_of(f"person {number}") for number in range(400)]
    assert 150 < halves.count("dev") < 250
    assert set(halves) == {"dev", "test"}
