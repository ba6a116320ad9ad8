"""Set thresholds for an FPIR: smooth the tail of the strangers' scores, and extrapolate it.

An FPIR of 0.3 % is decided by four of 1,350 development people, so a threshold that is read off
their scores varies with them. The expected FPIR falls exponentially above the threshold at which it
is :data:`TAIL`, so this line is fitted (its slope is the mean excess over that threshold) and read
at the FPIR asked for. Test people confirm it: for 10, 30, 100 and 420 enrolled people and 1 % asked
for, 1.0, 1.0, 1.0 and 0.8 % were measured with SFace; for 0.3 %, 0.3, 0.3, 0.2 and 0.2 %.

A gallery that is ``n`` times as large as the largest one measured is taken for ``n`` of these, each
of which names a stranger on its own: FPIR = 1 - (1 - FPIR of one)^n. That is an upper bound, since
a stranger who resembles many people is counted again for each of them. Computed from 100 enrolled
people, the threshold for 420 and 1 % is 0.335; measured, it is 0.330 (SFace). For 1,000 and 3,000
people the tail is read up to seven times below the lowest FPIR that the people can show: these
operating points are marked as extrapolated.

Whether thresholds from photos hold for people in videos depends on the normalisation of scores.
With SFace, 100 enrolled and 1 % asked for, strangers in videos were named by the kiosk's rule
within one second (:mod:`.walks`): 0.0 % by plain cosine (FNIR 37 %), 0.5 % with half of the
cohort's mean over its 20 nearest (FNIR 16 %), 9.6 % with all of the mean over its 5 nearest (FNIR
10 %): a video frame is less like a cohort of photos than a photo is.
"""

import math
from collections.abc import Callable
from typing import Final

import numpy as np

from train.evaluation.identify import Galleries

METHOD: Final = (
    "for the expected FPIR of development people's walks of up to three photos each, over all "
    "galleries of the size with their mix of data sets; the tail of the FPIR above the threshold "
    "is fitted as exponential. Extrapolated: as so many galleries of the largest size measured, "
    "each of which names a stranger on its own (an upper bound)."
)
"""The method in one paragraph, for the model card."""
TAIL: Final = 0.03
"""FPIR from which the tail is fitted: about forty of the development people."""
_STEPS: Final = 60


def shared_fpir(fpir: float, times: float) -> float:
    """Return the FPIR of one gallery when ``times`` such galleries together have ``fpir``."""
    return -math.expm1(math.log1p(-fpir) / times)


def joint_fpir(fpir: float, times: float) -> float:
    """Return the FPIR of ``times`` galleries together when each has ``fpir``."""
    return -math.expm1(math.log1p(-min(fpir, 1 - 1e-12)) * times)


def threshold_for(galleries: Galleries, fpir: float, times: float = 1.0) -> float:
    """Compute the threshold for an FPIR.

    Args:
        galleries: Of development people.
        fpir: Share of strangers' walks that may get a name.
        times: How many times as many people are enrolled.
    """
    wanted = shared_fpir(fpir, times)
    scores = galleries.scores.strangers
    highest = float(scores.max(initial=-1.0))
    start = _lowest(galleries.fpir, max(TAIL, wanted), highest)
    at_start = galleries.fpir(start)
    if at_start <= wanted:
        return start
    grid = np.linspace(start, highest + 1e-6, _STEPS)
    rates = np.array([galleries.fpir(float(one)) for one in grid])
    slope = float(np.trapezoid(rates, grid)) / at_start
    return min(max(1.0, start), start + slope * math.log(at_start / wanted))


def _lowest(fpir: Callable[[float], float], wanted: float, highest: float) -> float:
    """Find the lowest threshold at which the FPIR is at most ``wanted``."""
    low, high = -1.0, highest + 1e-6  # above 1 if all are equal: a network that sees nothing
    if fpir(low) <= wanted:
        return low
    for _ in range(30):
        middle = (low + high) / 2
        if fpir(middle) > wanted:
            low = middle
        else:
            high = middle
    return high
