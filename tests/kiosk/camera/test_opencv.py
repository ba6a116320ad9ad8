"""USB and network cameras through OpenCV: their settings, and how each of them fails."""

from typing import Literal

import cv2
import numpy as np
import pytest

from kiosk.camera.base import Camera, Picture
from kiosk.camera.fake_picamera2 import FakePicamera2
from kiosk.camera.open import open_camera
from kiosk.camera.opencv import OpenCvCamera
from kiosk.clock import ManualClock
from kiosk.config.keys import CameraSection
from kiosk.errors import CameraError, ConfigError, KioskError
from kiosk.records import Image


def opencv(source: str) -> Camera:
    return open_camera(CameraSection(backend="opencv", source=source), ManualClock())


@pytest.mark.parametrize("source", ["97", "/dev/video97"])
def test_an_absent_usb_camera_is_named(source: str) -> None:
    """An absent device is a CameraError that names it and says what to check."""
    with pytest.raises(CameraError, match=rf"camera\.source: {source} cannot be opened.*plugged"):
        opencv(source)


def test_an_absent_network_camera_is_named_without_its_password() -> None:
    """The message about a URL has the host, but no query; with a user in it, it has nothing."""
    with pytest.raises(CameraError, match=r"rtsp://127\.0\.0\.1 cannot be opened"):
        opencv("rtsp://127.0.0.1:9/live?password=s3cr3t")
    with pytest.raises(CameraError, match=r"the URL \(not shown.*cannot be opened") as caught:
        opencv("rtsp://admin:s3cr3t@127.0.0.1:9/live")
    assert "s3cr3t" not in str(caught.value)
    assert "admin" not in str(caught.value)


@pytest.mark.parametrize("backend", ["opencv", "picamera2", "fake-picamera2", "replay"])
@pytest.mark.parametrize(
    "source",
    [
        "rtsp:/admin:s3cr3t@door/live",
        "rtsp//admin:s3cr3t@door/live",
        "rtsp;//admin:s3cr3t@door",
        "admin:s3cr3t@door",
        "rtsp://admin:s3cr3t",
        "rtsp://admin:s3cr3t#door",
        "rtsp://admin:s3cr3t%40door/live",
        "rtsp://admin:x@s3cr3t/y@door/live",
        "rtsp://admin:s3cr3t?@127.0.0.1:9/live",
        "RTSP://admin:s3cr3t@127.0.0.1:9/live",
    ],
)
def test_a_mistyped_url_shows_no_password(
    monkeypatch: pytest.MonkeyPatch, source: str, backend: Literal["opencv", "replay"]
) -> None:
    """Whatever was mistyped, and whichever backend gets it, nothing of it is in the message."""
    monkeypatch.setattr(cv2, "VideoCapture", Absent)
    monkeypatch.setattr("kiosk.camera.open.load_picamera2", lambda: FakePicamera2)
    with pytest.raises(KioskError, match=r"camera\.source") as caught:
        open_camera(CameraSection(backend=backend, source=source), ManualClock())
    assert "s3cr3t" not in str(caught.value)


class Absent:
    """A capture that does not open."""

    def __init__(self, *_arguments: object) -> None:
        pass

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return False

    def set(self, _key: int, _value: float) -> bool:
        return False


def test_a_device_without_permission_is_said_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the device and the group, and does not say that it is not plugged in."""
    monkeypatch.setattr(cv2, "VideoCapture", Absent)
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(CameraError, match=r"no permission for /dev/null.*group.*video") as caught:
        opencv("/dev/null")
    assert "plugged" not in str(caught.value)


@pytest.mark.parametrize(
    ("picture", "found"),
    [
        (np.zeros((48, 64), np.uint8), "48 x 64 uint8"),
        (np.zeros((48, 64, 1), np.uint8), "48 x 64 x 1 uint8"),
        (np.zeros((48, 64, 4), np.uint8), "48 x 64 x 4 uint8"),
        (np.zeros((1, 48 * 64 * 3), np.uint8), "1 x 9216 uint8"),
        (np.zeros((48, 64, 3), np.float32), "48 x 64 x 3 float32"),
        (np.zeros((48, 64, 3), np.uint16), "48 x 64 x 3 uint16"),
        (np.zeros((0, 64, 3), np.uint8), "0 x 64 x 3 uint8"),
    ],
    ids=["grey", "grey plane", "BGRA", "BGR3 raw", "float", "16 bits", "empty"],
)
def test_a_picture_of_another_format_is_an_error(
    usb: list["UsbCamera"], monkeypatch: pytest.MonkeyPatch, picture: Picture, found: str
) -> None:
    """The message names shape and format, and what was expected."""
    with OpenCvCamera(CameraSection(source="0"), ManualClock()) as camera:
        monkeypatch.setattr(usb[0], "read", lambda: (True, picture))
        with pytest.raises(CameraError, match=rf"{found}, expected height x width x 3 uint8"):
            next(camera)


@pytest.mark.parametrize("source", ["door.mp4", "", "-1", "http:/typo", "9999999999", "1" * 5000])
def test_a_source_that_is_not_a_camera_is_rejected(source: str) -> None:
    """The opencv backend does not play files; the message names the backend that does."""
    with pytest.raises(ConfigError, match=r'camera\.source.*camera\.backend = "replay"'):
        opencv(source)


class UsbCamera:
    """A device that returns four frames and is then unplugged."""

    def __init__(self, *opened_with: object) -> None:
        self.opened_with = opened_with
        self.settings: dict[int, float] = {}
        self.released = False
        self._left = 4

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        return True

    def set(self, key: int, value: float) -> bool:
        self.settings[key] = value
        return True

    def read(self) -> tuple[bool, Image | None]:
        self._left -= 1
        return (True, np.zeros((48, 64, 3), np.uint8)) if self._left >= 0 else (False, None)

    def release(self) -> None:
        self.released = True


@pytest.fixture
def usb(monkeypatch: pytest.MonkeyPatch) -> list[UsbCamera]:
    opened: list[UsbCamera] = []

    def capture(*arguments: object) -> UsbCamera:
        opened.append(UsbCamera(*arguments))
        return opened[-1]

    monkeypatch.setattr(cv2, "VideoCapture", capture)
    return opened


@pytest.mark.parametrize(
    ("source", "opened_with"),
    [("0", (0, cv2.CAP_V4L2)), ("/dev/video2", ("/dev/video2", cv2.CAP_V4L2))],
)
def test_a_usb_camera_gets_size_rate_and_a_short_queue(
    source: str, opened_with: tuple[object, ...], usb: list[UsbCamera]
) -> None:
    """The device is opened with V4L2 only, with the configured size and rate and a queue of 1."""
    section = CameraSection(source=source, width_px=800, height_px=600, fps=20.0)
    with OpenCvCamera(section, ManualClock()):
        pass
    assert usb[0].opened_with == opened_with
    assert usb[0].settings == {
        cv2.CAP_PROP_FRAME_WIDTH: 800,
        cv2.CAP_PROP_FRAME_HEIGHT: 600,
        cv2.CAP_PROP_FPS: 20.0,
        cv2.CAP_PROP_BUFFERSIZE: 1,
    }
    assert usb[0].released


def test_a_network_camera_has_time_limits(usb: list[UsbCamera]) -> None:
    """A URL is opened by FFmpeg with limits for opening and reading: a dead link cannot hang."""
    opencv("rtsp://door/live")
    source, backend, parameters = usb[0].opened_with
    assert (source, backend) == ("rtsp://door/live", cv2.CAP_FFMPEG)
    assert isinstance(parameters, list)
    limits = dict(zip(parameters[::2], parameters[1::2], strict=True))
    assert limits.keys() == {cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, cv2.CAP_PROP_READ_TIMEOUT_MSEC}
    assert all(0 < limit <= 3_000 for limit in limits.values())  # SIGTERM waits as long


def test_an_unplugged_usb_camera_is_an_error_and_not_an_end(usb: list[UsbCamera]) -> None:
    """Frames have their capture time; a failed read is a CameraError naming the source."""
    clock = ManualClock(monotonic_s=3.0)
    with OpenCvCamera(CameraSection(source="0"), clock) as camera:
        frames = []
        for _ in range(4):
            frames.append(next(camera))
            clock.advance(0.5)
        with pytest.raises(CameraError, match=r"camera\.source: 0 stopped giving frames"):
            next(camera)
    assert [(f.index, f.at_s) for f in frames] == [(0, 3.0), (1, 3.5), (2, 4.0), (3, 4.5)]
    assert usb[0].released
