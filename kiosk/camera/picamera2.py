"""Cameras on the ribbon cable of a Raspberry Pi, through libcamera and picamera2."""

import importlib
from concurrent.futures import CancelledError
from typing import Any, Final, Protocol, cast

from kiosk.camera.base import BaseCamera, Picture
from kiosk.camera.source_name import source_name
from kiosk.clock import Clock
from kiosk.config.keys import CameraSection
from kiosk.errors import CameraError, ConfigError
from kiosk.records import Image

# picamera2 names formats as libcamera does, from the highest byte down: the bytes of "RGB888"
# lie in memory as blue, green, red (The Picamera2 Library, appendix A), which is OpenCV's order.
_BGR: Final = "RGB888"
# When the ribbon cable comes loose, picamera2 raises nothing and would wait for ever. SIGTERM waits
# as long, and the kiosk must end within 5 s.
_FRAME_TIMEOUT_S: Final = 2.5


class Device(Protocol):
    """The part of ``picamera2.Picamera2`` that the kiosk uses."""

    def create_video_configuration(
        self, main: dict[str, Any], controls: dict[str, Any]
    ) -> dict[str, Any]:
        """Build a configuration."""

    def configure(self, camera_config: dict[str, Any]) -> None:
        """Use a configuration."""

    def start(self) -> None:
        """Start capturing."""

    def capture_array(self, name: str = "main", wait: float | None = None) -> Image:
        """Wait for a frame, at most ``wait`` seconds."""

    def cancel_all_and_flush(self) -> None:
        """Cancel a capture that timed out."""

    def close(self) -> None:
        """Stop and release the camera."""


class Library(Protocol):
    """The class ``picamera2.Picamera2``, or a fake of it."""

    def __call__(self, camera_num: int) -> Device:
        """Open the camera with this number."""


def load_picamera2() -> Library:
    """Import picamera2, which Raspberry Pi OS provides; no package index can install it.

    Raises:
        ConfigError: It is absent, or was built for another numpy than this environment's.
    """
    try:
        module = importlib.import_module("picamera2")
    # An extension built for another numpy raises ValueError on import.
    except (ImportError, ValueError) as exc:
        raise ConfigError(
            f"camera.backend: picamera2 cannot be imported ({exc}); `sudo apt install"
            " python3-picamera2`, and make the kiosk's environment with `python3 -m venv"
            " --system-site-packages` (on Bookworm with numpy below 2)"
        ) from exc
    return cast("Library", module.Picamera2)


class Picamera2Camera(BaseCamera):
    """A camera that picamera2 opens.

    Args:
        section: ``source`` is the number of the camera, usually "0".
        clock: Gives the times of frames.
        library: The class that opens the camera.

    Raises:
        ConfigError: The source is no number.
        CameraError: There is no such camera, it is in use, or it rejects the size or rate.
    """

    def __init__(self, section: CameraSection, clock: Clock, library: Library) -> None:
        super().__init__()
        if not section.source.isdecimal():
            raise ConfigError(
                f'camera.source: expected the number of a camera such as "0" for backend'
                f" {section.backend}, found {source_name(section.source)!r}"
            )
        self._clock = clock
        self._name = f"{section.backend} camera {section.source}"
        self._device = self._open(library, int(section.source))
        try:
            self._start(section)
        except CameraError:
            self.close()
            raise

    def _open(self, library: Library, number: int) -> Device:
        try:
            return library(number)
        # IndexError: no camera has that number. RuntimeError: it is in use, or does not answer.
        except (IndexError, RuntimeError) as exc:
            raise CameraError(
                f"camera.source: {self._name} cannot be opened ({exc}); expected a camera that"
                " `rpicam-hello --list-cameras` shows and no other program uses"
            ) from exc

    def _start(self, section: CameraSection) -> None:
        frame_us = round(1_000_000 / section.fps)
        size = (section.width_px, section.height_px)
        try:
            configuration = self._device.create_video_configuration(
                main={"format": _BGR, "size": size},
                controls={"FrameDurationLimits": (frame_us, frame_us)},
            )
            self._device.configure(configuration)
            self._device.start()
        except RuntimeError as exc:
            raise CameraError(
                f"camera: {self._name} rejects {size[0]}x{size[1]} at {section.fps} fps ({exc});"
                " set camera.width_px, height_px and fps to what the camera can do"
            ) from exc

    def _read(self) -> tuple[Picture, float]:
        try:
            image = self._device.capture_array("main", wait=_FRAME_TIMEOUT_S)
        except (TimeoutError, CancelledError, RuntimeError) as exc:
            # Without this, closing would wait for the capture that never ends.
            self._device.cancel_all_and_flush()
            raise CameraError(
                f"camera.source: {self._name} stopped giving frames; check its ribbon cable"
            ) from exc
        return image, self._clock.monotonic_s()

    def close(self) -> None:
        """Stop and release the camera.

        Raises:
            CameraError: libcamera cannot close it.
        """
        try:
            self._device.close()
        except RuntimeError as exc:
            raise CameraError(f"camera.source: {self._name} cannot be closed ({exc})") from exc
