"""LFW's official pairs: read, cut and verified."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from kiosk.errors import DatasetError
from kiosk.recognition.align import align
from kiosk.recognition.detect import Detector
from kiosk.recognition.photo import decode_photo, find_single_face, read_photo
from kiosk.records import Floats, Image
from tests.support import needs_photos
from tests.support_train import draw_crop, orl_photo, see
from train.evaluation.lfw import evaluate_lfw, read_lfw, read_pairs


def pairs_text(same: Sequence[str], different: Sequence[str], folds: int = 2) -> str:
    """LFW's pairs.txt: a line of counts, then each fold's 300 same and 300 different pairs."""
    rows = [*(same[i % len(same)] for i in range(300))]
    rows += [*(different[i % len(different)] for i in range(300))]
    return "\n".join([f"{folds}\t300", *(rows * folds), ""])


def test_pairs_are_read_as_lfw_writes_them() -> None:
    """Three columns are a pair of one person, four of two people; 600 lines are a fold."""
    pairs = read_pairs(pairs_text(["Ann_B\t1\t12"], ["Ann_B\t3\tCy_D\t1"]))
    assert len(pairs) == 1200
    assert pairs[0] == ("Ann_B/Ann_B_0001.webp", "Ann_B/Ann_B_0012.webp", True, 0)
    assert pairs[600 + 300] == ("Ann_B/Ann_B_0003.webp", "Cy_D/Cy_D_0001.webp", False, 1)


def lfw_archive(path: Path) -> Path:
    """An archive like LFW's: ORL people in the middle of 160 pixels, and one photo of no face."""
    with zipfile.ZipFile(path, "w") as archive:
        for person, name in enumerate("ABC", start=1):
            for number in (1, 2):
                canvas = np.full((160, 160, 3), 128, np.uint8)
                canvas[24:136, 34:126] = read_photo(orl_photo(person, number))
                archive.writestr(f"{name}/{name}_{number:04d}.webp", as_webp(canvas))
        archive.writestr("D/D_0001.webp", as_webp(draw_crop(3, 3, 160)))
        same = ["A\t1\t2", "B\t1\t2", "C\t1\t2"]
        different = ["A\t1\tB\t1", "A\t2\tC\t2", "B\t2\tD\t1"]
        archive.writestr("pairs.txt", pairs_text(same, different))
    return path


def as_webp(image: Image) -> bytes:
    return bytes(cv2.imencode(".webp", image, [cv2.IMWRITE_WEBP_QUALITY, 95])[1])


@needs_photos
@pytest.mark.parametrize(
    ("seen_as", "right"), [("AABBCCD", 6), ("AXBBCCD", 5), ("AXBBCCB", 4), ("AACBCCD", 5)]
)
def test_lfw_counts_every_pair(tmp_path: Path, seen_as: str, right: int) -> None:
    """The accuracy is the share of pairs that are classified correctly."""
    vectors = np.stack([np.eye(128, dtype=np.float32)[ord(letter)] for letter in seen_as])
    found = evaluate_lfw(lambda _: vectors, read_lfw(lfw_archive(tmp_path / "lfw.zip")))
    assert found.verification.accuracy == pytest.approx(right / 6)
    assert (found.verification.n, found.verification.standard_error) == (1200, 0.0)
    assert (found.tar_at_far_1.n, found.tar_at_far_01.n) == (600, 600)


@needs_photos
def test_lfw_photos_are_cut_by_the_kiosk_s_stages(tmp_path: Path) -> None:
    """Faces are detected and aligned; a photo without a face is cut at its centre and counted."""
    shown: list[Image] = []

    def record(crops: Image) -> Floats:
        shown.append(crops)
        return see(crops)

    path = lfw_archive(tmp_path / "lfw.zip")
    assert evaluate_lfw(record, read_lfw(path)).not_found == 1
    (crops,) = shown
    with zipfile.ZipFile(path) as archive:
        photo, landscape = (decode_photo(archive.read(f"{n}/{n}_0001.webp")) for n in "AD")
    assert np.array_equal(crops[0], align(photo, find_single_face(photo, Detector()).landmarks))
    assert np.array_equal(crops[6], landscape[24:136, 24:136, ::-1])


@pytest.mark.parametrize("content", [None, b"no archive", "empty"])
def test_a_file_that_is_no_archive_of_pairs_is_an_error(
    tmp_path: Path, content: bytes | str | None
) -> None:
    """The error names a file that is absent, no archive, or without pairs.txt."""
    path = tmp_path / "lfw.zip"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content == "empty":
        zipfile.ZipFile(path, "w").close()
    with pytest.raises(DatasetError, match=r"lfw\.zip: not the archive of LFW's pairs"):
        read_lfw(path)


def test_an_archive_with_a_broken_photo_is_an_error(tmp_path: Path) -> None:
    """A photo that cannot be decoded is an error that names the archive."""
    path = tmp_path / "lfw.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("pairs.txt", "1\t1\nAda\t1\t2\n")
        for number in (1, 2):
            archive.writestr(f"Ada/Ada_000{number}.webp", b"no picture")
    with pytest.raises(DatasetError, match=r"lfw\.zip: .*unreadable"):
        read_lfw(path)
