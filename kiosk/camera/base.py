"""The port that frames come in through, and what its adapters share."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Protocol, Self

from kiosk.records import Frame, Image


class Camera(Protocol):
    """An open camera: an iterator of its frames, and a context manager that closes it.

    A camera that breaks or vanishes raises :class:`~kiosk.errors.CameraError` and gives nothing
    more; it is closed and opened anew. Only a recording ends, or breaks for good
    (:class:`~kiosk.errors.RecordingError`).
    """

    def __enter__(self) -> Self:
        """Give itself."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the camera."""

    def __iter__(self) -> Self:
        """Give itself."""

    def __next__(self) -> Frame:
        """Wait for the next frame.

        Raises:
            CameraError: The camera is broken or gone.
            StopIteration: The recording is over.
        """


class BaseCamera(ABC):
    """A :class:`Camera` in all but where pictures come from: it counts frames and closes."""

    def __init__(self) -> None:
        self._index = 0

    @abstractmethod
    def _read(self) -> tuple[Image, float]:
        """Give the next picture and its monotonic time, seconds."""

    @abstractmethod
    def close(self) -> None:
        """Give the camera back; once is enough, twice does no harm."""

    def __enter__(self) -> Self:
        """Give itself."""
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
        """Give itself."""
        return self

    def __next__(self) -> Frame:
        """Wait for the next frame, as :meth:`Camera.__next__`."""
        image, at_s = self._read()
        frame = Frame(image=image, index=self._index, at_s=at_s)
        self._index += 1
        return frame
