"""Scaling of vectors to length 1."""

import numpy as np
import pytest

from kiosk.recognition.vectors import unit


def test_unit_scales_each_row_to_length_one() -> None:
    """Each row gets length 1 and keeps its direction; a zero row stays zero."""
    scaled = unit(np.array([[3, 4], [0, -2], [0, 0]], np.float32))
    assert scaled == pytest.approx(np.array([[0.6, 0.8], [0, -1], [0, 0]]))


def test_unit_scales_a_single_vector() -> None:
    """One vector of any number type becomes float32 of length 1."""
    scaled = unit([3, 4])
    assert scaled.dtype == np.float32
    assert scaled == pytest.approx(np.array([0.6, 0.8]))
