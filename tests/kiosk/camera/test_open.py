"""Opening a camera: the configured backend or an error, never another backend."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from kiosk.camera.base import BaseCamera
from kiosk.camera.open import open_camera
from kiosk.camera.picamera2 import Picamera2Camera
from kiosk.camera.replay import ReplayCamera
from kiosk.clock import ManualClock
from kiosk.config.keys import CameraSection
from kiosk.errors import CameraError, ConfigError


@pytest.mark.parametrize(
    ("backend", "kind"), [("replay", ReplayCamera), ("fake-picamera2", Picamera2Camera)]
)
def test_the_configured_backend_is_opened(
    backend: str, kind: type[BaseCamera], tmp_path: Path
) -> None:
    """Each backend opens its own kind of camera."""
    cv2.imwrite(str(tmp_path / "1.png"), np.zeros((8, 8, 3), np.uint8))
    source = str(tmp_path) if backend == "replay" else "0"
    section = CameraSection(backend=backend, source=source)  # type: ignore[arg-type]
    with open_camera(section, ManualClock()) as camera:
        assert type(camera) is kind


@pytest.mark.parametrize("backend", ["opencv", "picamera2", "replay"])
def test_a_failing_backend_is_not_replaced(
    backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the configured backend has no camera, the others are not tried."""
    monkeypatch.setitem(sys.modules, "picamera2", None)
    source = str(tmp_path / "absent") if backend == "replay" else "97"
    section = CameraSection(backend=backend, source=source)  # type: ignore[arg-type]
    with pytest.raises((CameraError, ConfigError)):
        open_camera(section, ManualClock())


def test_picamera2_is_imported_only_when_it_is_configured() -> None:
    """Importing the cameras imports neither picamera2 nor libcamera."""
    code = "import sys, kiosk.camera.open; print({'picamera2', 'libcamera'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
