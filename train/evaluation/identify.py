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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from train.evaluation.combinations import Doubles, none_drawn
from train.evaluation.walkers import WalkScores
from train.metrics import Bools, Ints, Rate

ROUNDS: Final = 200
"""Of the bootstrap."""


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
        return cls(_shares(scores.template_sources), _shares(scores.sources[first]))


def _shares(sources: npt.NDArray[np.str_]) -> dict[str, float]:
    names, counts = np.unique(sources, return_counts=True)
    return dict(zip(names.tolist(), (counts / counts.sum()).tolist(), strict=True))


@dataclass(frozen=True, slots=True, eq=False)
class _Stratum:
    """The people to enrol of one data set.

    Attributes:
        columns: ``(s,)`` their numbers.
        drawn: How many of them a gallery holds.
        available: ``(r, s)`` 1 for people who can be strangers to each walk, else 0.
        hits: ``(r, s)`` 1 for people whom each walk hits, else 0.
    """

    columns: Ints
    drawn: float
    available: Doubles
    hits: Doubles


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
        named[rows] = 1 - _none_enrolled(self._strata(hits[rows], rows))
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
        strata = self._strata(hits[rows], rows)
        shares = []
        for _ in range(ROUNDS):
            weights = self._walk_weights(self.mix.strangers, rng.exponential(size=people))
            templates = rng.exponential(size=len(self.scores.template_sources))
            named = 1 - _none_enrolled(strata, templates)
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
        missed[rows] = 1 - _none_enrolled(others._strata(ahead, rows))
        return missed

    def _strata(self, hits: Bools, rows: Ints) -> list[_Stratum]:
        """Divide the people to enrol by data set.

        Args:
            hits: ``(r, p)`` whom the walks hit.
            rows: ``(r,)`` numbers of these walks.
        """
        available = np.isfinite(self.scores.strangers[rows])
        sources = self.scores.template_sources
        strata = []
        for name, share in _shares_here(self.mix.enrolled, sources).items():
            columns = np.flatnonzero(sources == name)
            drawn = self.size * share
            parts = (table[:, columns].astype(np.float64) for table in (available, hits))
            strata.append(_Stratum(columns, drawn, *parts))
        return strata

    def _walk_weights(
        self,
        shares: Mapping[str, float],
        person_weights: Doubles | None = None,
        counts: Bools | None = None,
    ) -> Doubles:
        """Return the weight of each walk: by data set, person and walk; they sum to 1."""
        people, sources = self.scores.people, self.scores.sources
        counts = np.ones(len(people), np.bool_) if counts is None else counts
        weights = counts / np.maximum(1, np.bincount(people, counts))[people]
        if person_weights is not None:
            weights = weights * person_weights[people]
        for name, share in _shares_here(shares, sources[counts]).items():
            own = sources == name
            weights[own] *= share / weights[own].sum()
        weights[~np.isin(sources, list(shares))] = 0.0
        return np.asarray(weights / weights.sum(), np.float64)


def _shares_here(shares: Mapping[str, float], sources: npt.NDArray[np.str_]) -> dict[str, float]:
    """Return the shares of the data sets that this split has, scaled to sum 1."""
    present = set(np.unique(sources).tolist())
    here = {name: share for name, share in shares.items() if name in present}
    total = sum(here.values())
    return {name: share / total for name, share in here.items()}


def _none_enrolled(strata: Sequence[_Stratum], weights: Doubles | None = None) -> Doubles:
    """Return the probability that a gallery holds none of the people that each walk hits.

    Args:
        strata: The people to enrol.
        weights: ``(p,)`` of them; 1 each by default.
    """
    none: Doubles = np.ones(1)
    for one in strata:
        weight = np.ones(len(one.columns)) if weights is None else weights[one.columns]
        weight = weight * len(weight) / weight.sum()
        none = none * none_drawn(one.available @ weight, one.hits @ weight, one.drawn)
    return none
