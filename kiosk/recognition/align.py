"""Cut the aligned crop of :mod:`kiosk.contract` out of a frame."""

import math
from typing import Final

import cv2
import numpy as np

from kiosk.contract import CROP_PX, TEMPLATE
from kiosk.records import Floats, Image

_CUBIC_FROM: Final = 2.0
"""From this enlargement on, pixels are interpolated by cubics, which keep more of a small face than
straight lines do (``train/README.md`` has the figures). Below it the two are equal."""


def similarity(landmarks: Floats, template: Floats = TEMPLATE) -> Floats:
    """Compute the similarity transform (rotation, scale, shift) of landmarks to the template.

    The least-squares solution of Umeyama (1991), without reflection; in the plane it has a closed
    form in complex numbers.

    Args:
        landmarks: ``(5, 2)`` frame pixels.
        template: ``(5, 2)`` crop pixels.

    Returns:
        ``(2, 3)`` float32, for :func:`cv2.warpAffine`.

    Raises:
        ValueError: The landmarks coincide or are not finite.
    """
    if not np.isfinite(landmarks).all() or np.ptp(landmarks, axis=0).max() < 1e-3:
        raise ValueError("landmarks must be five finite points that do not coincide")
    source = landmarks[:, 0].astype(np.complex128) + 1j * landmarks[:, 1]
    target = template[:, 0].astype(np.complex128) + 1j * template[:, 1]
    centred = source - source.mean()
    spread = np.sum(np.abs(centred) ** 2)
    turn = complex(np.sum(np.conj(centred) * (target - target.mean())) / spread)
    shift = complex(target.mean() - turn * source.mean())
    return np.array(
        [[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]],
        dtype=np.float32,
    )


def interpolation(enlargement: float) -> int:
    """Choose how pixels are interpolated when a face is enlarged by a factor; OpenCV's constant."""
    return cv2.INTER_CUBIC if enlargement >= _CUBIC_FROM else cv2.INTER_LINEAR


def align(image: Image, landmarks: Floats, *, border_px: int = 0) -> Image:
    """Cut the aligned crop of one face out of a picture.

    Args:
        image: ``(height, width, 3)`` uint8 BGR.
        landmarks: ``(5, 2)`` float32 pixels of that picture.
        border_px: Extra pixels on every side (training augments before it cuts).

    Returns:
        ``(112 + 2 * border_px, 112 + 2 * border_px, 3)`` uint8 RGB, contiguous. The
        picture is mirrored at its edges.

    Raises:
        ValueError: The landmarks coincide or are not finite.
    """
    side = CROP_PX + 2 * border_px
    matrix = similarity(landmarks)
    matrix[:, 2] += border_px
    how = interpolation(math.hypot(matrix[0, 0], matrix[1, 0]))
    crop = cv2.warpAffine(image, matrix, (side, side), flags=how, borderMode=cv2.BORDER_REFLECT_101)
    return np.ascontiguousarray(cv2.cvtColor(crop, cv2.COLOR_BGR2RGB), dtype=np.uint8)
