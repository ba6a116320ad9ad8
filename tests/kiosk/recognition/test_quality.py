"""Which faces may vote, and the weight of their votes."""

from typing import Any

import cv2
import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.config.keys import QualitySection
from kiosk.recognition.quality import check_quality, eye_distance, turn
from kiosk.records import Face, Floats, Image
from tests.support_recognition import face

LIMITS = QualitySection()
LANDMARKS = face(0, 0, 112).landmarks


def crop(mean: float = 128, contrast: float = 40, blur_px: float = 0) -> Image:
    """Noise of a mean and contrast, optionally blurred."""
    noise = np.random.default_rng(5).normal(0, contrast, (112, 112, 3))
    if blur_px:
        noise = np.asarray(cv2.GaussianBlur(noise, (0, 0), blur_px), np.float64)
    return np.clip(mean + noise, 0, 255).astype(np.uint8)


def turned(share: float) -> Floats:
    """Landmarks with the nose moved from the middle towards one of the eyes."""
    landmarks = LANDMARKS.copy()
    landmarks[2, 0] += share / 2 * eye_distance(landmarks)
    return landmarks


def with_landmarks(landmarks: Floats) -> Face:
    one = face(0, 0, 112)
    return Face(one.box, landmarks, one.score)


def test_a_good_face_has_nearly_full_weight() -> None:
    """A frontal, sharp, well lit face near the camera has no reason against it."""
    quality = check_quality(face(0, 0, 150, score=1.0), crop(), LIMITS)
    assert quality.reason == ""
    assert quality.weight > 0.9


@pytest.mark.parametrize(
    ("one", "picture", "reason"),
    [
        (face(0, 0, 44), crop(), "too small"),
        (with_landmarks(turned(0.7)), crop(), "turned away"),
        (with_landmarks(turned(-0.7)), crop(), "turned away"),
        (face(0, 0, 112), crop(mean=10, contrast=5), "too dark"),
        (face(0, 0, 112), crop(mean=252, contrast=5), "too bright"),
        (face(0, 0, 112), crop(blur_px=6), "blurred"),
        (face(0, 0, 112), np.full((112, 112, 3), 128, np.uint8), "blurred"),
    ],
)
def test_a_face_beyond_a_limit_does_not_vote(one: Face, picture: Image, reason: str) -> None:
    """A face beyond any one limit has weight 0 and the reason."""
    quality = check_quality(one, picture, LIMITS)
    assert (quality.weight, quality.reason) == (0.0, reason)


@pytest.mark.parametrize(
    ("limit", "value", "one", "picture"),
    [
        ("eye_distance_min_px", 10.0, face(0, 0, 44), crop()),
        ("turn_max", 0.8, with_landmarks(turned(0.7)), crop()),
        ("brightness_min", 5.0, face(0, 0, 112), crop(mean=20, contrast=10)),
        ("brightness_max", 255.0, face(0, 0, 112), crop(mean=248, contrast=10)),
        ("sharpness_min", 0.0, face(0, 0, 112), crop(blur_px=6)),
    ],
)
def test_each_limit_is_configurable(limit: str, value: float, one: Face, picture: Image) -> None:
    """With a more generous limit the same face votes."""
    assert check_quality(one, picture, LIMITS).weight == 0
    changed: Any = msgspec.structs.replace(LIMITS, **{limit: value})
    assert check_quality(one, picture, changed).weight > 0


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        (face(0, 0, 100), face(0, 0, 60)),
        (face(0, 0, 100, score=0.9), face(0, 0, 100, score=0.75)),
        (with_landmarks(turned(0.0)), with_landmarks(turned(0.5))),
    ],
)
def test_a_better_face_weighs_more(better: Face, worse: Face) -> None:
    """Size, the detector's confidence and a frontal view each raise the weight."""
    assert (
        check_quality(better, crop(), LIMITS).weight > check_quality(worse, crop(), LIMITS).weight
    )


def test_a_sharper_face_weighs_more() -> None:
    """Some blur lowers the weight, more blur makes it 0."""
    one = face(0, 0, 112)
    soft = check_quality(one, crop(blur_px=1), LIMITS).weight
    assert check_quality(one, crop(), LIMITS).weight > soft > 0


@given(
    st.lists(st.tuples(st.floats(-500, 500), st.floats(-500, 500)), min_size=5, max_size=5),
    st.floats(0, 255),
    st.floats(0, 1),
)
def test_a_weight_is_zero_with_a_reason_or_positive(
    points: list[tuple[float, float]], mean: float, score: float
) -> None:
    """For any face the weight is 0 with a reason, or above 0 to 1 without one."""
    one = Face(np.zeros(4, np.float32), np.array(points, np.float32), score)
    quality = check_quality(one, crop(mean), LIMITS)
    assert 0 <= quality.weight <= 1
    assert (quality.weight == 0) == bool(quality.reason)


@pytest.mark.parametrize(("share", "expected"), [(0, 0), (0.5, 0.5), (-0.5, 0.5), (1, 1), (3, 1)])
def test_turn_follows_the_nose_between_the_eyes(share: float, expected: float) -> None:
    """The nose in the middle is 0, at or beyond an eye 1, whatever the tilt of the head."""
    base = turn(LANDMARKS)
    assert base < 0.05
    angle = 0.4
    tilt = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], np.float32)
    assert turn(turned(share) @ tilt.T) == pytest.approx(expected, abs=0.05)


def test_eyes_at_one_point_count_as_turned_away() -> None:
    """Without a distance between the eyes the turn is unknown, so the face does not vote."""
    assert turn(np.zeros((5, 2), np.float32)) == 1.0
