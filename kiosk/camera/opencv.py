"""USB cameras (V4L2) and network cameras (RTSP), through OpenCV."""

import os
from pathlib import Path
from typing import Final

import cv2

from kiosk.camera.base import BaseCamera, Picture
from kiosk.camera.source_name import source_name
from kiosk.clock import Clock
from kiosk.config.keys import CameraSection
from kiosk.errors import CameraError, ConfigError

# SIGTERM waits for a blocked open or read, and the kiosk must end within 5 s.
_OPEN_TIMEOUT_MS: Final = 3000
_READ_TIMEOUT_MS: Final = 2500
_DIGITS_MAX: Final = 4
"""Of a number of a camera; Linux has 256 at most, and OpenCV takes no number above 32 bits."""


class OpenCvCamera(BaseCamera):
    """A camera that OpenCV opens.

    Args:
        section: ``source`` is the number of a camera ("0"), its device ("/dev/video0") or a URL
            ("rtsp://..."). Size and rate are requests: a USB camera uses the nearest that it
            supports, a network camera ignores them.
        clock: Gives the times of frames.

    Raises:
        ConfigError: The source is none of the three.
        CameraError: The camera cannot be opened.
    """

    def __init__(self, section: CameraSection, clock: Clock) -> None:
        super().__init__()
        self._name = source_name(section.source)
        self._clock = clock
        self._capture = _open(section)
        if not self._capture.isOpened():
            raise CameraError(f"camera.source: {self._name} cannot be opened; {_advice(section)}")

    def _read(self) -> tuple[Picture, float]:
        taken, image = self._capture.read()
        if not taken:
            raise CameraError(
                f"camera.source: {self._name} stopped giving frames; check its cable or network"
            )
        return image, self._clock.monotonic_s()

    def close(self) -> None:
        """Release the device or the connection."""
        self._capture.release()


def _advice(section: CameraSection) -> str:
    """Return why a camera may not open, as far as the system says."""
    if "://" in section.source:
        return "expected a camera that is switched on (try the URL in a player)"
    device = Path(f"/dev/video{section.source}" if section.source.isdecimal() else section.source)
    if _is_refused(device):
        return (
            f"this user has no permission for {device}; add it to the group that owns the device:"
            " `sudo usermod -aG video USER`, then log in again or restart the service"
        )
    return "expected a camera that is plugged in and not in use (`ls /dev/video*`)"


def _is_refused(device: Path) -> bool:
    try:
        device.stat()
    except (OSError, ValueError) as exc:
        return isinstance(exc, PermissionError)
    return not os.access(device, os.R_OK | os.W_OK)


def _open(section: CameraSection) -> cv2.VideoCapture:
    if "://" in section.source:
        timeouts = [
            *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _OPEN_TIMEOUT_MS),
            *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, _READ_TIMEOUT_MS),
        ]
        return cv2.VideoCapture(section.source, cv2.CAP_FFMPEG, timeouts)
    if section.source.isdecimal() and len(section.source) <= _DIGITS_MAX:
        capture = cv2.VideoCapture(int(section.source), cv2.CAP_V4L2)
    elif section.source.startswith("/dev/"):
        capture = cv2.VideoCapture(section.source, cv2.CAP_V4L2)
    else:
        raise ConfigError(
            f'camera.source: expected "0", "/dev/video0" or "rtsp://...", found'
            f" {source_name(section.source)!r};"
            ' a file or folder needs camera.backend = "replay"'
        )
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, section.width_px)
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, section.height_px)
    capture.set(cv2.CAP_PROP_FPS, section.fps)
    # A longer queue would delay the frames: the kiosk would see the door as it was a moment ago.
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    return capture
