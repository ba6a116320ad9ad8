"""Vectors of length 1: the form of every embedding, template and cohort member."""

import numpy as np
import numpy.typing as npt

from kiosk.records import Floats


def unit(vectors: npt.ArrayLike) -> Floats:
    """Scale vectors to length 1; a zero vector stays zero.

    Args:
        vectors: ``(..., dim)`` numbers.

    Returns:
        ``(..., dim)`` float32.
    """
    values = np.asarray(vectors)
    lengths = np.linalg.norm(values, axis=-1, keepdims=True)
    return np.asarray(values / np.maximum(lengths, 1e-12), np.float32)
