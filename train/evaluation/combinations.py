"""The probability that a random draw misses some people, for real numbers of people."""

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Doubles: TypeAlias = npt.NDArray[np.float64]


def none_drawn(people: Doubles, hits: Doubles, drawn: float) -> Doubles:
    """Return C(people - hits, drawn) / C(people, drawn), for real numbers.

    Args:
        people: ``(n,)`` how many can be drawn.
        hits: ``(n,)`` how many of them must not be drawn.
        drawn: How many are drawn; at most all.
    """
    number = np.minimum(drawn, people)
    left = people - hits - number
    is_possible = left > -1e-9
    left = np.where(is_possible, np.maximum(left, 0), 0)
    logs = (
        _log_gamma(people - hits + 1)
        - _log_gamma(left + 1)
        - _log_gamma(people + 1)
        + _log_gamma(people - number + 1)
    )
    return np.where(is_possible, np.exp(np.minimum(logs, 0.0)), np.where(hits > 0, 0.0, 1.0))


def _log_gamma(values: Doubles) -> Doubles:
    """Compute the logarithm of the gamma function of numbers from 1 on (Stirling's series)."""
    far = values + 8
    product = np.prod([values + step for step in range(8)], axis=0)
    series = 1 / (12 * far) - 1 / (360 * far**3) + 1 / (1260 * far**5)
    half_log = 0.5 * math.log(2 * math.pi)
    return np.asarray((far - 0.5) * np.log(far) - far + half_log + series - np.log(product))
