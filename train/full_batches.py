"""Run a network that takes a fixed number of crops at a time."""

from collections.abc import Callable
from typing import Any

import numpy as np

from kiosk.records import Floats, Image


def in_full_batches(run: Callable[[Floats], Any], crops: Image, size: int) -> Floats:
    """Run a network on all crops; the last batch is filled up with black ones.

    Args:
        run: Takes ``(size, height, width, 3)`` float32, and returns ``(size, dim)``.
        crops: ``(n, height, width, 3)`` uint8.
        size: Crops at a time.

    Returns:
        ``(n, dim)`` float32.
    """
    parts = []
    for at in range(0, len(crops), size):
        own = crops[at : at + size]
        batch = np.zeros((size, *own.shape[1:]), np.float32)
        batch[: len(own)] = own
        parts.append(np.array(run(batch)[: len(own)], np.float32))  # OpenVINO reuses its output
    return np.concatenate(parts)
