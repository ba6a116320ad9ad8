"""Golden vectors: crops free of any rights, with the outputs that every machine must reproduce."""

from typing import Final

import numpy as np

from kiosk.contract import CROP_PX
from kiosk.records import Image

COUNT: Final = 4
"""Coloured crops; a black and a white one are added."""


def golden_crops() -> Image:
    """Draw crops of large random colour squares, then a black and a white crop.

    Returns:
        ``(6, 112, 112, 3)`` uint8 RGB, the same at every call.
    """
    rng = np.random.RandomState(112)  # the only generator whose output numpy promises to keep
    cells = rng.randint(0, 256, (COUNT, 8, 8, 3)).astype(np.uint8)
    side = CROP_PX // 8
    drawn = cells.repeat(side, axis=1).repeat(side, axis=2)
    edge = np.stack([np.zeros_like(drawn[0]), np.full_like(drawn[0], 255)])
    return np.concatenate([drawn, edge])
