"""A Pi camera for machines without one: backend "fake-picamera2".

It stands in for ``picamera2.Picamera2``, shows a moving test card, and refuses what the real one
refuses, in the real one's words where it has words. Where the real one would wait for ever, the
fake raises.
"""

import time
from typing import Any, ClassVar, Final

import numpy as np

from kiosk.records import Image

# The RGB and YUV formats of picamera2.formats; only the one that the kiosk asks for is drawn.
_FORMATS: Final = frozenset(
    {"BGR888", "RGB888", "XBGR8888", "XRGB8888", "RGB161616", "BGR161616"}
    | {"NV21", "NV12", "YUV420", "YVU420", "YVYU", "YUYV", "UYVY", "VYUY"}
)


class FakePicamera2:
    """One camera, number 0, that one program at a time may open.

    Raises:
        IndexError: Another number.
        RuntimeError: The camera is open already.
    """

    _in_use: ClassVar[bool] = False

    def __init__(self, camera_num: int = 0) -> None:
        if camera_num != 0:
            raise IndexError("list index out of range")
        if FakePicamera2._in_use:
            raise RuntimeError("Camera __init__ sequence did not complete.")
        FakePicamera2._in_use = True
        self._open = True
        self._configuration: dict[str, Any] | None = None
        self._started = False
        self._plugged = True
        self._stuck = False
        self._frames = 0

    def create_video_configuration(
        self, main: dict[str, Any], controls: dict[str, Any]
    ) -> dict[str, Any]:
        """Describe what to capture; an odd size is rounded down, as the real one does."""
        width, height = main["size"]
        size = (width - width % 2, height - height % 2)
        return {"main": {**main, "size": size}, "controls": dict(controls)}

    def configure(self, camera_config: dict[str, Any]) -> None:
        """Set the camera up.

        Raises:
            RuntimeError: It is capturing, or the format or size is not one it has.
        """
        if self._started:
            raise RuntimeError("Camera must be stopped before configuring")
        stream = camera_config["main"]
        if stream["format"] not in _FORMATS:
            raise RuntimeError(f"Bad format {stream['format']} in stream main")
        if stream["size"][0] % 2 or stream["size"][1] % 2:
            raise RuntimeError("width and height should be even")
        self._configuration = camera_config

    def start(self) -> None:
        """Begin to capture; when it does so already, nothing happens, as with the real one.

        Raises:
            RuntimeError: The camera has not been configured.
        """
        if self._configuration is None:
            raise RuntimeError("Camera has not been configured")
        self._started = True

    def capture_array(self, name: str = "main", wait: float | None = None) -> Image:
        """Wait one frame's time and draw the frame.

        Returns:
            ``(height, width, 3)`` uint8; a blue card (BGR) with a white bar that wanders.

        Raises:
            TimeoutError: No frame can come; the real one raises this after ``wait`` seconds.
            RuntimeError: The same, but the real one would wait for ever.
            NotImplementedError: A stream or format that the fake does not draw.
        """
        if not (self._started and self._plugged and self._configuration):
            self._stuck = True
            if wait is None:
                raise RuntimeError("no frame will ever come, and no time limit was given")
            raise TimeoutError
        stream = self._configuration[name] if name == "main" else {"format": name}
        if stream["format"] != "RGB888":
            raise NotImplementedError(f"the fake draws RGB888, not {stream['format']}")
        time.sleep(self._configuration["controls"]["FrameDurationLimits"][0] / 1_000_000)
        return self._draw(*stream["size"])

    def _draw(self, width: int, height: int) -> Image:
        image = np.full((height, width, 3), (160, 80, 40), np.uint8)
        left = self._frames * 8 % width
        image[:, left : left + 8] = 255
        self._frames += 1
        return image

    def unplug(self) -> None:
        """Pull the ribbon cable."""
        self._plugged = False

    def cancel_all_and_flush(self) -> None:
        """Give up on a capture that timed out."""
        self._stuck = False

    def close(self) -> None:
        """Stop and let go of the camera.

        Raises:
            RuntimeError: A capture that timed out was not cancelled; the real one waits for ever.
        """
        if not self._open:
            return
        if self._stuck:
            raise RuntimeError("closing waits for ever behind a capture that never ends")
        self._open = self._started = FakePicamera2._in_use = False
