"""Check the camera: open it, and look at its picture."""

import time
from collections.abc import Callable
from typing import Final

from kiosk.camera.base import Camera
from kiosk.camera.open import open_camera
from kiosk.check.files import Model
from kiosk.check.finding import Finding, attempt, fault, ok, warning
from kiosk.clock import Clock
from kiosk.config.keys import CameraSection
from kiosk.counted import counted
from kiosk.daemon.health.lens import sight_of
from kiosk.errors import CameraError
from kiosk.records import Image

_ADJUST_S: Final = 3.0
"""How long a camera may take to adjust to the light: its first pictures are often black."""
_INSTEAD: Final = {
    "replay": "a recording instead of a camera",
    "fake-picamera2": "a test card instead of a camera",
}


def check_camera(section: CameraSection, clock: Clock, model: Model | None) -> Finding:
    """Open the configured camera and look at a picture of it.

    Args:
        section: The camera's configuration.
        clock: Time.
        model: Finds faces in the picture; ``None`` finds none.
    """
    return attempt("camera", lambda: _look(section, lambda: open_camera(section, clock), model))


def _look(section: CameraSection, open_it: Callable[[], Camera], model: Model | None) -> Finding:
    with open_it() as camera:
        image = _picture(camera)
    height, width = image.shape[:2]
    sight = sight_of(image)
    if sight != "ok":
        text = f"the picture is {sight}: remove the cap, clean the lens, turn on the light"
        return fault("camera", text, CameraError.exit_code)
    text = f"{width} x {height} pixels, {_faces(image, model)}"
    if section.backend in _INSTEAD:
        return warning("camera", f"{_INSTEAD[section.backend]} (camera.backend): {text}")
    return ok("camera", text)


def _picture(camera: Camera) -> Image:
    """Return the first picture that shows something, or else the last one.

    Raises:
        CameraError: There is none.
    """
    end_s = time.monotonic() + _ADJUST_S
    image = None
    for frame in camera:
        image = frame.image
        if sight_of(image) == "ok" or time.monotonic() > end_s:
            break
    if image is None:
        raise CameraError("camera.source: the recording holds no frame")
    return image


def _faces(image: Image, model: Model | None) -> str:
    if model is None:
        return "faces not searched"
    return f"{counted(len(model.recogniser.detector.find(image)), 'face')} seen"
