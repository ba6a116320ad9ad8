"""A Pi camera for machines without one: backend "fake-picamera2".

It replaces ``picamera2.Picamera2``, shows a moving test card, and rejects what the real one does,
with the same message where the real one has a message. Where the real one would wait for ever, the
fake raises.
"""

import time
from typing import Any, ClassVar, Final

import numpy as np

from kiosk.records import Image

# The RGB and YUV formats of picamera2.formats; only the one that the kiosk uses is drawn.
_FORMATS: Final = frozenset(
    {"BGR888", "RGB888", "XBGR8888", "XRGB8888", "RGB161616", "BGR161616"}
    | {"NV21", "NV12", "YUV420", "YVU420", "YVYU", "YUYV", "UYVY", "VYUY"}
)


class FakePicamera2:
    """One camera, number 0, which only one program at a time may open.

    Raises:
        IndexError: The number is not 0.
        RuntimeError: The camera is already open.
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
        """Build a configuration; an odd size is rounded down, as by the real one."""
        width, height = main["size"]
        size = (width - width % 2, height - height % 2)
        return {"main": {**main, "size": size}, "controls": dict(controls)}

    def configure(self, camera_config: dict[str, Any]) -> None:
        """Use a configuration.

        Raises:
            RuntimeError: The camera is capturing, or the format or size is not supported.
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
        """Start capturing; does nothing when the camera is capturing, as with the real one.

        Raises:
            RuntimeError: The camera has not been configured.
        """
        if self._configuration is None:
            raise RuntimeError("Camera has not been configured")
        self._started = True

    def capture_array(self, name: str = "main", wait: float | None = None) -> Image:
        """Wait for the duration of one frame and draw the frame.

        Returns:
            ``(height, width, 3)`` uint8; a blue card (BGR) with a moving white bar.

        Raises:
            TimeoutError: No frame can come; the real one raises this after ``wait`` seconds.
            RuntimeError: No frame can come, and the real one would wait for ever.
            NotImplementedError: The fake does not draw this stream or format.
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
        """Simulate a ribbon cable that was pulled out."""
        self._plugged = False

    def cancel_all_and_flush(self) -> None:
        """Cancel a capture that timed out."""
        self._stuck = False

    def close(self) -> None:
        """Stop and release the camera.

        Raises:
            RuntimeError: A capture that timed out was not cancelled; the real one waits for ever.
        """
        if not self._open:
            return
        if self._stuck:
            raise RuntimeError("closing waits for ever for a capture that never ends")
        self._open = self._started = FakePicamera2._in_use = False
