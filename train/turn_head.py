"""Turn the head of an aligned face a little, as if a person looked past the camera.

The face is taken for an ellipsoid with a nose: each point moves by its depth. Then the picture is
aligned again by the five landmarks, as the kiosk aligns a turned face.
"""

from typing import Final

import cv2
import numpy as np

from kiosk.records import Floats, Image
from train.augment import Generator
from train.dataset.crop_set import STORED_PX

YAW_DEG: Final = 16.0
PITCH_DEG: Final = 8.0
"""Standard deviations of the two turns."""
_MAX_DEG: Final = 35.0
_CENTRE: Final = (64.0, 78.0)
_RADII: Final = (52.0, 64.0)
_DEPTH_PX: Final = 44.0
_NOSE_PX: Final = 12.0
_LANDMARKS: Final = np.array(
    [(46.29, 59.70), (81.53, 59.50), (64.03, 79.74), (49.55, 100.37), (78.73, 100.20)], np.float32
)
"""Eyes, nose and corners of the mouth of a stored crop."""
_SIDE: Final = 33
"""Side of the grid on which the shift is computed; between its points it is interpolated."""
_AXIS: Final = np.linspace(0, STORED_PX - 1, _SIDE, dtype=np.float32)
_GRID: Final = np.stack(np.meshgrid(_AXIS, _AXIS), axis=-1).reshape(-1, 2)
_Y, _X = np.mgrid[0:STORED_PX, 0:STORED_PX].astype(np.float32)


def turn_head(stored: Image, rng: Generator) -> Image:
    """Turn the head of one ``(128, 128, 3)`` uint8 RGB stored crop."""
    turns = rng.normal(0, (YAW_DEG, PITCH_DEG))
    yaw, pitch = np.deg2rad(np.clip(turns, -_MAX_DEG, _MAX_DEG))
    factor, shift = _align(_turn(_LANDMARKS, yaw, pitch))
    turned = ((_GRID[:, 0] + 1j * _GRID[:, 1]) - shift) / factor
    seen = _turn_back(np.stack([turned.real, turned.imag], axis=-1), yaw, pitch)
    field = cv2.resize(
        np.asarray((seen - _GRID).reshape(_SIDE, _SIDE, 2), np.float32),
        None, fx=4, fy=4, interpolation=cv2.INTER_LINEAR,
    )[2 : 2 + STORED_PX, 2 : 2 + STORED_PX]  # fmt: skip
    out = cv2.remap(
        stored, _X + field[..., 0], _Y + field[..., 1], cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT_101,
    )  # fmt: skip
    return np.asarray(out, np.uint8)


def _depth(points: Floats) -> Floats:
    """Depth of ``(n, 2)`` points of the face, towards the camera, pixels."""
    offset = (points - _CENTRE) / _RADII
    face = _DEPTH_PX * np.sqrt(np.clip(1 - (offset**2).sum(axis=1), 0, 1))
    nose = ((points - _LANDMARKS[2]) / (7.0, 10.0)) ** 2
    return np.asarray(face + _NOSE_PX * np.exp(-nose.sum(axis=1) / 2), np.float32)


def _turn(points: Floats, yaw: float, pitch: float) -> Floats:
    away = np.array([np.sin(yaw), np.sin(pitch)])
    near = np.array([np.cos(yaw), np.cos(pitch)])
    return np.asarray((points - _CENTRE) * near + _depth(points)[:, None] * away + _CENTRE)


def _turn_back(points: Floats, yaw: float, pitch: float) -> Floats:
    """Return where the points of the turned face were, by three steps of a fixed-point search."""
    away = np.array([np.sin(yaw), np.sin(pitch)])
    near = np.array([np.cos(yaw), np.cos(pitch)])
    found = points
    for _ in range(3):
        found = (points - _CENTRE - _depth(found)[:, None] * away) / near + _CENTRE
    return np.asarray(found)


def _align(points: Floats) -> tuple[complex, complex]:
    """Fit the turn, scale and shift that bring landmarks back: ``factor * point + shift``."""
    own, wanted = points @ (1, 1j), _LANDMARKS @ (1, 1j)
    centred = own - own.mean()
    factor = np.vdot(centred, wanted - wanted.mean()) / np.vdot(centred, centred).real
    return complex(factor), complex(wanted.mean() - factor * own.mean())
