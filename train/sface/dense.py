"""Fit the dense layer of SFace in one step, so that it also says what a second teacher says.

The dense layer alone leads from the last maps to the embedding. So a second dense layer, fitted by
ridge regression to another recogniser's embeddings, costs no training of what lies before; and two
dense layers side by side, turned to the axes along which faces differ most, are one dense layer.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve

from kiosk.recognition.vectors import unit
from kiosk.records import Floats

Maps: TypeAlias = npt.NDArray[np.float16]
"""The last maps of pictures, flat, ``(n, in)``; float16, because there are many."""

_ROWS: Final = 2_000
"""Pictures at a time, in float32."""
_STAY: Final = 1.0
"""How much weights are drawn to 0, as a share of the mean square of a picture's maps."""
_LEAST_SPREAD: Final = 1e-2
"""Of the largest variance: along an axis of less, there is little but rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class Dense:
    """A dense layer.

    Attributes:
        weight: ``(in, out)`` float32.
        bias: ``(out,)`` float32.
    """

    weight: Floats
    bias: Floats

    def __call__(self, maps: Maps) -> Floats:
        """Apply it to maps ``(n, in)``; ``(n, out)`` float32."""
        return np.concatenate([part @ self.weight for part in _parts(maps)]) + self.bias


def fit_dense(maps: Maps, aims: Floats) -> Dense:
    """Fit a dense layer to aims by ridge regression.

    There are fewer pictures than inputs, so it solves for one number for each picture and output.
    It needs ``n * n * 4`` bytes.

    Args:
        maps: ``(n, in)``.
        aims: ``(n, out)`` float32.
    """
    middle, shift = maps.mean(axis=0, dtype=np.float32), aims.mean(axis=0)
    likeness = _likeness(maps, middle).T  # so it is factored in place
    likeness[np.diag_indices(len(maps))] += _STAY * np.trace(likeness) / len(maps)
    factor = cho_factor(likeness, lower=False, overwrite_a=True, check_finite=False)
    parts = np.split(
        np.asarray(cho_solve(factor, aims - shift, check_finite=False), np.float32),
        range(_ROWS, len(maps), _ROWS),
    )
    pairs = zip(_parts(maps), parts, strict=True)
    weight = np.zeros((len(middle), aims.shape[1]), np.float32)
    for part, change in pairs:
        weight += (part - middle).T @ change
    return Dense(weight, shift - middle @ weight)


def join(own: Dense, other: Dense, maps: Maps, share: float) -> Dense:
    """Make one dense layer of two, with as many outputs as the first.

    Both embeddings stand side by side, each with its share of the squared length. Those axes stay
    that hold most of the pictures' vectors, and they are turned to lie as near to the axes of the
    first layer as they can: cosines do not change by that, and the new embedding of a face stays
    near the old one.

    Args:
        own: The layer to replace.
        other: The layer to join to it.
        maps: Of pictures such as the network will see, ``(n, in)``.
        share: Of the second embedding in the squared length.
    """
    size = len(own.bias)
    both = Dense(
        np.concatenate([own.weight, other.weight], axis=1), np.concatenate([own.bias, other.bias])
    )
    found = both(maps)
    lengths = [np.linalg.norm(part, axis=1).mean() for part in np.split(found, [size], axis=1)]
    factors = np.repeat(np.sqrt([1 - share, share]) / lengths, [size, len(other.bias)])
    vectors = unit(found * factors)
    axes = np.linalg.eigh(vectors.T @ vectors)[1][:, -size:]
    left, _, right = np.linalg.svd(axes[:size].T)
    turn = np.asarray(factors[:, None] / factors[0] * (axes @ left @ right), np.float32)
    return Dense(both.weight @ turn, both.bias @ turn)


def whiten(vectors: Floats, power: float) -> Floats:
    """Divide the axes along which vectors differ by a power of their variance.

    Args:
        vectors: ``(n, dim)`` float32.
        power: 0 changes nothing; with 0.5, they differ equally along all axes.
    """
    variances, axes = np.linalg.eigh(np.cov(vectors.T))
    by = np.maximum(variances / variances.max(), _LEAST_SPREAD) ** -power
    return np.asarray(vectors @ (axes * by) @ axes.T, np.float32)


def _likeness(maps: Maps, middle: Floats) -> Floats:
    """Return the dot products of all maps less their mean, ``(n, n)``.

    Only what is on and below the diagonal is complete.
    """
    found = np.zeros((len(maps), len(maps)), np.float32)
    for row, part in zip(_starts(maps), _parts(maps), strict=True):
        for column, other in zip(range(0, row + 1, _ROWS), _parts(maps), strict=False):
            products = (part - middle) @ (other - middle).T
            found[row : row + _ROWS, column : column + _ROWS] = products
    return found


def _parts(maps: Maps) -> Iterator[Floats]:
    for at in _starts(maps):
        yield maps[at : at + _ROWS].astype(np.float32)


def _starts(maps: Maps) -> range:
    return range(0, len(maps), _ROWS)
