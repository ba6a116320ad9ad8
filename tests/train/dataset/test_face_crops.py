"""Find the face of a photo, or tell why the photo cannot be used."""

import cv2
import numpy as np
import pytest

from kiosk.errors import NoFaceError, PhotoError, SeveralFacesError
from kiosk.recognition.detect import Detector
from kiosk.recognition.photo import read_photo
from kiosk.recognition.upright import UprightCheck
from kiosk.records import Image
from tests.support import needs_photos
from tests.support_recognition import picture
from tests.support_train import draw_crop, orl_photo
from train.dataset.face_crops import find_crop


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector(width_px=640)


@pytest.fixture(scope="module")
def upright() -> UprightCheck:
    return UprightCheck()


def as_png(image: Image) -> bytes:
    return bytes(cv2.imencode(".png", image)[1])


@pytest.mark.parametrize("side_px", [112, 128])
def test_an_aligned_crop_is_used_unchanged(
    detector: Detector, upright: UprightCheck, side_px: int
) -> None:
    """No face is searched; 112 pixels get a mirrored border; channels become RGB."""
    crop = draw_crop(1, 1, side_px)
    found = find_crop(as_png(crop[..., ::-1]), detector, upright, aligned=True)
    edge = (128 - side_px) // 2
    assert np.array_equal(found, np.pad(crop, ((edge,) * 2, (edge,) * 2, (0, 0)), mode="reflect"))


@pytest.mark.parametrize(
    ("shape", "way", "error", "reason"),
    [
        ((100, 100, 3), "aligned", PhotoError, "^not an aligned crop of 112 or 128 pixels$"),
        ((112, 128, 3), "aligned", PhotoError, "^not an aligned crop of 112 or 128 pixels$"),
        ((100, 100, 3), "photo", NoFaceError, "^no face$"),
        ((1, 1, 3), "photo", NoFaceError, "^no face$"),
    ],
)
def test_a_picture_that_is_no_crop_is_rejected(
    detector: Detector,
    upright: UprightCheck,
    shape: tuple[int, ...],
    way: str,
    error: type[PhotoError],
    reason: str,
) -> None:
    """The message is only the reason, for the list of photos left out."""
    with pytest.raises(error, match=reason):
        find_crop(as_png(np.zeros(shape, np.uint8)), detector, upright, aligned=way == "aligned")


@needs_photos
def test_two_people_on_one_photo_are_rejected(detector: Detector, upright: UprightCheck) -> None:
    """A photo with two people is rejected: the name could belong to either."""
    two = [read_photo(orl_photo(person, 1)) for person in (4, 5)]
    with pytest.raises(SeveralFacesError, match=r"^several faces$"):
        find_crop(as_png(np.hstack(two)), detector, upright)


@needs_photos
def test_an_upside_down_photo_is_rejected(detector: Detector, upright: UprightCheck) -> None:
    """Its landmarks would be wrong; the same photo upright is used."""
    photo = picture(read_photo(orl_photo(12, 1)), 60)
    assert find_crop(as_png(photo), detector, upright).shape == (128, 128, 3)
    with pytest.raises(PhotoError, match=r"^upside down$"):
        find_crop(as_png(photo[::-1, ::-1]), detector, upright)
