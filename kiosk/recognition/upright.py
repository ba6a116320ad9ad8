"""Check that a face is upright in the picture: turned by at most about 40 degrees.

YuNet also finds faces that are upside down, and then returns landmarks as if they were upright. The
crop is wrong, and strangers get an enrolled person's name. Its score tells what the landmarks do
not: turned back to upright, the same face gets a higher score. So the face is scored as it is and
turned by each of :data:`ANGLES`, in one picture for one run of the detector.

Measured on 400 frames of walks (YouTube Faces) and 200 photos of LFW, at the turns at which the
detector finds them: 599 of 600 upright faces pass, 99 % at 10 degrees, 91 % at 20, 49 % at 30, 6 %
at 40, 2.6 % at 45, and 12 of 2,327 faces at 50 to 180 degrees.
"""

from pathlib import Path
from typing import Final

import cv2
import numpy as np

from kiosk.recognition.detect import Detector
from kiosk.records import Face, Floats, Image

ANGLES: Final = (0, 60, -60, 120, -120, 180)
"""Turns of the face, degrees anticlockwise; the first is the face as it is."""
UPSIDE_DOWN: Final = "upside down"
TURNED: Final = "turned by more than 40°"

_TILE_PX: Final = 64
"""Side of one turned face. 48 pixels let twice as many turned faces pass; 96 pixels cost twice the
time and are no better."""
_COLUMNS: Final = 3
_ROWS: Final = len(ANGLES) // _COLUMNS
_MARGIN: Final = 1.6
"""Side of a tile, in sides of the face's box."""
_SCORE_MIN: Final = 0.02
"""A turned face has a low score, and the scores are only compared."""
_CLEAR_MIN: Final = 0.15
"""A lower best score says nothing, and the face passes: 8 of 201 half-dark upright faces of Yale B,
which fill the photo, and 1 of 3,241 faces at 45 to 180 degrees."""


class UprightCheck:
    """Compares the detector's scores of a face as it is and turned.

    Args:
        weights: An ONNX file of YuNet; ``None`` uses the pinned weights.

    Raises:
        ModelError: The weights cannot be read as YuNet.
    """

    def __init__(self, weights: Path | None = None) -> None:
        # A detector of its own: OpenCV plans the network again when the picture's size changes.
        width_px = _COLUMNS * _TILE_PX
        self._detector = Detector(weights, width_px=width_px, score_min=_SCORE_MIN)

    def reject_reason(self, image: Image, face: Face) -> str:
        """Return why a face is rejected, or an empty text for an upright face.

        Args:
            image: ``(height, width, 3)`` uint8 BGR, in which the face was found.
            face: The face.

        Returns:
            Empty, :data:`UPSIDE_DOWN` or :data:`TURNED`.
        """
        scores = self.scores(image, face)
        best = ANGLES[int(np.argmax(scores))]
        if best == 0 or scores.max() < _CLEAR_MIN:
            return ""
        return UPSIDE_DOWN if best == 180 else TURNED

    def scores(self, image: Image, face: Face) -> Floats:
        """Score a face turned by each of :data:`ANGLES`; ``(6,)`` float32, 0 where none is found.

        Args:
            image: ``(height, width, 3)`` uint8 BGR, in which the face was found.
            face: The face.
        """
        scores = np.zeros(len(ANGLES), np.float32)
        for found in self._detector.find(_turned_tiles(image, face.box)):
            column, row = (found.box[:2] + found.box[2:] / 2) // _TILE_PX
            index = int(np.clip(row, 0, _ROWS - 1)) * _COLUMNS
            index += int(np.clip(column, 0, _COLUMNS - 1))
            scores[index] = max(scores[index], found.score)
        return scores


def _turned_tiles(image: Image, box: Floats) -> Image:
    """Draw the face turned by each angle, side by side; ``(128, 192, 3)`` uint8 BGR."""
    middle = np.asarray(box[:2] + box[2:] / 2, np.float32)
    part, centre, side = _shrink(image, middle, _MARGIN * float(box[2:].max()))
    tiles = [_turned_tile(part, centre, side, angle) for angle in ANGLES]
    rows = (np.hstack(tiles[at : at + _COLUMNS]) for at in range(0, len(tiles), _COLUMNS))
    return np.vstack([*rows])


def _shrink(image: Image, centre: Floats, side: float) -> tuple[Image, Floats, float]:
    """Shrink the surroundings of a large face, whose pixels would be skipped otherwise.

    Args:
        image: ``(height, width, 3)`` uint8 BGR.
        centre: ``(2,)`` middle of the face.
        side: Side of its square.

    Returns:
        A picture of the surroundings, and middle and side in that picture.
    """
    step = int(side // (2 * _TILE_PX))
    if step < 2:
        return image, centre, side
    reach = 0.75 * side  # more than half the diagonal of the square, which turns
    last = np.array(image.shape[1::-1]) - 1
    left, top = np.clip(centre - reach, 0, last).astype(int)
    right, bottom = np.maximum(centre + reach, 1).astype(int)
    part = image[top:bottom, left:right]
    height, width = (max(1, size // step) for size in part.shape[:2])
    # A shrink by a whole number is several times as fast as one by a fraction.
    part = part[: height * step, : width * step]
    small = cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA)
    moved = np.asarray((centre - (left, top)) / step, np.float32)
    return np.asarray(small, np.uint8), moved, side / step


def _turned_tile(image: Image, centre: Floats, side: float, angle: int) -> Image:
    """Cut the square of a face and turn it; ``(64, 64, 3)`` uint8 BGR."""
    x, y = (float(value) for value in centre)
    matrix = cv2.getRotationMatrix2D((x, y), angle, _TILE_PX / side)
    matrix[:, 2] += np.array([_TILE_PX / 2 - x, _TILE_PX / 2 - y])
    size = (_TILE_PX, _TILE_PX)
    tile = cv2.warpAffine(
        image, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(tile, np.uint8)
