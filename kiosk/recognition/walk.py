"""Compute one embedding for a walk: the mean of a track's good frames that show one person.

The mean identifies better than single frames or their votes do. Two things must not spoil it: a
frame of somebody else that was added to the track, and one good frame among poor ones.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from kiosk.recognition.vectors import unit
from kiosk.records import Floats

WEIGHT_CAP: Final = 2.0
"""No frame weighs more than this many times the median weight: of three frames, the best has at
most two thirds of the weight."""


def mean_weights(weights: npt.ArrayLike) -> Floats:
    """Return the weights of a mean: the quality of each frame, capped by :data:`WEIGHT_CAP`.

    Args:
        weights: ``(n,)`` quality, above 0 to 1.

    Returns:
        ``(n,)`` float32, sum 1.
    """
    values = np.asarray(weights, np.float64)
    capped = np.minimum(values, WEIGHT_CAP * np.median(values))
    return np.asarray(capped / capped.sum(), np.float32)


def walk_mean(embeddings: Floats, weights: Floats) -> Floats:
    """Compute the weighted mean direction of ``(n, dim)`` embeddings; ``(dim,)`` of length 1."""
    return unit(weights @ embeddings)


def alike(embeddings: Floats, weights: npt.ArrayLike, alike_min: float) -> npt.NDArray[np.bool_]:
    """Select the frames that show the person whom most of the frames show.

    The frame that is least like the mean of the others is dropped, until each is alike. Of two
    frames that are not alike, the newer one is kept.

    Args:
        embeddings: ``(n, dim)`` of length 1, oldest first; at least one.
        weights: ``(n,)`` quality of each frame.
        alike_min: Lowest cosine of a frame and the mean of the others.

    Returns:
        ``(n,)`` whether each frame is kept; at least one is.
    """
    kept = np.arange(len(embeddings))
    values = np.asarray(weights, np.float32)
    while len(kept) > 1:
        own = embeddings[kept]
        cosines = _cosines_to_others(own, mean_weights(values[kept]))
        worst = int(np.argmin(np.round(cosines, 5)))  # the oldest one of equals
        if cosines[worst] >= alike_min:
            break
        kept = np.delete(kept, worst)
    return np.isin(np.arange(len(embeddings)), kept)


def _cosines_to_others(embeddings: Floats, weights: Floats) -> Floats:
    """Compute the cosine of each frame and the mean of all other frames; ``(n,)``."""
    weighted = weights[:, None] * embeddings
    others = unit(weighted.sum(axis=0) - weighted)
    return np.asarray(np.sum(others * embeddings, axis=1), np.float32)


def is_taken_over(embeddings: Floats, newest: int, alike_min: float) -> bool:
    """Return whether the newest frames show another person than all frames before them.

    Args:
        embeddings: ``(n, dim)`` of length 1, oldest first.
        newest: How many frames the other person must have.
        alike_min: As for :func:`alike`.
    """
    before, after = embeddings[:-newest], embeddings[-newest:]
    if len(before) == 0:
        return False
    is_other = after @ unit(before.mean(axis=0)) < alike_min
    return bool(is_other.all()) and bool(alike(after, np.ones(newest), alike_min).all())
