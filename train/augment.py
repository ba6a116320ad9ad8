"""Augment training crops, so that they look like pictures of a door camera.

Stored crops have a border, so that one affine transform turns, scales, shifts, mirrors and cuts.
All random numbers come from one generator per batch: the same seed gives the same pictures.
"""

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

import cv2
import numpy as np

from kiosk.contract import CROP_PX
from kiosk.records import Floats, Image
from train.dataset.crop_set import STORED_PX

Generator: TypeAlias = np.random.Generator
Changes: TypeAlias = Sequence[tuple[float, Callable[[Image, Generator], Image]]]
"""Changes of a crop, each with its probability."""

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
    crop = move(stored, rng)
    crop = relight(crop, rng)
    return apply(_CHANGES, crop, rng)


def apply(changes: Changes, crop: Image, rng: Generator) -> Image:
    """Make each change with its probability, in turn."""
    for probability, change in changes:
        if rng.random() < probability:
            crop = change(crop, rng)
    return crop


def move(
    stored: Image,
    rng: Generator,
    *,
    turn_deg: float = TURN_DEG,
    scale: float = SCALE,
    shift_px: float = SHIFT_PX,
) -> Image:
    """Turn, scale, shift and mirror a ``(128, 128, 3)`` crop; return ``(112, 112, 3)`` of it."""
    turn, zoom = rng.normal(0, turn_deg), 1.0 + rng.uniform(-scale, scale)
    middle = (STORED_PX - 1) / 2
    matrix = np.array(cv2.getRotationMatrix2D((middle, middle), turn, zoom), np.float64)
    matrix[:, 2] += (CROP_PX - STORED_PX) / 2 + rng.uniform(-shift_px, shift_px, 2)
    if rng.random() < 0.5:
        matrix[0] = -matrix[0]
        matrix[0, 2] += CROP_PX - 1
    size = (CROP_PX, CROP_PX)
    moved = cv2.warpAffine(
        stored, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    return np.asarray(moved, np.uint8)


def relight(crop: Image, rng: Generator) -> Image:
    """Change gamma, contrast, brightness and white balance with one table per channel."""
    ramp = np.linspace(0, 1, 256, dtype=np.float32) ** np.exp(rng.normal(0, 0.25))
    contrast, brightness = np.exp(rng.normal(0, 0.15)), rng.normal(0, 0.06)
    balance = np.exp(rng.normal(0, 0.06, 3))
    table = ((ramp[:, None] - 0.5) * contrast + 0.5 + brightness) * balance
    return np.asarray(cv2.LUT(crop, round_to_bytes(table * 255)[None]), np.uint8)


def grey(crop: Image, rng: Generator) -> Image:
    """Take the colour away."""
    del rng
    level = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.cvtColor(level, cv2.COLOR_GRAY2RGB), np.uint8)


def _lose_detail(crop: Image, rng: Generator) -> Image:
    """Reduce and enlarge the crop: a distant face has little detail."""
    side = round(float(np.exp(rng.uniform(*np.log(FAR_PX)))))
    small = cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (CROP_PX, CROP_PX), interpolation=cv2.INTER_LINEAR))


def blur(crop: Image, rng: Generator, sigma_px: tuple[float, float] = (0.5, 1.8)) -> Image:
    """Blur in all directions, as a lens out of focus does."""
    return np.asarray(cv2.GaussianBlur(crop, (0, 0), rng.uniform(*sigma_px)), np.uint8)


def motion_blur(crop: Image, rng: Generator, lengths_px: tuple[int, int] = (3, 8)) -> Image:
    """Blur along one line, as walking does; the second length is excluded."""
    length = int(rng.integers(*lengths_px))
    kernel = np.zeros((length, length), np.float32)
    angle = rng.uniform(0, np.pi)
    half = (length - 1) / 2
    tip = (round(half + half * np.cos(angle)), round(half + half * np.sin(angle)))
    tail = (length - 1 - tip[0], length - 1 - tip[1])
    cv2.line(kernel, tail, tip, 1.0)
    return np.asarray(cv2.filter2D(crop, -1, kernel / kernel.sum()), np.uint8)


def light_from_side(crop: Image, rng: Generator) -> Image:
    """Brighten one side and darken the other."""
    angle, depth = rng.uniform(0, 2 * np.pi), rng.uniform(0.2, 0.8)
    light = np.asarray(1.0 + depth * _ramp(CROP_PX, angle), np.float32)
    return round_to_bytes(crop * light[..., None])


def make_noisy(crop: Image, rng: Generator) -> Image:
    """Add the noise of a sensor in the dark to a crop of any size."""
    start = int(rng.integers(0, len(_NOISE) - crop.size))
    grain = _NOISE[start : start + crop.size].reshape(crop.shape)
    return round_to_bytes(crop + grain * np.float32(rng.uniform(2, 12)))


def compress(crop: Image, rng: Generator, qualities: tuple[int, int] = (15, 70)) -> Image:
    """Write the crop as JPEG and read it back."""
    quality = int(rng.integers(*qualities))
    _, data = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def occlude(crop: Image, rng: Generator) -> Image:
    """Cover a rectangle, as a hand, a scarf or a hat does."""
    height, width = (int(v) for v in rng.integers(12, 52, 2))
    top, left = int(rng.integers(0, CROP_PX - height)), int(rng.integers(0, CROP_PX - width))
    crop = crop.copy()
    crop[top : top + height, left : left + width] = rng.integers(0, 256, 3)
    return crop


def round_to_bytes(values: Floats) -> Image:
    """Round to bytes; truncation would darken the crop by half a level."""
    return np.rint(np.clip(values, 0, 255)).astype(np.uint8)


_CHANGES: Final[Changes] = (
    (0.15, grey),
    (0.10, blur),
    (0.10, motion_blur),
    (0.45, _lose_detail),
    (0.20, light_from_side),
    (0.15, make_noisy),
    (0.15, compress),
    (0.30, occlude),
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
    mask = soft_line(STORED_PX, float(angle), float(offset))
    return round_to_bytes(one * mask + other * (1 - mask))


def soft_line(side_px: int, angle: float, offset: float) -> Floats:
    """Return a ``(side, side, 1)`` mask: 0 on one side of a line, 1 on the other, soft between.

    Args:
        side_px: Side of the square.
        angle: Direction from 0 to 1, radians.
        offset: Of the line from the middle, in sides.
    """
    soft = np.clip((_ramp(side_px, angle) - offset) * 8 + 0.5, 0, 1)
    return np.asarray(soft, np.float32)[..., None]


def _ramp(side_px: int, angle: float) -> Floats:
    """Return a ``(side, side)`` plane that rises by 1 from side to side along ``angle``."""
    line = np.linspace(-0.5, 0.5, side_px, dtype=np.float32)
    return np.asarray(np.cos(angle) * line[None] + np.sin(angle) * line[:, None])
