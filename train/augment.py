"""Augment training crops, so that they look like pictures of a door camera.

Stored crops have a border, so that one affine transform turns, scales, shifts, mirrors and cuts.
All random numbers come from one generator per batch: the same seed gives the same pictures.
"""

from typing import Final, TypeAlias

import cv2
import numpy as np

from kiosk.contract import CROP_PX
from kiosk.records import Floats, Image
from train.dataset.crop_set import STORED_PX

Generator: TypeAlias = np.random.Generator

TURN_DEG: Final = 6.0
"""Standard deviation of the turn; landmarks of a small face have about this error."""
SHIFT_PX: Final = 5.0
SCALE: Final = 0.08
FAR_PX: Final = (20, 90)
"""Size of a face's crop before enlargement: at least 6 pixels between the eyes."""
_NOISE: Final = np.random.default_rng(7).normal(size=(1 << 20,)).astype(np.float32)
"""Computed once: new normal deviates for each pixel cost more than all other changes."""


def augment(stored: Image, rng: Generator) -> Image:
    """Augment one stored crop.

    Args:
        stored: ``(128, 128, 3)`` uint8 RGB.
        rng: The source of random numbers.

    Returns:
        ``(112, 112, 3)`` uint8 RGB.
    """
    crop = _move(stored, rng)
    crop = _relight(crop, rng)
    for probability, change in _CHANGES:
        if rng.random() < probability:
            crop = change(crop, rng)
    return crop


def _move(stored: Image, rng: Generator) -> Image:
    turn, zoom = rng.normal(0, TURN_DEG), 1.0 + rng.uniform(-SCALE, SCALE)
    middle = (STORED_PX - 1) / 2
    matrix = np.array(cv2.getRotationMatrix2D((middle, middle), turn, zoom), np.float64)
    matrix[:, 2] += (CROP_PX - STORED_PX) / 2 + rng.uniform(-SHIFT_PX, SHIFT_PX, 2)
    if rng.random() < 0.5:
        matrix[0] = -matrix[0]
        matrix[0, 2] += CROP_PX - 1
    size = (CROP_PX, CROP_PX)
    moved = cv2.warpAffine(
        stored, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    return np.asarray(moved, np.uint8)


def _relight(crop: Image, rng: Generator) -> Image:
    """Change gamma, contrast, brightness and white balance with one table per channel."""
    ramp = np.linspace(0, 1, 256, dtype=np.float32) ** np.exp(rng.normal(0, 0.25))
    contrast, brightness = np.exp(rng.normal(0, 0.15)), rng.normal(0, 0.06)
    balance = np.exp(rng.normal(0, 0.06, 3))
    table = ((ramp[:, None] - 0.5) * contrast + 0.5 + brightness) * balance
    return np.asarray(cv2.LUT(crop, _round(table * 255)[None]), np.uint8)


def _grey(crop: Image, rng: Generator) -> Image:
    del rng
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB), np.uint8)


def _lose_detail(crop: Image, rng: Generator) -> Image:
    """Reduce and enlarge the crop: a distant face has little detail."""
    side = round(float(np.exp(rng.uniform(*np.log(FAR_PX)))))
    small = cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (CROP_PX, CROP_PX), interpolation=cv2.INTER_LINEAR))


def _blur(crop: Image, rng: Generator) -> Image:
    return np.asarray(cv2.GaussianBlur(crop, (0, 0), rng.uniform(0.5, 1.8)), np.uint8)


def _motion_blur(crop: Image, rng: Generator) -> Image:
    """Blur along one line, as walking does."""
    length = int(rng.integers(3, 8))
    kernel = np.zeros((length, length), np.float32)
    angle = rng.uniform(0, np.pi)
    half = (length - 1) / 2
    tip = (round(half + half * np.cos(angle)), round(half + half * np.sin(angle)))
    tail = (length - 1 - tip[0], length - 1 - tip[1])
    cv2.line(kernel, tail, tip, 1.0)
    return np.asarray(cv2.filter2D(crop, -1, kernel / kernel.sum()), np.uint8)


def _light_from_side(crop: Image, rng: Generator) -> Image:
    """Brighten one side and darken the other."""
    angle, depth = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 0.8)
    line = np.linspace(-0.5, 0.5, CROP_PX, dtype=np.float32)
    slope = np.cos(angle) * line[None] + np.sin(angle) * line[:, None]
    light = np.asarray(1.0 + depth * slope, np.float32)
    return _round(crop * light[..., None])


def _noise(crop: Image, rng: Generator) -> Image:
    start = int(rng.integers(0, len(_NOISE) - crop.size))
    grain = _NOISE[start : start + crop.size].reshape(crop.shape)
    return _round(crop + grain * np.float32(rng.uniform(2, 12)))


def _compress(crop: Image, rng: Generator) -> Image:
    quality = int(rng.integers(15, 70))
    _, data = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def _occlude(crop: Image, rng: Generator) -> Image:
    """Cover a rectangle, as a hand, a scarf or a hat does."""
    height, width = (int(v) for v in rng.integers(12, 52, 2))
    top, left = int(rng.integers(0, CROP_PX - height)), int(rng.integers(0, CROP_PX - width))
    crop = crop.copy()
    crop[top : top + height, left : left + width] = rng.integers(0, 256, 3)
    return crop


def _round(values: Floats) -> Image:
    """Round to bytes; truncation would darken the crop by half a level."""
    return np.rint(np.clip(values, 0, 255)).astype(np.uint8)


_CHANGES: Final = (
    (0.15, _grey),
    (0.10, _blur),
    (0.10, _motion_blur),
    (0.45, _lose_detail),
    (0.20, _light_from_side),
    (0.15, _noise),
    (0.15, _compress),
    (0.30, _occlude),
)
"""Probability of each change, in the order in which they happen from the face to the file."""


def blend(one: Image, other: Image, rng: Generator) -> Image:
    """Blend two faces to a face of no real person, one more example for the distillation.

    Half of the blends mix all pixels, half join the two faces along a soft line.

    Args:
        one: ``(128, 128, 3)`` uint8 RGB.
        other: ``(128, 128, 3)`` uint8 RGB.
        rng: The source of random numbers.
    """
    if rng.random() < 0.5:
        share = float(rng.uniform(0.3, 0.7))
        return np.asarray(cv2.addWeighted(one, share, other, 1 - share, 0), np.uint8)
    angle, offset = rng.uniform(0, 2 * np.pi), rng.uniform(-0.15, 0.15)
    line = np.linspace(-0.5, 0.5, STORED_PX, dtype=np.float32)
    slope = np.cos(angle) * line[None] + np.sin(angle) * line[:, None]
    mask = np.asarray(np.clip((slope - offset) * 8 + 0.5, 0, 1), np.float32)[..., None]
    return _round(one * mask + other * (1 - mask))
