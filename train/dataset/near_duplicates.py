"""Find near-duplicate photos, link them into groups, and split without dividing a group.

Two photos of one moment in training and in test make the test figures too good. Here such photos
are found by appearance alone.

How the two cosines below were chosen: every pair of aligned crops (112 pixels, grey, reduced to
:data:`_SIDE_PX`) of seven research sets was compared, and up to 40 pairs of each band were viewed.
Pairs at or above a cosine, of one person / of two names:

======  ==========================  ===========================  ============================
cosine  celebrities (5,488 photos)  CelebA, own crop (5,360)     CelebA, tight crop (45,260)
======  ==========================  ===========================  ============================
0.90    1,026 / 562                 212 / 1,239                  538 / 5,481
0.92    622 / 98                    121 / 206                    356 / 630
0.94    405 / 11                    90 / 23                      215 / 54
0.96    296 / 1                     61 / 13                      120 / 12
0.97    248 / 0                     48 / 13                      90 / 10
0.98    177 / 0                     37 / 13                      55 / 7
0.99    105 / 0                     24 / 12                      22 / 6
======  ==========================  ===========================  ============================

The pairs of two names that remain at 0.97 are one photo under two names (label errors).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from kiosk.errors import DatasetError
from kiosk.records import Floats, Image
from train.metrics import Ints

NEAR_DUPLICATE: Final = 0.97
"""Two aligned crops with this cosine or more are one photo, whatever the names on them.

Of the pairs viewed between 0.96 and 0.975, about one in twenty was two photos (of one person, in
similar light). Two different people reach 0.964 (0.967 in crops of 128 pixels, where the mirrored
edge of a tight photo counts more), and no such pair was seen at 0.97. A copy as JPEG of quality
30, reduced to 32 pixels, brightened or turned grey stays above 0.989 in 99 % of cases; a copy that
the detector aligned one pixel off (in both directions) passes in 97 %, two pixels off in 29 %. A
mirrored copy is not found.
"""

BURST: Final = 0.94
"""Two crops *of one person* with this cosine or more count as one moment.

Of the pairs viewed between 0.94 and 0.96 about two thirds were one photo (edited, or aligned up to
two pixels off) or one moment; between 0.92 and 0.94 about a quarter. The other third costs little:
two photos stay together that could be separated, and the largest group is 9 of 240 photos of a
person (26 at 0.92, where links begin to chain). Between people the value means nothing, since
different people reach 0.964: filter the links with :func:`within_person` first.
"""

Link: TypeAlias = tuple[int, int]

_SIDE_PX: Final = 24
"""Crops are compared at this size: it removes noise and compression, but keeps a face."""
_FLAT: Final = 0.5 * _SIDE_PX
"""A crop with a norm below this is one grey (a standard deviation of half a level)."""
_BLOCK: Final = 2048
"""Rows of one matrix product: 16 MB of cosines, for any number of crops."""
_ROUNDING: Final = 1e-5
"""Float32 error of a cosine; with this tolerance a copy passes at a threshold of 1."""


def near_duplicates(crops: Image, threshold: float = NEAR_DUPLICATE) -> list[Link]:
    """Find the pairs of crops that look almost the same.

    All pairs are compared; 76,915 crops take about 20 seconds on two cores. Memory in addition to
    the crops (which may be mapped from disk): 2.3 kB per crop, and a few blocks.

    Args:
        crops: ``(n, height, width, 3)`` uint8 RGB, all aligned in the same way.
        threshold: Least cosine, above 0 and at most 1: :data:`NEAR_DUPLICATE`, :data:`BURST`.

    Returns:
        ``(i, j)`` with ``i < j``, each pair once, ascending.

    Raises:
        DatasetError: The crops have another shape or type, or the threshold is out of range.
    """
    if crops.ndim != 4 or crops.shape[3] != 3 or crops.dtype != np.uint8:
        raise DatasetError(
            f"crops: expected (n, height, width, 3) uint8, got {crops.shape} {crops.dtype}"
        )
    if not 0 < threshold <= 1:
        raise DatasetError(f"threshold: expected above 0 and at most 1, got {threshold}")
    return sorted(_similar(_appearance(crops), threshold - _ROUNDING))


def within_person(links: Iterable[Link], labels: Sequence[int] | Ints) -> list[Link]:
    """Return the links between photos of one person."""
    return [(one, other) for one, other in links if labels[one] == labels[other]]


def groups(n: int, links: Iterable[Link]) -> Ints:
    """Join linked items into groups.

    Args:
        n: How many items there are.
        links: Pairs of items, 0 to ``n - 1``.

    Returns:
        ``(n,)``: each item's group, numbered from 0 in order of first appearance.

    Raises:
        DatasetError: A link contains an item that does not exist.
    """
    parent = list(range(n))
    for one, other in links:
        if not (0 <= one < n and 0 <= other < n):
            raise DatasetError(f"link ({one}, {other}): expected items 0 to {n - 1}")
        first, second = sorted((_root(parent, one), _root(parent, other)))
        parent[second] = first
    roots = np.array([_root(parent, item) for item in range(n)], dtype=np.int64)
    return np.unique(roots, return_inverse=True)[1].astype(np.int64).reshape(n)


def split_groups(
    groups: Sequence[int] | Ints,
    labels: Sequence[int] | Ints | None,
    fractions: Sequence[float],
    seed: int,
) -> Ints:
    """Divide items into parts without dividing a group.

    Groups are assigned one by one, the largest first, groups of equal size in an order that the
    seed decides. Each goes to the part where its people lack most items and, in a tie, to the
    part that lacks most items in all. So a person with a single group gets into the largest part.

    Args:
        groups: ``(n,)``: the group of each item, any numbers.
        labels: ``(n,)``: the person of each item, whose items are divided by ``fractions`` too as
            far as groups allow; ``None`` if nobody is named.
        fractions: The share of each part; they sum to 1.
        seed: Decides the order; the same seed gives the same result, so store it.

    Returns:
        ``(n,)``: the part of each item, an index into ``fractions``.

    Raises:
        DatasetError: Lengths differ, or the fractions are not positive or do not sum to 1.
    """
    group_of = np.asarray(groups, dtype=np.int64)
    label_of = np.zeros_like(group_of) if labels is None else np.asarray(labels, dtype=np.int64)
    shares = _checked_shares(fractions)
    if group_of.ndim != 1 or label_of.shape != group_of.shape:
        raise DatasetError(
            f"labels: expected one for each of {group_of.shape} groups, got {label_of.shape}"
        )
    label_of = np.unique(label_of, return_inverse=True)[1].reshape(group_of.shape)
    parts = np.empty(len(group_of), dtype=np.int64)
    lacking = np.zeros((len(shares), int(label_of.max(initial=0)) + 1))
    for members in _assignment_order(group_of, seed):
        people, counts = np.unique(label_of[members], return_counts=True)
        lacking[:, people] += np.outer(shares, counts)
        part = _most_lacking(lacking[:, people] @ counts, lacking.sum(axis=1))
        lacking[part, people] -= counts
        parts[members] = part
    return parts


def _appearance(crops: Image) -> Floats:
    """Reduce each crop to a grey vector of zero mean and unit norm, ``(n, 576)``."""
    vectors = np.empty((len(crops), _SIDE_PX**2), dtype=np.float32)
    for row, crop in zip(vectors, crops, strict=True):
        grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
        row[:] = cv2.resize(grey, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA).ravel()
    vectors -= vectors.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    # Flat crops share one vector: equal to each other, at right angles to every other crop.
    vectors[norms[:, 0] < _FLAT] = 1.0
    norms[norms < _FLAT] = _SIDE_PX
    vectors /= norms
    return vectors


def _similar(vectors: Floats, least: float) -> Iterator[Link]:
    """Compare all pairs, block by block, and yield those with a cosine of ``least`` or more."""
    for top in range(0, len(vectors), _BLOCK):
        for left in range(top, len(vectors), _BLOCK):
            cosines = vectors[top : top + _BLOCK] @ vectors[left : left + _BLOCK].T
            for i, j in np.argwhere(cosines >= least).tolist():
                if top + i < left + j:
                    yield top + i, left + j


def _root(parent: list[int], item: int) -> int:
    while parent[item] != item:
        parent[item] = parent[parent[item]]  # halves the path for the next search
        item = parent[item]
    return item


def _checked_shares(fractions: Sequence[float]) -> npt.NDArray[np.float64]:
    shares = np.asarray(fractions, dtype=np.float64)
    if shares.ndim != 1 or not (shares > 0).all() or abs(float(shares.sum()) - 1) > 1e-6:
        raise DatasetError(f"fractions: expected positive shares that sum to 1, got {fractions}")
    return shares


def _assignment_order(group_of: Ints, seed: int) -> list[Ints]:
    """List the members of each group, the largest group first, equal sizes shuffled."""
    by_group = np.argsort(group_of, kind="stable")
    starts = np.flatnonzero(np.diff(group_of[by_group])) + 1
    members = np.split(by_group, starts) if len(group_of) else []
    np.random.default_rng(seed).shuffle(members)
    return sorted(members, key=len, reverse=True)


def _most_lacking(by_person: npt.NDArray[np.float64], overall: npt.NDArray[np.float64]) -> int:
    # Rounded, so that float error does not break a tie; lexsort's last key counts most.
    order = np.lexsort((-np.round(overall, 9), -np.round(by_person, 9)))
    return int(order[0])
