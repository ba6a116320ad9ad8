"""Strangers of two domains: people on photos and people in videos, half of the strangers each.

A door sees walks. The videos are walks, but of few people, all of them adults; the photos show
thousands of people of all ages, with their relatives. Thresholds from photos alone are strict for
people in videos, and thresholds from the videos alone would know no child. So the FPIR asked for is
the mean of the two. Videos come from :mod:`.video_walkers`, photos from :mod:`.walkers`; without
videos, the photos are all there is.

A gallery that is ``times`` as large as the largest one measured is taken for so many galleries,
each of which names a stranger on its own: FPIR = 1 - (1 - FPIR of one)^times. That is an upper
bound, since a stranger who resembles many people is counted again for each of them.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from kiosk.errors import DatasetError
from kiosk.recognition.match import Cohort
from train.evaluation.embedded import EmbeddedWalks
from train.evaluation.identify import Galleries, Identification, Mix
from train.evaluation.recogniser import Embed
from train.evaluation.video_scores import WalkTables, tables_of
from train.evaluation.video_walkers import score_video_walks
from train.evaluation.videos import Half, Videos
from train.evaluation.walkers import WalkScores
from train.metrics import Rate

GALLERY_SIZES: Final = (10, 30, 100, 420)
"""A group, a class, a year and a school. The kiosk uses the threshold of the next larger size."""


def joint_fpir(fpir: float, times: float) -> float:
    """Return the FPIR of ``times`` galleries together when each has ``fpir``."""
    return -math.expm1(math.log1p(-min(fpir, 1 - 1e-12)) * times)


@dataclass(frozen=True, slots=True)
class Domain:
    """The strangers and enrolled people of one kind of data.

    Attributes:
        galleries: Of the largest size that can be measured, up to the size asked for.
        times: How many times as many people are enrolled.
    """

    galleries: Galleries
    times: float = 1.0

    @property
    def size(self) -> int:
        """How many people are enrolled."""
        return round(self.galleries.size * self.times)

    def rates(self, threshold: float) -> Identification:
        """Return the expected error rates with their intervals."""
        fpir = self.galleries.fpir_rate(threshold)
        value, low, high = (
            joint_fpir(one, self.times) for one in (fpir.value, fpir.low, fpir.high)
        )
        return Identification(
            self.size,
            threshold,
            Rate(value, low, high, fpir.n),
            self.galleries.fnir_rate(threshold),
            extrapolated=self.times > 1,
        )


@dataclass(frozen=True, slots=True)
class Side:
    """The scores of development or of test people.

    Attributes:
        domains: On photos, and in videos if there are any.
    """

    domains: tuple[WalkScores, ...]

    def of_size(self, mix: Mix, size: int, times: float) -> list[Domain]:
        """Return the domains with galleries of ``size`` times ``times`` people.

        Args:
            mix: Of the photos.
            size: That can be measured on photos.
            times: How many times as many people are enrolled.
        """
        photos, *videos = self.domains
        found = [Domain(Galleries(photos, mix, size), times)]
        for scores in videos:
            fits = min(round(size * times), len(scores.template_sources) - 1)
            part = Galleries(scores, Mix.of(scores), fits)
            found.append(Domain(part, size * times / fits))
        return found


def score_sides(
    embed: Embed, cohort: Cohort, photos: tuple[EmbeddedWalks, EmbeddedWalks], videos: Videos | None
) -> tuple[Side, Side]:
    """Score the walks of development and of test people.

    Args:
        embed: Embeds crops.
        cohort: Normalises the scores.
        photos: Of development and of test people.
        videos: One half of their people is for development; ``None``: there are none.

    Raises:
        DatasetError: In a half of the videos fewer than two people can be enrolled.
    """
    dev, test = ([walks.scores(cohort)] for walks in photos)
    if videos is not None:
        tables = tables_of(embed, videos, cohort)
        dev.append(_score_half(tables, "dev"))
        test.append(_score_half(tables, "test"))
    return Side(tuple(dev)), Side(tuple(test))


def _score_half(tables: WalkTables, half: Half) -> WalkScores:
    scores = score_video_walks(tables, half)
    if len(scores.template_sources) < 2:  # one to enrol, who is a stranger to the other one
        message = f"walks: fewer than two people of the half {half!r} have two videos or more"
        raise DatasetError(message)
    return scores


def mean_rates(found: Sequence[Identification]) -> Identification:
    """Average the rates of all domains; it is extrapolated if the first domain is."""
    first = found[0]
    fpir, fnir = _mean(one.fpir for one in found), _mean(one.fnir for one in found)
    return Identification(
        first.gallery_size, first.threshold, fpir, fnir, extrapolated=first.extrapolated
    )


def _mean(rates: Iterable[Rate]) -> Rate:
    """Average rates of independent people: their intervals add as squares."""
    found = list(rates)
    value = sum(one.value for one in found) / len(found)
    low = np.hypot.reduce([one.value - one.low for one in found]) / len(found)
    high = np.hypot.reduce([one.high - one.value for one in found]) / len(found)
    return Rate(
        value, max(0.0, value - float(low)), value + float(high), sum(one.n for one in found)
    )
