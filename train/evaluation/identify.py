"""Open-set identification: expected error rates of a random gallery, in closed form.

A split has few people, and a few random galleries of them say little. So each walk is scored for
every person who can be enrolled, and the rates are the expected values over all galleries of ``N``
people: of ``M`` people, ``k`` of whom a walk reaches the threshold for, a gallery of ``N`` holds
none with the probability C(M - k, N) / C(M, N).

Two things make a rate differ between development and test people:

- The mix of the data sets. A baby gets another baby's name 30 times as often as an adult another
  adult's, and families are 28 % of the people to enrol on the development side, 39 % on the test
  side. Measured photo by photo this alone named strangers 1.5 times as often as asked for, while
  the rates between each two data sets were equal on both sides. So galleries and strangers are
  drawn by one :class:`Mix`, that of the development people, on both sides.
- Few people, as strangers and as enrolled. A rate depends on both, so the interval weights both at
  random (Owen, "The pigeonhole bootstrap", 2007, with exponential weights): an interval by
  stranger alone is too narrow for large galleries.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from train.evaluation.metrics import Ints, Rate
from train.evaluation.walkers import WalkScores

Doubles: TypeAlias = npt.NDArray[np.float64]

ROUNDS: Final = 200
"""Of the bootstrap."""
_log_gamma = np.vectorize(math.lgamma, otypes=[np.float64])


class Identification(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Error rates at one threshold.

    Attributes:
        gallery_size: How many people were enrolled.
        threshold: Score.
        fpir: Share of strangers' walks that get a name.
        fnir: Share of enrolled people's walks that do not get their own name.
        extrapolated: The gallery is larger than the number of people measured.
    """

    gallery_size: int
    threshold: float
    fpir: Rate
    fnir: Rate
    extrapolated: bool = False


@dataclass(frozen=True, slots=True)
class Mix:
    """Shares of the data sets, by name; each sums to 1.

    Attributes:
        enrolled: Among the people to enrol.
        strangers: Among the strangers.
    """

    enrolled: Mapping[str, float]
    strangers: Mapping[str, float]

    @classmethod
    def of(cls, scores: WalkScores) -> "Mix":
        """Count the mix of a split; each person counts once."""
        first = np.unique(scores.people, return_index=True)[1]
        return cls(
            _shares(np.array(scores.template_sources)), _shares(np.array(scores.sources)[first])
        )


def _shares(sources: npt.NDArray[np.str_]) -> dict[str, float]:
    names, counts = np.unique(sources, return_counts=True)
    return dict(zip(names.tolist(), (counts / counts.sum()).tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class Galleries:
    """All galleries of one size that can be drawn from a split.

    Attributes:
        scores: Of the split.
        mix: Shares of the data sets.
        size: How many people are enrolled.
    """

    scores: WalkScores
    mix: Mix
    size: int

    def fpir(self, threshold: float) -> float:
        """Return the expected share of strangers' walks that get a name."""
        hits = self.scores.strangers >= threshold
        named = np.zeros(len(hits))
        rows = np.flatnonzero(hits.any(axis=1))
        named[rows] = 1 - self._none_enrolled(hits[rows], rows)
        return float(named @ self._walk_weights(self.mix.strangers))

    def fpir_rate(self, threshold: float) -> Rate:
        """Return the expected FPIR with its interval."""
        value = self.fpir(threshold)
        hits = self.scores.strangers >= threshold
        rows = np.flatnonzero(hits.any(axis=1))
        people = len(np.unique(self.scores.people))
        if len(rows) == 0:
            return Rate(value, 0.0, min(1.0, 3 / people), len(hits))  # the rule of three
        rng = np.random.default_rng(0)
        shares = []
        for _ in range(ROUNDS):
            weights = self._walk_weights(self.mix.strangers, rng.exponential(size=people))
            templates = rng.exponential(size=len(self.scores.template_sources))
            named = 1 - self._none_enrolled(hits[rows], rows, templates)
            shares.append(float(named @ weights[rows]))
        # Weighted people are fewer people: the rounds are too low on average, not too narrow.
        low, high = np.percentile(shares, [2.5, 97.5]) * value / np.mean(shares)
        return Rate(value, min(value, float(low)), min(1.0, max(value, float(high))), len(hits))

    def fnir_rate(self, threshold: float) -> Rate:
        """Return the expected FNIR with its interval, by person."""
        missed, is_mated = self._missed(threshold), np.isfinite(self.scores.mated)
        people = len(np.unique(self.scores.people))
        rng = np.random.default_rng(0)
        weights = [
            self._walk_weights(self.mix.enrolled, rng.exponential(size=people), is_mated)
            for _ in range(ROUNDS)
        ]
        low, high = np.percentile([float(missed @ one) for one in weights], [2.5, 97.5])
        value = self.fnir(threshold)
        return Rate(value, min(value, float(low)), max(value, float(high)), int(is_mated.sum()))

    def fnir(self, threshold: float) -> float:
        """Return the expected share of enrolled people's walks without their own name."""
        is_mated = np.isfinite(self.scores.mated)
        return float(
            self._missed(threshold) @ self._walk_weights(self.mix.enrolled, None, is_mated)
        )

    def _missed(self, threshold: float) -> Doubles:
        """Return the probability that each walk is not named; 1 for people who are not enrolled."""
        mated = self.scores.mated
        missed = np.ones(len(mated))
        rows = np.flatnonzero(mated >= threshold)
        ahead = self.scores.strangers[rows] > mated[rows, None]
        others = Galleries(self.scores, self.mix, max(0, self.size - 1))
        missed[rows] = 1 - others._none_enrolled(ahead, rows)
        return missed

    def _none_enrolled(
        self, hits: npt.NDArray[np.bool_], rows: Ints, weights: Doubles | None = None
    ) -> Doubles:
        """Return the probability that a gallery holds none of the people that each walk hits.

        Args:
            hits: ``(r, p)`` whom the walks hit.
            rows: ``(r,)`` numbers of these walks.
            weights: ``(p,)`` of the people to enrol; 1 each by default.
        """
        available = np.isfinite(self.scores.strangers[rows])
        sources = np.array(self.scores.template_sources)
        none = np.ones(len(rows))
        for name, share in self._shares_here(self.mix.enrolled, sources).items():
            own = sources == name
            weight = np.ones(int(own.sum())) if weights is None else weights[own]
            weight = weight * len(weight) / weight.sum()
            people = available[:, own] @ weight
            none *= _none_drawn(people, hits[:, own] @ weight, self.size * share)
        return none

    def _walk_weights(
        self,
        shares: Mapping[str, float],
        person_weights: Doubles | None = None,
        counts: npt.NDArray[np.bool_] | None = None,
    ) -> Doubles:
        """Return the weight of each walk: by data set, person and walk; they sum to 1."""
        people, sources = self.scores.people, np.array(self.scores.sources)
        counts = np.ones(len(people), np.bool_) if counts is None else counts
        weights = counts / np.maximum(1, np.bincount(people, counts))[people]
        if person_weights is not None:
            weights = weights * person_weights[people]
        for name, share in self._shares_here(shares, sources[counts]).items():
            own = sources == name
            weights[own] *= share / weights[own].sum()
        weights[~np.isin(sources, list(shares))] = 0.0
        return np.asarray(weights / weights.sum(), np.float64)

    @staticmethod
    def _shares_here(
        shares: Mapping[str, float], sources: npt.NDArray[np.str_]
    ) -> dict[str, float]:
        """Return the shares of the data sets that this split has, scaled to sum 1."""
        here = {name: share for name, share in shares.items() if name in set(sources.tolist())}
        total = sum(here.values())
        return {name: share / total for name, share in here.items()}


def _none_drawn(people: Doubles, hits: Doubles, drawn: float) -> Doubles:
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
