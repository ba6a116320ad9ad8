"""USB and network cameras through OpenCV: their settings, and how each of them fails."""

import cv2
import numpy as np
import pytest

from kiosk.camera.base import Camera
from kiosk.camera.open import open_camera
from kiosk.camera.opencv import OpenCvCamera
from kiosk.clock import ManualClock
from kiosk.config import CameraSection
from kiosk.errors import CameraError, ConfigError
from kiosk.records import Image


def opencv(source: str) -> Camera:
    return open_camera(CameraSection(backend="opencv", source=source), ManualClock())


@pytest.mark.parametrize("source", ["97", "/dev/video97"])
def test_an_absent_usb_camera_is_named(source: str) -> None:
    """An absent device is a CameraError that names it and says what to check."""
    with pytest.raises(CameraError, match=rf"camera\.source: {source} cannot be opened.*plugged"):
        opencv(source)


def test_an_absent_network_camera_is_named_without_its_password() -> None:
    """The message about a URL has the host, but no user, password or query."""
    with pytest.raises(CameraError) as caught:
        opencv("rtsp://admin:s3cr3t@127.0.0.1:9/live?password=s3cr3t")
    assert "rtsp://127.0.0.1:9 cannot be opened" in str(caught.value)
    assert "s3cr3t" not in str(caught.value)
    assert "admin" not in str(caught.value)


@pytest.mark.parametrize("source", ["door.mp4", "", "-1", "http:/typo"])
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
