"""The Pi camera, through the shipped fake: frames, outages and rejected settings."""

import sys
from collections.abc import Iterator
from types import ModuleType

import numpy as np
import pytest

from kiosk.camera.fake_picamera2 import FakePicamera2
from kiosk.camera.open import open_camera
from kiosk.camera.picamera2 import Picamera2Camera
from kiosk.clock import ManualClock
from kiosk.config.keys import CameraSection
from kiosk.errors import CameraError, ConfigError

FAKE = CameraSection(backend="fake-picamera2", fps=1000.0, width_px=320, height_px=240)


@pytest.fixture(autouse=True)
def free_camera() -> Iterator[None]:
    yield
    assert not FakePicamera2._in_use, "a test left the fake camera open"


def test_frames_are_in_opencvs_channel_order() -> None:
    """Frames have the configured size, are writable BGR, and have their capture time."""
    with open_camera(FAKE, ManualClock(monotonic_s=8.0)) as camera:
        frames = [next(camera) for _ in range(3)]
    assert [f.index for f in frames] == [0, 1, 2]
    assert frames[0].image.shape == (240, 320, 3)
    assert frames[0].image[0, 100].tolist() == [160, 80, 40]
    assert not np.array_equal(frames[0].image, frames[1].image)
    assert frames[0].at_s == 8.0


def test_after_a_loose_cable_the_camera_can_be_opened_again() -> None:
    """A capture that times out is a CameraError and is cancelled; closing then works."""
    opened: list[FakePicamera2] = []

    def library(camera_num: int) -> FakePicamera2:
        opened.append(FakePicamera2(camera_num))
        return opened[-1]

    with Picamera2Camera(FAKE, ManualClock(), library) as camera:
        next(camera)
        opened[0].unplug()
        with pytest.raises(CameraError, match="stopped giving frames; check its ribbon"):
            next(camera)
    with open_camera(FAKE, ManualClock()) as again:
        assert next(again).index == 0


def test_a_camera_in_use_is_an_error() -> None:
    """A second opening is a CameraError that names the camera; the first keeps working."""
    with open_camera(FAKE, ManualClock()) as first:
        with pytest.raises(CameraError, match="fake-picamera2 camera 0 cannot be opened"):
            open_camera(FAKE, ManualClock())
        assert next(first).index == 0


@pytest.mark.parametrize(
    ("source", "error", "says"),
    [
        ("1", CameraError, r"list index out of range.*rpicam-hello"),
        ("/dev/video0", ConfigError, "expected the number"),
    ],
)
def test_an_absent_camera_is_named(source: str, error: type[Exception], says: str) -> None:
    """Another number may be plugged in later; a source that is no number never will."""
    section = CameraSection(backend="fake-picamera2", source=source)
    with pytest.raises(error, match=says):
        open_camera(section, ManualClock())


class PickyPicamera2(FakePicamera2):
    """A camera that rejects every frame rate."""

    def start(self) -> None:
        raise RuntimeError("no sensor mode fits")


def test_rejected_settings_are_named_and_the_camera_is_released() -> None:
    """A rejected start names size, rate and keys, and leaves nothing open."""
    with pytest.raises(CameraError, match=r"rejects 320x240 at 1000.0 fps .*camera\.width_px"):
        Picamera2Camera(FAKE, ManualClock(), PickyPicamera2)


def test_an_odd_size_is_rounded_as_by_the_library() -> None:
    """The frame has the even size that the camera uses, not the configured odd one."""
    section = CameraSection(backend="fake-picamera2", fps=1000.0, width_px=321, height_px=241)
    with open_camera(section, ManualClock()) as camera:
        assert next(camera).image.shape == (240, 320, 3)


@pytest.mark.parametrize(
    "failure",
    [
        ModuleNotFoundError("No module named 'picamera2'"),
        ValueError("numpy.dtype size changed, may indicate binary incompatibility"),
    ],
)
def test_without_picamera2_the_message_says_how_to_install_it(
    failure: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A library that is absent, or built for another numpy, is a ConfigError with the remedy."""

    class Finder:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "picamera2":
                raise failure

    monkeypatch.delitem(sys.modules, "picamera2", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    with pytest.raises(ConfigError, match=r"apt install python3-picamera2.*system-site-packages"):
        open_camera(CameraSection(backend="picamera2"), ManualClock())


def test_the_picamera2_backend_uses_the_librarys_class(monkeypatch: pytest.MonkeyPatch) -> None:
    """Backend "picamera2" uses the class Picamera2 of the module picamera2."""
    module = ModuleType("picamera2")
    module.Picamera2 = FakePicamera2  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "picamera2", module)
    section = CameraSection(backend="picamera2", fps=1000.0)
    with open_camera(section, ManualClock()) as camera:
        assert next(camera).image.shape == (480, 640, 3)
