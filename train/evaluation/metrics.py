"""Figures of a face recogniser, from scores alone. Terms are those of ISO/IEC 19795-1."""

import math
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from kiosk.records import Floats

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


class Rate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A share with its 95 % confidence interval.

    Attributes:
        value: The share.
        low: Lower end.
        high: Upper end.
        n: Of how many.
    """

    value: float
    low: float
    high: float
    n: int


def wilson(count: int, n: int) -> Rate:
    """Give a share of ``n`` independent trials its interval (Wilson, 1927)."""
    if n == 0:
        return Rate(math.nan, 0.0, 1.0, 0)
    z, share = 1.959964, count / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # At 0 and at n the share is an end of the interval, which rounding must not pass.
    low, high = min(share, middle - half), max(share, middle + half)
    return Rate(share, max(0.0, low), min(1.0, high), n)


class TenFold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Verification accuracy as LFW reports it.

    Attributes:
        accuracy: Mean over the folds.
        standard_error: Of that mean.
        n: Pairs.
    """

    accuracy: float
    standard_error: float
    n: int


def fold_accuracy(scores: Floats, same: Bools, folds: Ints) -> TenFold:
    """Choose the threshold on all folds but one, measure on that one, for each (Huang, 2007).

    Args:
        scores: ``(n,)`` similarity of each pair.
        same: ``(n,)`` whether it is one person.
        folds: ``(n,)`` the fold of each pair.
    """
    accuracies = []
    for fold in np.unique(folds):
        inside = folds == fold
        threshold = best_threshold(scores[~inside], same[~inside])
        accuracies.append(np.mean((scores[inside] >= threshold) == same[inside]))
    error = float(np.std(accuracies, ddof=1) / math.sqrt(len(accuracies)))
    return TenFold(float(np.mean(accuracies)), error, len(scores))


def best_threshold(scores: Floats, same: Bools) -> float:
    """Find the threshold (accepted is what reaches it) that tells most pairs right."""
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    # How many more pairs are told right by rejecting the lowest 0, 1, ... n than by rejecting none.
    gain = np.concatenate([[0], np.cumsum(np.where(same[order], -1, 1))])
    can_cut = np.concatenate([[True], np.diff(ordered) > 0, [True]])  # equals cannot be parted
    cut = int(np.argmax(np.where(can_cut, gain, gain.min() - 1)))
    if cut == 0:
        return float(ordered[0])
    above_rejected = float(np.nextafter(ordered[cut - 1], ordered.dtype.type(np.inf)))
    if cut == len(ordered):
        return above_rejected
    # Midway to the next; the middle of two neighbouring floats may round to the lower one.
    return max(above_rejected, float((ordered[cut - 1] + ordered[cut]) / 2))


def tar_at_far(scores: Floats, same: Bools, far: float) -> Rate:
    """True accept rate at the threshold that accepts ``far`` of the different pairs."""
    threshold = quantile_threshold(scores[~same], far)
    return wilson(int(np.sum(scores[same] >= threshold)), int(np.sum(same)))


def quantile_threshold(impostors: Floats, rate: float) -> float:
    """Find the least threshold that at most ``rate`` of the impostors reach."""
    ordered = np.sort(impostors)[::-1]
    allowed = math.floor(rate * len(ordered) + 1e-9)
    if allowed >= len(ordered):
        return -1.0
    return float(np.nextafter(np.float32(ordered[allowed]), np.float32(2.0)))


def bootstrap(hits: Sequence[Bools], seed: int = 0, rounds: int = 1000) -> Rate:
    """Give a share an interval that treats each person's photos as one (a cluster bootstrap)."""
    counts = np.array([np.sum(hit) for hit in hits], np.float64)
    sizes = np.array([len(hit) for hit in hits], np.float64)
    if sizes.sum() == 0:
        return Rate(math.nan, 0.0, 1.0, 0)
    draws = np.random.default_rng(seed).integers(0, len(hits), (rounds, len(hits)))
    shares = counts[draws].sum(axis=1) / np.maximum(sizes[draws].sum(axis=1), 1)
    low, high = np.percentile(shares, [2.5, 97.5])
    return Rate(float(counts.sum() / sizes.sum()), float(low), float(high), int(sizes.sum()))
