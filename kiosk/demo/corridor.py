"""Draw the corridor of the sample walk with OpenCV; no photograph is needed.

Lengths are pixels of a 640 by 480 picture. The camera is at head height, so heads stay near the
horizon while people approach.
"""

from typing import Final, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from kiosk.records import Image

WIDTH_PX: Final = 640
HEIGHT_PX: Final = 480
HORIZON: Final = (320, 190)
"""The vanishing point of the corridor, ``(x, y)``."""

Colour: TypeAlias = tuple[int, int, int]

_WALL: Final = (168, 172, 176)
_END_WALL: Final = (155, 158, 162)
_FLOOR: Final = (112, 116, 120)
_CEILING: Final = (206, 208, 210)
_LINE: Final = (92, 96, 100)
_DOOR: Final = (96, 112, 132)
_TROUSERS: Final = (56, 52, 50)
_NECK: Final = (118, 118, 118)
_COAT: Final = [
    *[(0.3, 0.1), (0.62, 0.2), (0.86, 0.3), (1.0, 0.5), (1.1, 1.0)],
    *[(1.14, 2.2), (1.08, 2.36), (0.84, 2.36), (0.8, 3.1)],
]
_HEAD_WIDTH_PX: Final = 66  # in a face photo at scale 1, cheek to cheek
_HEAD_HEIGHT_PX: Final = 96


def draw_corridor() -> Image:
    """Draw the empty corridor.

    Returns:
        ``(480, 640, 3)`` uint8 BGR.
    """
    image = np.full((HEIGHT_PX, WIDTH_PX, 3), _FLOOR, np.uint8)
    _tiles(image)
    outer = [(0, 0), (WIDTH_PX, 0), (WIDTH_PX, HEIGHT_PX), (0, HEIGHT_PX)]
    inner = [(250, 120), (390, 120), (390, 270), (250, 270)]
    _fill(image, [outer[0], outer[1], inner[1], inner[0]], _CEILING)
    _fill(image, [outer[0], inner[0], inner[3], outer[3]], _WALL)
    _fill(image, [outer[1], inner[1], inner[2], outer[2]], _WALL)
    _fill(image, inner, _END_WALL)
    _lamps(image)
    _door(image)
    for near, far in zip(outer, inner, strict=True):
        cv2.line(image, near, far, _LINE, 1, cv2.LINE_AA)
    return np.asarray(cv2.GaussianBlur(image, (3, 3), 0), np.uint8)


def draw_person(
    image: Image, photo: Image, *, centre: tuple[float, float], scale: float, coat: Colour
) -> None:
    """Draw a walking person into a picture.

    Args:
        image: ``(480, 640, 3)`` uint8 BGR; changed in place.
        photo: ``(112, 92, 3)`` uint8 BGR, the face.
        centre: Position of the centre of the photo, pixels.
        scale: Scale of the photo in the picture; 1 is the original size.
        coat: Colour of the clothes, BGR.
    """
    _draw_body(image, centre, scale, coat)
    height, width = photo.shape[:2]
    matrix = np.array(
        [
            [scale, 0, centre[0] - scale * width / 2],
            [0, scale, centre[1] - scale * height / 2],
        ]
    )
    size = (WIDTH_PX, HEIGHT_PX)
    face = cv2.warpAffine(photo, matrix, size, flags=cv2.INTER_LINEAR)
    mask = cv2.warpAffine(_oval(width, height), matrix, size, flags=cv2.INTER_LINEAR)[..., None]
    image[:] = (face * mask + image * (1 - mask)).astype(np.uint8)


def _draw_body(image: Image, centre: tuple[float, float], scale: float, coat: Colour) -> None:
    """Draw legs, neck and coat below a head; lengths are in head widths and heights."""
    x, chin = centre[0], centre[1] + 0.42 * _HEAD_HEIGHT_PX * scale
    w, h = _HEAD_WIDTH_PX * scale, _HEAD_HEIGHT_PX * scale

    def both_sides(colour: Colour, half: list[tuple[float, float]]) -> None:
        outline = half + [(-across, down) for across, down in reversed(half)]
        _fill(image, [(x + across * w, chin + down * h) for across, down in outline], colour)

    both_sides(_TROUSERS, [(0.62, 3.0), (0.46, 5.4), (0.14, 5.4), (0.06, 3.3)])
    both_sides(_NECK, [(0.3, -0.3), (0.34, 0.3)])
    both_sides(coat, _COAT)
    for side in (-1, 1):
        start, end = (x + side * 0.8 * w, chin + 0.9 * h), (x + side * 0.84 * w, chin + 2.3 * h)
        dark = tuple(round(0.75 * c) for c in coat)
        cv2.line(image, _pixel(start), _pixel(end), dark, max(1, round(scale)), cv2.LINE_AA)


def _oval(width: int, height: int) -> npt.NDArray[np.float32]:
    """Return a mask with a soft edge around the head of a photo, ``(height, width)``, 0 to 1."""
    mask = np.zeros((height, width), np.float32)
    axes = (round(width * 0.43), round(height * 0.46))
    cv2.ellipse(mask, (width // 2, height // 2), axes, 0, 0, 360, 1.0, -1, cv2.LINE_8)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), 3.0), np.float32)


def _lamps(image: Image) -> None:
    """Draw lamps along the ceiling."""
    for near, far in ((0.0, 0.22), (0.5, 0.6), (0.78, 0.83)):
        left, right = _between((250, 0), (306, 120), near), _between((250, 0), (306, 120), far)
        mirror = [(WIDTH_PX - p[0], p[1]) for p in (right, left)]
        _fill(image, [left, right, *mirror], (244, 246, 246))


def _tiles(image: Image) -> None:
    """Draw the lines between floor tiles: towards the horizon and across."""
    for x in range(-640, 1281, 160):
        cv2.line(image, (x, HEIGHT_PX), HORIZON, _LINE, 1, cv2.LINE_AA)
    for depth in (1.0, 1.3, 1.75, 2.5):
        y = round(HORIZON[1] + (HEIGHT_PX - HORIZON[1]) / depth)
        cv2.line(image, (0, y), (WIDTH_PX, y), _LINE, 1, cv2.LINE_AA)


def _door(image: Image) -> None:
    """Draw a door with a window in the far wall."""
    _fill(image, [(290, 150), (350, 150), (350, 270), (290, 270)], _DOOR)
    _fill(image, [(298, 160), (342, 160), (342, 200), (298, 200)], (190, 196, 198))
    cv2.circle(image, (344, 216), 2, (60, 60, 60), -1, cv2.LINE_AA)


def _between(near: tuple[int, int], far: tuple[int, int], share: float) -> tuple[int, int]:
    return _pixel(
        (near[0] + share * (far[0] - near[0]), near[1] + share * (far[1] - near[1])),
    )


def _fill(image: Image, points: object, colour: Colour) -> None:
    corners = np.asarray(points, np.float64).round().astype(np.int32)
    cv2.fillPoly(image, [corners], colour, cv2.LINE_AA)


def _pixel(point: tuple[float, float]) -> tuple[int, int]:
    return (round(point[0]), round(point[1]))
