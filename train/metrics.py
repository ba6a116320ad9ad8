"""Compute error rates, thresholds and intervals from scores. Terms as in ISO/IEC 19795-1."""

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
        n: How many trials the share is of.
    """

    value: float
    low: float
    high: float
    n: int


def wilson(count: int, n: int) -> Rate:
    """Compute the share of ``n`` independent trials with its interval (Wilson, 1927).

    Raises:
        ValueError: There was no trial.
    """
    if n == 0:
        raise ValueError("n: expected at least one trial")
    z, share = 1.959964, count / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # At 0 and at n the share is an end of the interval, which rounding must not pass.
    low, high = min(share, middle - half), max(share, middle + half)
    return Rate(share, max(0.0, low), min(1.0, high), n)


def hit_rate(hits: Bools) -> Rate:
    """Compute the share of hits, as of independent trials.

    Raises:
        ValueError: There was no trial.
    """
    return wilson(int(hits.sum()), len(hits))


class TenFold(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Verification accuracy as LFW reports it.

    Attributes:
        accuracy: Mean over the folds.
        standard_error: Of that mean.
        n: How many pairs.
    """

    accuracy: float
    standard_error: float
    n: int


def fold_accuracy(scores: Floats, same: Bools, folds: Ints) -> TenFold:
    """Measure each fold at the best threshold of all other folds (Huang, 2007).

    Args:
        scores: ``(n,)`` similarity of each pair.
        same: ``(n,)`` whether the pair shows one person.
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
    """Compute the threshold that classifies most pairs correctly; a score equal to it is accepted.

    Args:
        scores: ``(n,)`` similarity of each pair.
        same: ``(n,)`` whether the pair shows one person.
    """
    order = np.argsort(scores, kind="stable")
    ordered = scores[order]
    # How many more pairs are correct if the lowest 0, 1, ... n are rejected than if none is.
    gain = np.concatenate([[0], np.cumsum(np.where(same[order], -1, 1))])
    can_cut = np.concatenate([[True], np.diff(ordered) > 0, [True]])  # never between equal scores
    cut = int(np.argmax(np.where(can_cut, gain, gain.min() - 1)))
    if cut == 0:
        return float(ordered[0])
    above_rejected = float(np.nextafter(ordered[cut - 1], ordered.dtype.type(np.inf)))
    if cut == len(ordered):
        return above_rejected
    # Midway to the next; the middle of two neighbouring floats may round to the lower one.
    return max(above_rejected, float((ordered[cut - 1] + ordered[cut]) / 2))


def tar_at_far(scores: Floats, same: Bools, far: float) -> Rate:
    """Compute the true accept rate at the threshold that accepts ``far`` of the different pairs."""
    threshold = quantile_threshold(scores[~same], far)
    return hit_rate(scores[same] >= threshold)


def quantile_threshold(impostors: Floats, rate: float) -> float:
    """Compute the lowest threshold that at most a share ``rate`` of the impostor scores reaches."""
    ordered = np.sort(impostors)[::-1]
    allowed = math.floor(rate * len(ordered) + 1e-9)
    if allowed >= len(ordered):
        return -1.0
    return float(np.nextafter(np.float32(ordered[allowed]), np.float32(2.0)))


def bootstrap(clusters: Sequence[Bools | Floats], seed: int = 0, rounds: int = 1000) -> Rate:
    """Compute the share of hits with an interval by cluster bootstrap: a person is one cluster.

    Args:
        clusters: Hits and misses of each person's trials; or a number for each, to be averaged.
        seed: Decides which people are drawn.
        rounds: How often people are drawn.

    Raises:
        ValueError: There was no trial.
    """
    counts = np.array([np.sum(hits) for hits in clusters], np.float64)
    sizes = np.array([len(hits) for hits in clusters], np.float64)
    if sizes.sum() == 0:
        raise ValueError("clusters: expected at least one trial")
    draws = np.random.default_rng(seed).integers(0, len(clusters), (rounds, len(clusters)))
    shares = counts[draws].sum(axis=1) / np.maximum(sizes[draws].sum(axis=1), 1)
    low, high = np.percentile(shares, [2.5, 97.5])
    return Rate(float(counts.sum() / sizes.sum()), float(low), float(high), int(sizes.sum()))
