"""A drawn face, of nobody, which the detector takes for one.

For the benchmark on a kiosk, where the sample photos are not installed: it needs faces to detect,
to align and to embed, and not whom they show.
"""

from typing import Final

import cv2
import numpy as np

from kiosk.records import Image

_WIDTH: Final = 92
_HEIGHT: Final = 112
"""The size of a photo of the ORL set, pixels."""
_FINE: Final = 4
"""The face is drawn larger, and scaled down."""
_HAIR: Final = (40, 45, 60)
_SKIN: Final = (150, 180, 222)
_SHADE: Final = (125, 155, 200)
_DARK: Final = (60, 60, 110)
_WHITE: Final = (236, 236, 240)
_BLACK: Final = (12, 12, 12)


def draw_face(seed: int) -> Image:
    """Draw a face; ``(112, 92, 3)`` uint8 BGR, the same for the same seed but for its noise."""
    image = np.full((_HEIGHT * _FINE, _WIDTH * _FINE, 3), 90, np.uint8)
    _ellipse(image, 0.5, 0.46, 0.42, 0.46, _HAIR)
    _ellipse(image, 0.5, 0.95, 0.22, 0.2, _SHADE)
    _ellipse(image, 0.5, 0.53, 0.36, 0.42, _SKIN)
    _ellipse(image, 0.5, 0.16, 0.36, 0.13, _HAIR)
    for x in (0.35, 0.65):
        _draw_eye(image, x)
    _ellipse(image, 0.48, 0.58, 0.025, 0.09, _SHADE)
    for x in (0.465, 0.535):
        _ellipse(image, x, 0.645, 0.016, 0.012, _DARK)
    _ellipse(image, 0.5, 0.765, 0.13, 0.035, (110, 110, 190))
    _ellipse(image, 0.5, 0.763, 0.13, 0.006, _DARK)
    return _as_a_camera_sees(image, seed)


def _draw_eye(image: Image, x: float) -> None:
    _ellipse(image, x, 0.38, 0.1, 0.018, _HAIR)
    _ellipse(image, x, 0.455, 0.095, 0.045, _DARK)
    _ellipse(image, x, 0.46, 0.085, 0.038, _WHITE)
    _ellipse(image, x, 0.46, 0.036, 0.03, (50, 60, 80))
    _ellipse(image, x, 0.46, 0.018, 0.015, _BLACK)


def _ellipse(
    image: Image, x: float, y: float, across: float, down: float, colour: tuple[int, int, int]
) -> None:
    """Draw a filled ellipse; centre and half axes are shares of width and height."""
    height, width = image.shape[:2]
    centre = (round(x * width), round(y * height))
    axes = (round(across * width), round(down * height))
    cv2.ellipse(image, centre, axes, 0, 0, 360, colour, -1, cv2.LINE_AA)


def _as_a_camera_sees(image: Image, seed: int) -> Image:
    """Light the face from one side, soften it, scale it down and add noise."""
    height, width = image.shape[:2]
    light = (
        np.linspace(1.12, 0.8, width)[None, :, None] * np.linspace(1.08, 0.9, height)[:, None, None]
    )
    lit = np.clip(image * light, 0, 255).astype(np.uint8)
    small = cv2.resize(
        cv2.GaussianBlur(lit, (0, 0), 3), (_WIDTH, _HEIGHT), interpolation=cv2.INTER_AREA
    )
    noise = np.random.default_rng(seed).integers(-6, 7, small.shape)
    return np.asarray(np.clip(small.astype(np.int16) + noise, 0, 255), np.uint8)
