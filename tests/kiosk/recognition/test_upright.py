"""Which faces are upright in the picture, judged by the real YuNet."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from kiosk.demo.sample_people import enrolment_photos, sample_people
from kiosk.recognition.detect import Detector
from kiosk.recognition.photo import decode_photo
from kiosk.recognition.upright import TURNED, UPSIDE_DOWN, UprightCheck
from kiosk.records import Face, Floats, Image
from tests.support import needs_photos
from tests.support_recognition import face, picture

WALKS = Path(__file__).parents[4] / "shared" / "data" / "walks.zip"
LANDMARKS: Floats = np.zeros((5, 2), np.float32)
"""The check does not use them."""


@pytest.fixture(scope="module")
def check() -> UprightCheck:
    return UprightCheck()


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector()


def turned(image: Image, angle: float) -> Image:
    """Turn a picture anticlockwise about its middle."""
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
    edge = cv2.BORDER_REPLICATE
    return np.asarray(cv2.warpAffine(image, matrix, (width, height), borderMode=edge), np.uint8)


def faces(detector: Detector, angle: float) -> Iterator[tuple[Image, Face]]:
    """The sample people, each turned, as the detector finds them."""
    for person in sample_people():
        for photo in enrolment_photos(person):
            image = turned(picture(photo, 68), angle)
            yield from ((image, found) for found in detector.find(image)[:1])


@needs_photos
@pytest.mark.parametrize(
    ("angle", "reason"),
    [
        *((angle, "") for angle in (0, 15, -15)),
        *((angle, TURNED) for angle in (50, -50, 60, -60)),
        (180, UPSIDE_DOWN),
    ],
)
def test_a_face_turned_by_more_than_40_degrees_is_rejected(
    angle: float, reason: str, check: UprightCheck, detector: Detector
) -> None:
    """Every face that the detector finds at this turn gets this reason."""
    reasons = [check.reject_reason(image, found) for image, found in faces(detector, angle)]
    assert reasons
    assert set(reasons) == {reason}


@needs_photos
@pytest.mark.parametrize(
    ("rotation", "reason"),
    [(cv2.ROTATE_90_CLOCKWISE, TURNED), (cv2.ROTATE_90_COUNTERCLOCKWISE, TURNED)],
)
def test_a_face_that_lies_on_its_side_is_rejected(
    rotation: int, reason: str, check: UprightCheck, detector: Detector
) -> None:
    """The box is given, because the detector rarely finds a face at 90 degrees."""
    image = picture(enrolment_photos("orl-s12")[0], 68)[:, 40:280]
    (found,) = detector.find(image)
    left, top, width, height = found.box
    x, y = left + width / 2, top + height / 2
    x, y = (240 - y, x) if rotation == cv2.ROTATE_90_CLOCKWISE else (y, 240 - x)
    box = np.array([x - height / 2, y - width / 2, height, width], np.float32)
    image = np.asarray(cv2.rotate(image, rotation), np.uint8)
    assert check.reject_reason(image, Face(box, LANDMARKS, 1.0)) == reason


@needs_photos
def test_a_large_face_is_scored_like_a_small_one(check: UprightCheck, detector: Detector) -> None:
    """Near the camera, the picture is shrunk before it is turned: the scores stay."""
    image, found = next(faces(detector, 0))
    large = np.asarray(cv2.resize(image, None, fx=5.0, fy=5.0), np.uint8)
    scores = check.scores(image, found)
    assert scores[0] > 0.8
    assert check.scores(large, Face(found.box * 5, LANDMARKS, 1.0)) == pytest.approx(
        scores, abs=0.1
    )


@needs_photos
def test_a_large_face_is_scored_the_same_anywhere(check: UprightCheck, detector: Detector) -> None:
    """Only its surroundings are shrunk, and its middle is counted from their corner."""
    image, found = next(faces(detector, 0))
    large = np.asarray(cv2.resize(image, None, fx=5.0, fy=5.0), np.uint8)
    right, down = 2000, 1000
    away = np.pad(large, ((down, 0), (right, 0), (0, 0)), mode="edge")
    box = found.box * 5
    moved = box + np.array([right, down, 0, 0], np.float32)
    assert check.scores(away, Face(moved, LANDMARKS, 1.0)) == pytest.approx(
        check.scores(large, Face(box, LANDMARKS, 1.0)), abs=0.1
    )


@needs_photos
@pytest.mark.parametrize("angle", [0, 180])
def test_a_face_at_the_edge_of_the_picture_can_be_checked(
    angle: int, check: UprightCheck, detector: Detector
) -> None:
    """The square around the face may extend beyond the picture on all sides."""
    image, found = next(faces(detector, angle))
    left, top = (int(value) for value in found.box[:2])
    right, bottom = (int(value) for value in found.box[:2] + found.box[2:])
    box = found.box - np.array([left, top, 0, 0], np.float32)
    cut = np.ascontiguousarray(image[top:bottom, left:right])
    assert check.reject_reason(cut, Face(box, LANDMARKS, 1.0)) == (UPSIDE_DOWN if angle else "")


@pytest.mark.parametrize(
    "one",
    [
        face(160, 120, 80),
        face(0, 0, 900),
        face(319, 239, 0.1),
        face(-50, -50, 20),
        face(999, -999, 300),
    ],
)
def test_a_face_that_cannot_be_scored_passes(one: Face, check: UprightCheck) -> None:
    """Without a clear score at any turn the check says nothing; no box is an error."""
    wall: Image = np.full((240, 320, 3), 128, np.uint8)
    assert check.scores(wall, one).tolist() == [0.0] * 6
    assert check.reject_reason(wall, one) == ""


@pytest.mark.skipif(not WALKS.exists(), reason=f"{WALKS} is absent")
@pytest.mark.parametrize(("angle", "low", "high"), [(0, 0.98, 1.0), (180, 0.0, 0.02)])
def test_people_who_walk_past_pass_only_when_upright(
    angle: int, low: float, high: float, check: UprightCheck, detector: Detector
) -> None:
    """Of 150 frames of a camera, nearly all pass upright, and nearly none upside down."""
    passed = []
    with zipfile.ZipFile(WALKS) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".webp"))[::11]
        for name in names[:150]:
            image = turned(decode_photo(archive.read(name)), angle)
            passed += [not check.reject_reason(image, found) for found in detector.find(image)[:1]]
    assert len(passed) > 80
    assert low <= np.mean(passed) <= high
