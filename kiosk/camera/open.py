"""Open the camera that the configuration names; there is no fallback to another one."""

import threading
from pathlib import Path

from kiosk.camera.base import BaseCamera, Camera
from kiosk.camera.fake_picamera2 import FakePicamera2
from kiosk.camera.opencv import OpenCvCamera
from kiosk.camera.orientation import Orientation
from kiosk.camera.picamera2 import Picamera2Camera, load_picamera2
from kiosk.camera.replay import ReplayCamera, open_recording
from kiosk.clock import Clock
from kiosk.config.keys import CameraSection


def open_camera(
    section: CameraSection, clock: Clock, stop: threading.Event | None = None
) -> Camera:
    """Open a camera.

    Args:
        section: The camera's configuration.
        clock: Gives the times of frames, and waits between the frames of a recording.
        stop: When set, ends that wait early.

    Returns:
        The camera, open; use it in a ``with`` statement.

    Raises:
        ConfigError: The source is invalid for the backend, or the backend is not installed.
        CameraError: The camera cannot be opened.
    """
    camera = _open_backend(section, clock, stop)
    camera.orientation = Orientation(section.rotation, section.mirror)
    return camera


def _open_backend(section: CameraSection, clock: Clock, stop: threading.Event | None) -> BaseCamera:
    match section.backend:
        case "opencv":
            return OpenCvCamera(section, clock)
        case "picamera2":
            return Picamera2Camera(section, clock, load_picamera2())
        case "fake-picamera2":
            return Picamera2Camera(section, clock, FakePicamera2)
        case "replay":
            recording = open_recording(Path(section.source), fps=section.fps)
            return ReplayCamera(recording, pace=section.pace, clock=clock, stop=stop)
