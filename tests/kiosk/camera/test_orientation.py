"""Pictures of a camera that is not mounted upright are turned, whatever the backend."""

import sys
from pathlib import Path
from types import ModuleType
from typing import get_args, get_type_hints

import cv2
import numpy as np
import pytest

from kiosk.camera.fake_picamera2 import FakePicamera2
from kiosk.camera.open import open_camera
from kiosk.camera.orientation import Orientation, Rotation
from kiosk.clock import ManualClock
from kiosk.config.keys import CameraSection
from kiosk.demo.sample_people import enrolment_photos
from kiosk.recognition.detect import Detector
from kiosk.recognition.track import Tracker, direction
from kiosk.records import Image
from tests.support import needs_photos
from tests.support_recognition import picture, write_folder

CARD: Image = np.arange(48 * 64 * 3, dtype=np.int64).reshape(48, 64, 3).astype(np.uint8)
BACKENDS = get_args(get_type_hints(CameraSection)["backend"])


@pytest.mark.parametrize(
    ("rotation", "mirror", "expected"),
    [
        (0, False, CARD),
        (90, False, np.rot90(CARD, -1)),
        (180, False, CARD[::-1, ::-1]),
        (270, False, np.rot90(CARD)),
        (0, True, CARD[:, ::-1]),
        (90, True, np.rot90(CARD, -1)[:, ::-1]),
        (180, True, CARD[::-1]),
        (270, True, np.rot90(CARD)[:, ::-1]),
    ],
)
def test_a_picture_is_turned_clockwise_and_then_mirrored(
    rotation: Rotation, *, mirror: bool, expected: Image
) -> None:
    """Every pixel is kept; the result is contiguous uint8, as the detector needs it."""
    turned = Orientation(rotation, mirror).apply(CARD)
    assert np.array_equal(turned, expected)
    assert turned.dtype == np.uint8
    assert turned.flags.c_contiguous


class OneCard:
    """An OpenCV capture that always shows the card."""

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return True

    def set(self, _key: int, _value: float) -> bool:
        return True

    def read(self) -> tuple[bool, Image]:
        return True, CARD

    def release(self) -> None:
        pass


def first_picture(section: CameraSection) -> Image:
    with open_camera(section, ManualClock()) as camera:
        return next(camera).image


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_backend_turns_and_mirrors(
    backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture with rotation and mirror is the picture without both, turned and mirrored."""
    module = ModuleType("picamera2")
    module.Picamera2 = FakePicamera2  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "picamera2", module)
    if backend == "opencv":
        monkeypatch.setattr(cv2, "VideoCapture", lambda *_: OneCard())
    source = str(write_folder(tmp_path / "door", [CARD])) if backend == "replay" else "0"
    size = {"width_px": 64, "height_px": 48, "fps": 1000.0}
    section = {"backend": backend, "source": source, **size}
    plain = first_picture(CameraSection(**section))  # type: ignore[arg-type]
    turned = first_picture(CameraSection(**section, rotation=90, mirror=True))  # type: ignore[arg-type]
    assert turned.shape == (64, 48, 3)
    assert np.array_equal(turned, np.rot90(plain, -1)[:, ::-1])


@needs_photos
@pytest.mark.parametrize("mirror", [False, True])
def test_a_mirrored_camera_tells_the_true_direction(tmp_path: Path, *, mirror: bool) -> None:
    """A person who walks to the right goes to the right also through a camera that mirrors."""
    photo = enrolment_photos("orl-s12")[0]
    pictures = [picture(photo, left, (640, 240)) for left in range(0, 400, 40)]
    shown = [np.ascontiguousarray(image[:, ::-1]) if mirror else image for image in pictures]
    source = str(write_folder(tmp_path / "door", shown))
    section = CameraSection(backend="replay", source=source, pace="fast", mirror=mirror)
    detector, tracker = Detector(), Tracker(gap_max_s=1.0, reach=1.5)
    with open_camera(section, ManualClock()) as camera:
        for frame in camera:
            tracker.update(detector.find(frame.image), frame.at_s)
    (track,) = tracker.finish()
    assert direction(track) == "right"
