"""Replay a recording as a camera: a video, an animated GIF, or a folder of pictures."""

import re
import sys
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Final, Literal, TypeAlias

import cv2
import numpy as np

from kiosk import PIXELS_MAX
from kiosk.camera.base import BaseCamera
from kiosk.camera.source_name import source_name
from kiosk.clock import Clock
from kiosk.errors import RecordingError
from kiosk.files.bounded_file import read_file, require_file
from kiosk.files.presence import is_folder, may_exist
from kiosk.records import Image

Recording: TypeAlias = Generator[tuple[Image, float], None, None]
"""Pictures, each with its time since the start, seconds."""

_PICTURES: Final = {".jpg", ".jpeg", ".png"}
_PICTURE_BYTES_MAX: Final = 100_000_000


class ReplayCamera(BaseCamera):
    """A camera that replays a recording once and ends.

    ``at_s`` follows the recorded times at either pace, so that tracks and votes are the same.

    Args:
        recording: The pictures and their times.
        pace: "recorded" waits until each picture's time has come; "fast" never waits.
        clock: Gives the time of the first picture, and waits.
        stop: When set, ends a wait early; from then on there are no waits.
    """

    def __init__(
        self,
        recording: Recording,
        *,
        pace: Literal["recorded", "fast"],
        clock: Clock,
        stop: threading.Event | None = None,
    ) -> None:
        super().__init__()
        self._recording = recording
        self._waits = pace == "recorded"
        self._clock = clock
        self._stop = stop
        self._start_s: float | None = None

    def _read(self) -> tuple[Image, float]:
        image, recorded_s = next(self._recording)
        if self._start_s is None:
            self._start_s = self._clock.monotonic_s() - recorded_s
        at_s = self._start_s + recorded_s
        if self._waits:
            self._clock.sleep(at_s - self._clock.monotonic_s(), self._stop)
        return image, at_s

    def close(self) -> None:
        """Close the file."""
        self._recording.close()


def open_recording(path: Path, *, fps: float) -> Recording:
    """Open a recording.

    Args:
        path: A video or animated GIF, or a folder of ``.jpg`` and ``.png`` pictures, which are
            replayed in the order of their names (``2.jpg`` before ``10.jpg``).
        fps: Pictures a second, for a folder or for a video without times.

    Returns:
        Its pictures, ``(height, width, 3)`` uint8 BGR, and their times.

    Raises:
        RecordingError: The recording is absent, empty or unreadable; if that is found only when a
            picture is read, the generator raises it.
    """
    if is_folder(path):
        return _folder(_pictures(path), fps)
    name = source_name(str(path))
    if not may_exist(path):
        raise RecordingError(f"camera.source: {name}: no such file or folder to replay")
    try:
        require_file(path, sys.maxsize)
        path.open("rb").close()
    except OSError as exc:
        raise RecordingError(f"camera.source: {name}: cannot be read ({exc.strerror})") from exc
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    if not capture.isOpened():
        raise RecordingError(f"camera.source: {path}: not a video or GIF that OpenCV can read")
    return _video(path, capture, fps)


def _pictures(folder: Path) -> list[Path]:
    try:
        found = [p for p in folder.iterdir() if p.suffix.lower() in _PICTURES]
    except OSError as exc:
        raise RecordingError(f"camera.source: {folder}: cannot be read ({exc.strerror})") from exc
    if not found:
        raise RecordingError(f"camera.source: {folder}: expected .jpg or .png pictures, found none")
    return sorted(found, key=_natural)


def _natural(path: Path) -> list[tuple[int, str]]:
    """Return a sort key that compares the numbers in a name as numbers."""
    parts = re.split(r"(\d+)", path.name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def _folder(pictures: list[Path], fps: float) -> Recording:
    for index, picture in enumerate(pictures):
        yield _read_picture(picture), index / fps


def _read_picture(path: Path) -> Image:
    try:
        data = read_file(path, _PICTURE_BYTES_MAX)
    except OSError as exc:
        raise RecordingError(f"camera.source: {path}: cannot be read ({exc.strerror})") from exc
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    except cv2.error as exc:  # the header claims more pixels than OpenCV may decode
        most = PIXELS_MAX // 1_000_000
        message = f"camera.source: {path}: more than {most} million pixels"
        raise RecordingError(message) from exc
    if image is None:
        raise RecordingError(f"camera.source: {path}: not a picture that OpenCV can read")
    return np.asarray(image, np.uint8)


def _video(path: Path, capture: cv2.VideoCapture, fps: float) -> Recording:
    step_s = 1.0 / (capture.get(cv2.CAP_PROP_FPS) or fps)
    last_s = -step_s
    try:
        while True:
            taken, image = capture.read()
            if not taken:
                break
            told_s = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            # Some containers have no times, or wrong ones: then the rate gives the time.
            last_s = told_s if told_s > last_s else last_s + step_s
            yield np.asarray(image, np.uint8), last_s
    finally:
        capture.release()
    if last_s < 0:
        raise RecordingError(f"camera.source: {path}: holds no frame that OpenCV can read")
