"""The interface of cameras, and the code that they share."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Any, Protocol, Self, TypeAlias

import numpy as np
import numpy.typing as npt

from kiosk.camera.orientation import AS_CAPTURED, Orientation
from kiosk.errors import CameraError
from kiosk.records import Frame, Image

Picture: TypeAlias = npt.NDArray[Any]
"""What a backend gives, not checked yet."""


class Camera(Protocol):
    """An open camera: an iterator of its frames, and a context manager that closes it.

    A camera that fails raises :class:`~kiosk.errors.CameraError` and yields no more frames; it must
    be closed and opened again. Only a recording ends, or fails permanently
    (:class:`~kiosk.errors.RecordingError`).
    """

    def __enter__(self) -> Self:
        """Return itself."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the camera."""

    def __iter__(self) -> Self:
        """Return itself."""

    def __next__(self) -> Frame:
        """Wait for the next frame.

        Raises:
            CameraError: The camera has failed or was removed.
            StopIteration: The recording has ended.
        """


class BaseCamera(ABC):
    """Base class of cameras: turns and numbers the frames; a subclass reads the pictures.

    Attributes:
        orientation: Applied to each picture; :func:`~kiosk.camera.open.open_camera` sets it.
    """

    def __init__(self) -> None:
        self.orientation: Orientation = AS_CAPTURED
        self._index = 0

    @abstractmethod
    def _read(self) -> tuple[Picture, float]:
        """Return the next picture, as the backend gives it, and its monotonic time, seconds."""

    @abstractmethod
    def close(self) -> None:
        """Release the camera; a second call does nothing."""

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the camera."""
        self.close()

    def __iter__(self) -> Self:
        """Return itself."""
        return self

    def __next__(self) -> Frame:
        """Wait for the next frame; see :meth:`Camera.__next__`."""
        picture, at_s = self._read()
        image = _checked(picture)
        frame = Frame(image=self.orientation.apply(image), index=self._index, at_s=at_s)
        self._index += 1
        return frame


def _checked(picture: Picture) -> Image:
    """Return a picture as it is, or reject a format that the kiosk does not understand.

    Raises:
        CameraError: It is not ``(height, width, 3)`` uint8; the message has its shape and format.
    """
    if picture.ndim == 3 and picture.shape[2] == 3 and picture.dtype == np.uint8 and picture.size:
        return np.asarray(picture, np.uint8)
    shape = " x ".join(map(str, picture.shape)) or "nothing"
    raise CameraError(
        f"camera: gives pictures of {shape} {picture.dtype}, expected height x width x 3 uint8"
        " (BGR); set the camera to MJPG, YUYV or H.264, not to grey or raw pictures"
    )
