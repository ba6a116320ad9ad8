"""Make a clean crop look as a bad camera may see it: far, dark, blurred, smeared or half hidden.

This is what SFace is fine-tuned against. It is stronger than :mod:`train.augment`, which a network
that starts from nothing is trained with: two thirds of the faces are far away, noise and
compression hit the small picture, as in a camera, and it is mostly enlarged as the kiosk does it.
"""

from functools import partial
from typing import Final

import cv2
import numpy as np

from kiosk.contract import CROP_PX
from kiosk.recognition.align import interpolation
from kiosk.records import Image
from train.augment import (
    Changes,
    Generator,
    apply,
    blur,
    compress,
    grey,
    light_from_side,
    make_noisy,
    motion_blur,
    move,
    occlude,
    relight,
    round_to_bytes,
)
from train.turn_head import turn_head

CLEAN: Final = 0.1
"""Share of the crops that are only moved."""
FAR: Final = 2 / 3
FAR_PX: Final = (16, 80)
"""Width of a far face's crop, before it is enlarged again."""
_AS_THE_KIOSK: Final = 0.85
"""Share of the crops that are enlarged as the kiosk enlarges them; the others are not."""
_DARK: Final = (0.2, 0.7)


def _darken(crop: Image, rng: Generator) -> Image:
    return round_to_bytes(crop * np.float32(rng.uniform(*_DARK)))


_BEFORE_THE_LENS: Final[Changes] = (
    (0.15, grey),
    (0.70, relight),
    (0.20, _darken),
    (0.20, light_from_side),
    (0.20, occlude),
    (0.15, partial(blur, sigma_px=(0.6, 2.5))),
    (0.20, partial(motion_blur, lengths_px=(3, 13))),
)
_IN_THE_CAMERA: Final[Changes] = (
    (0.25, make_noisy),
    (0.25, partial(compress, qualities=(25, 85))),
)
"""Probability of each change, in the order in which they happen from the face to the file."""


def degrade(stored: Image, rng: Generator, *, turned: float = 0.0) -> tuple[Image, Image]:
    """Make one stored crop worse.

    Args:
        stored: ``(128, 128, 3)`` uint8 RGB.
        rng: The source of random numbers.
        turned: Share of the heads that are turned first.

    Returns:
        Two pictures of the same pose and place, ``(112, 112, 3)`` uint8 RGB: as a good camera sees
        the face, and as a bad one may.
    """
    if rng.random() < turned:
        stored = turn_head(stored, rng)
    good = move(stored, rng, turn_deg=4.0, scale=0.06, shift_px=3.0)
    if rng.random() < CLEAN:
        return good, good
    crop = apply(_BEFORE_THE_LENS, good, rng)
    side = CROP_PX
    if rng.random() < FAR:
        side = round(float(np.exp(rng.uniform(*np.log(FAR_PX)))))
    crop = _resize(crop, side, cv2.INTER_AREA if rng.random() < 0.75 else cv2.INTER_LINEAR)
    crop = apply(_IN_THE_CAMERA, crop, rng)
    way = interpolation(CROP_PX / side)
    if rng.random() > _AS_THE_KIOSK:
        way = cv2.INTER_LINEAR if way == cv2.INTER_CUBIC else cv2.INTER_CUBIC
    return good, _resize(crop, CROP_PX, way)


def _resize(crop: Image, side_px: int, interpolation: int) -> Image:
    size = (side_px, side_px)
    return np.asarray(cv2.resize(crop, size, interpolation=interpolation), np.uint8)
