"""Turn and mirror the pictures of a camera that is not mounted upright."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

import cv2
import numpy as np

from kiosk.records import Image

Rotation: TypeAlias = Literal[0, 90, 180, 270]

_CV2_ROTATIONS: Final = MappingProxyType(
    {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
)


@dataclass(frozen=True, slots=True)
class Orientation:
    """How to turn the pictures of a camera upright.

    Attributes:
        rotation: Degrees by which a picture is turned clockwise.
        mirror: Swap left and right, after the rotation.
    """

    rotation: Rotation = 0
    mirror: bool = False

    def apply(self, image: Image) -> Image:
        """Return a picture upright; ``(height, width, 3)`` uint8 BGR, in and out.

        90 and 270 degrees swap height and width.
        """
        if self.rotation:
            image = np.asarray(cv2.rotate(image, _CV2_ROTATIONS[self.rotation]), np.uint8)
        return np.asarray(cv2.flip(image, 1), np.uint8) if self.mirror else image


AS_CAPTURED: Final = Orientation()
"""Leaves pictures as they are."""
