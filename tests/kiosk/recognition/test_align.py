"""The aligned crop: what the similarity transform must do, and what it must reject."""

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kiosk.contract import CROP_PX, TEMPLATE
from kiosk.recognition.align import align, similarity
from kiosk.records import Floats, Image


def moved(turn: float, scale: float, shift: tuple[float, float]) -> Floats:
    """The template after a rotation (radians), a scale and a shift (pixels)."""
    rotation = [[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]]
    return np.asarray(scale * TEMPLATE @ np.array(rotation).T + shift, np.float32)


def apply(matrix: Floats, points: Floats) -> Floats:
    return np.asarray(points @ matrix[:, :2].T + matrix[:, 2], np.float32)


def noise(height: int, width: int) -> Image:
    """A picture with different values in neighbouring blocks of pixels."""
    small = np.random.default_rng(3).integers(0, 256, (height // 4, width // 4, 3), np.uint8)
    return small.repeat(4, axis=0).repeat(4, axis=1)


def test_landmarks_on_the_template_need_no_transform() -> None:
    """The transform of the template to itself is the identity."""
    assert similarity(TEMPLATE) == pytest.approx(np.array([[1, 0, 0], [0, 1, 0]]), abs=1e-4)


@given(
    st.floats(-math.pi, math.pi),
    st.floats(0.1, 10),
    st.tuples(st.floats(-2000, 2000), st.floats(-2000, 2000)),
)
def test_any_similarity_is_undone(turn: float, scale: float, shift: tuple[float, float]) -> None:
    """A rotated, scaled and shifted face gets its landmarks mapped to the template."""
    landmarks = moved(turn, scale, shift)
    assert apply(similarity(landmarks), landmarks) == pytest.approx(TEMPLATE, abs=0.05)


@given(st.lists(st.tuples(st.floats(0, 640), st.floats(0, 480)), min_size=5, max_size=5))
def test_no_face_is_mirrored_or_sheared(points: list[tuple[float, float]]) -> None:
    """For any landmarks the transform only rotates, scales and shifts."""
    landmarks = np.array(points, np.float32)
    assume(np.ptp(landmarks, axis=0).max() > 1)
    (a, b, _), (c, d, _) = similarity(landmarks).tolist()
    assert (a, b) == (d, -c)


@pytest.mark.parametrize("value", [7.0, float("nan"), float("inf")])
def test_landmarks_without_extent_are_rejected(value: float) -> None:
    """Points that coincide or are not finite have no similarity transform."""
    landmarks = np.full((5, 2), value, np.float32)
    with pytest.raises(ValueError, match="finite points that do not coincide"):
        align(noise(64, 64), landmarks)


def test_a_face_on_the_template_is_copied_pixel_for_pixel() -> None:
    """Landmarks on the template give the picture itself: RGB, uint8, contiguous."""
    picture = noise(CROP_PX, CROP_PX)
    crop = align(picture, TEMPLATE)
    assert crop.dtype == np.uint8
    assert crop.flags.c_contiguous
    assert np.array_equal(crop, picture[..., ::-1])


@given(st.integers(1, 24), st.floats(-0.5, 0.5), st.floats(0.5, 2))
def test_a_border_does_not_change_the_crop_inside_it(
    border_px: int, turn: float, scale: float
) -> None:
    """The middle of a crop with a border is the crop without it, up to rounding."""
    picture, landmarks = noise(320, 320), moved(turn, scale, (60, 60))
    wide = align(picture, landmarks, border_px=border_px).astype(int)
    assert wide.shape == (CROP_PX + 2 * border_px, CROP_PX + 2 * border_px, 3)
    middle = wide[border_px:-border_px, border_px:-border_px]
    assert np.abs(middle - align(picture, landmarks)).mean() < 2


@pytest.mark.parametrize("enlargement", [2.5, 5.0])
def test_a_small_face_keeps_fine_detail(enlargement: float) -> None:
    """A fine wave stays a wave when it is enlarged; straight lines would be 7 or more off."""
    picture = np.repeat(wave(np.arange(64.0)).astype(np.uint8)[None, :, None], 64, axis=0)
    crop = align(picture.repeat(3, axis=2), np.asarray(TEMPLATE / enlargement + 10, np.float32))
    expected = wave(np.arange(CROP_PX) / enlargement + 10)
    assert np.abs(crop[CROP_PX // 2, :, 0] - expected).mean() < 2


def wave(at: npt.ArrayLike) -> Floats:
    """Grey values of a wave of 5 pixels."""
    return np.asarray(128 + 100 * np.sin(2 * np.pi * np.asarray(at) / 5), np.float32)


def test_the_picture_is_mirrored_at_its_edges() -> None:
    """A face at the edge of the picture gets no black corner."""
    white = np.full((60, 60, 3), 255, np.uint8)
    assert align(white, moved(0.3, 1.0, (-50, -30))).min() == 255
