"""Set thresholds for an FPIR: smooth the tail of the strangers' scores, and extrapolate it.

An FPIR of 0.3 % is decided by four of 1,350 development people, so a threshold that is read off
their scores varies with them. The expected FPIR falls exponentially above the threshold at which it
is :data:`TAIL`, so this line is fitted in each domain (its slope is the mean excess over that
threshold), and the threshold is read where the mean of the domains is the FPIR asked for. It is
read higher where the people measured are named more often than the line says: a threshold that is
too low for the very people it was set on promises others too much.

For 1,000 and 3,000 people the photos' tail is read up to seven times below the lowest FPIR that the
people can show, and the videos' tail for more than 75 people: see :mod:`.domains`. The operating
points for which the photos run out are marked as extrapolated. Computed from 100 enrolled people,
the threshold for 420 and 1 % on photos is 0.335; measured, it is 0.330 (SFace).

Whether thresholds from photos hold for people in videos depends on the normalisation of scores.
With SFace, 100 enrolled and 1 % asked for on photos, strangers in videos were named by the kiosk's
rule within one second (:mod:`.walks`): 0.0 % by plain cosine (FNIR 37 %), 0.5 % with half of the
cohort's mean over its 20 nearest (FNIR 16 %), 9.6 % with all of the mean over its 5 nearest (FNIR
10 %): a video frame is less like a cohort of photos than a photo is. So the mean of both counts,
and the normalisation is chosen for it (``COHORT_WEIGHT`` in :mod:`kiosk.contract`).
"""

import math
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

import numpy as np

from train.evaluation.domains import Domain, joint_fpir
from train.evaluation.identify import Galleries

METHOD: Final = (
    "for the expected FPIR of development people who walk past, the mean of two domains: walks of "
    "up to three photos each, over all galleries of the size with their mix of data sets, and "
    "videos. The tail of each domain's FPIR above the threshold is fitted as exponential, and the "
    "threshold holds both by that line and as measured. A gallery larger than a domain has people "
    "for (videos: 75) is taken for so many of the largest one measured, each of which names a "
    "stranger on its own (an upper bound); the operating point is marked as extrapolated if the "
    "photos do not reach."
)
"""The method in one paragraph, for the model card."""
METHOD_PHOTOS: Final = (
    "for the expected FPIR of development people's walks of up to three photos each, over all "
    "galleries of the size with their mix of data sets; the tail of the FPIR above the threshold "
    "is fitted as exponential, and the threshold holds both by that line and as measured. "
    "Extrapolated: as so many galleries of the largest size measured, "
    "each of which names a stranger on its own (an upper bound)."
)
"""The same without videos."""
TAIL: Final = 0.03
"""FPIR from which the tail is fitted, about forty of the development people on photos."""
TAIL_OF_FEW: Final = 0.1
"""The same for fewer than 80 people, as in the videos: :data:`TAIL` would be two of them."""
_FEW: Final = 80
_STEPS: Final = 60

_Fpir: TypeAlias = Callable[[float], float]
"""From threshold to FPIR."""


def threshold_for(domains: Sequence[Domain], fpir: float) -> float:
    """Compute the lowest threshold with an FPIR, both by the fitted tails and as measured.

    Args:
        domains: Of development people, each with the same share of the strangers.
        fpir: Share of strangers' walks that may get a name.
    """
    fitted = [(_fit_tail(domain.galleries), domain.times) for domain in domains]
    # Not extrapolated: one person in the tail, times 40, would decide alone.
    measured = [(domain.galleries.fpir, 1.0) for domain in domains]

    def higher(threshold: float) -> float:
        return max(_mean(fitted, threshold), _mean(measured, threshold))

    # Above 1 if all scores are equal: a network that sees nothing.
    return _lowest(higher, fpir, max(1.0, *(_above_all(domain.galleries) for domain in domains)))


def _mean(domains: Sequence[tuple[_Fpir, float]], threshold: float) -> float:
    """Return the mean FPIR of the domains, each with so many galleries together."""
    return sum(joint_fpir(fpir(threshold), times) for fpir, times in domains) / len(domains)


def _above_all(galleries: Galleries) -> float:
    """Return a threshold that no stranger reaches."""
    return float(galleries.scores.strangers.max(initial=-1.0)) + 1e-6


def _fit_tail(galleries: Galleries) -> _Fpir:
    """Return the FPIR as measured, and in the tail as fitted."""
    highest = _above_all(galleries)
    people = len(np.unique(galleries.scores.people))
    start = _lowest(galleries.fpir, TAIL if people >= _FEW else TAIL_OF_FEW, highest)
    at_start = galleries.fpir(start)
    grid = np.linspace(start, highest, _STEPS)
    area = float(np.trapezoid([galleries.fpir(float(one)) for one in grid], grid))
    if at_start == 0 or area <= 0:  # nobody is in the tail
        return galleries.fpir
    slope = area / at_start

    def smooth(threshold: float) -> float:
        if threshold < start:
            return galleries.fpir(threshold)
        return at_start * math.exp((start - threshold) / slope)

    return smooth


def _lowest(fpir: Callable[[float], float], wanted: float, highest: float) -> float:
    """Find the lowest threshold at which the FPIR is at most ``wanted``."""
    low, high = -1.0, highest
    if fpir(low) <= wanted:
        return low
    for _ in range(30):
        middle = (low + high) / 2
        if fpir(middle) > wanted:
            low = middle
        else:
            high = middle
    return high
