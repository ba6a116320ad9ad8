"""Notice frames in which nobody can be seen: black, covered, or always the same."""

import zlib
from typing import Final, Literal

import numpy as np

from kiosk.records import Image

Sight = Literal["ok", "black", "covered", "frozen"]

_NOTICED_S: Final = 10.0
"""For how long frames must be so; a person who stands at the lens is gone by then."""
_STEP_PX: Final = 8
_BLACK_MAX: Final = 8.0
"""Mean brightness of a black frame, 0 to 255. A room at night with one light is brighter."""
_COVERED_MAX: Final = 3.0
"""Standard deviation of the brightness of a covered lens; a white wall with a shadow has more."""


class Lens:
    """Looks at each frame of the camera.

    A real sensor has noise: two frames are never equal to the bit, unless it hangs.

    Attributes:
        sight: What the last frames showed.
    """

    def __init__(self) -> None:
        self.sight: Sight = "ok"
        self._candidate: Sight = "ok"
        self._since_s = 0.0
        self._digest = 0

    def see(self, image: Image, now_s: float) -> bool:
        """Look at a frame; return whether :attr:`sight` has changed.

        Args:
            image: ``(height, width, 3)``, uint8.
            now_s: When it was captured, seconds.
        """
        candidate = self._judge(image)
        if candidate != self._candidate:
            self._candidate, self._since_s = candidate, now_s
        before = self.sight
        if candidate == "ok" or now_s - self._since_s >= _NOTICED_S:
            self.sight = candidate
        return self.sight != before

    def _judge(self, image: Image) -> Sight:
        digest = zlib.crc32(np.ascontiguousarray(image[:: _STEP_PX // 2, :: _STEP_PX // 2]).data)
        is_same, self._digest = digest == self._digest, digest
        sight = sight_of(image)
        return "frozen" if is_same and sight == "ok" else sight


def sight_of(image: Image) -> Sight:
    """Return whether one picture, ``(height, width, 3)`` uint8, is black or without contrast."""
    sample = image[::_STEP_PX, ::_STEP_PX]
    if sample.mean() <= _BLACK_MAX:
        return "black"
    return "covered" if sample.std() <= _COVERED_MAX else "ok"
