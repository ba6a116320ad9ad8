"""Check whether a face is good enough to use, and compute its weight in the mean of its track.

A face beyond a limit has weight 0; otherwise the weight is a product of factors above 0 to 1.
ISO/IEC 29794-5 names the same properties; the limits are configuration.
"""

from typing import Final, Protocol

import cv2
import numpy as np

from kiosk.records import Face, Floats, Image, Quality

GOOD_EYE_DISTANCE_PX: Final = 40.0
"""More pixels than this do not help: the eyes of a crop are 35 pixels apart."""
GOOD_SHARPNESS: Final = 120.0
"""Variance of the Laplacian from which sharpness takes no weight away."""


class QualityLimits(Protocol):
    """The limits of :class:`kiosk.config.keys.QualitySection`."""

    @property
    def eye_distance_min_px(self) -> float:
        """Least distance between the eyes in the frame, pixels."""

    @property
    def sharpness_min(self) -> float:
        """Least variance of the crop's Laplacian."""

    @property
    def brightness_min(self) -> float:
        """Least mean grey value of the crop, 0 to 255."""

    @property
    def brightness_max(self) -> float:
        """Largest mean grey value of the crop, 0 to 255."""

    @property
    def turn_max(self) -> float:
        """Largest turn away from the camera, 0 (frontal) to 1 (profile)."""


def check_quality(face: Face, crop: Image, limits: QualityLimits) -> Quality:
    """Check one face against the limits, and compute its weight.

    Args:
        face: The face in the frame.
        crop: Its crop, ``(112, 112, 3)`` uint8 RGB.
        limits: The limits.
    """
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    distance = eye_distance(face.landmarks)
    sharpness = float(cv2.Laplacian(grey, cv2.CV_64F).var())
    brightness = float(grey.mean())
    turned = turn(face.landmarks)
    for is_beyond, reason in (
        (distance < limits.eye_distance_min_px, "too small"),
        (turned > limits.turn_max, "turned away"),
        (brightness < limits.brightness_min, "too dark"),
        (brightness > limits.brightness_max, "too bright"),
        (sharpness < limits.sharpness_min, "blurred"),
    ):
        if is_beyond:
            return Quality(0.0, reason)
    weight = (
        min(1.0, distance / GOOD_EYE_DISTANCE_PX)
        * min(1.0, 0.5 + 0.5 * sharpness / GOOD_SHARPNESS)
        * (1.0 - 0.5 * turned)
        * min(1.0, face.score)
    )
    return Quality(float(np.clip(weight, 0.01, 1.0)))


def eye_distance(landmarks: Floats) -> float:
    """Compute the distance between the eyes, pixels of the frame."""
    return float(np.hypot(*(landmarks[1] - landmarks[0])))


def turn(landmarks: Floats) -> float:
    """Estimate how far a head is turned sideways, from the position of the nose between the eyes.

    Returns:
        0 with the nose in the middle, 1 with the nose above or beyond an eye.
    """
    right, left, nose = landmarks[:3]
    axis = left - right
    length = float(np.dot(axis, axis))
    if length < 1e-6:
        return 1.0
    along = float(np.dot(nose - right, axis)) / length
    return float(np.clip(abs(along - 0.5) * 2.0, 0.0, 1.0))
