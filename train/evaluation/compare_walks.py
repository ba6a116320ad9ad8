"""Compare recognisers on walks of test people: the last look before one of them ships.

Walks are those of :mod:`train.evaluation.walks`, by the mean of their frames. FNIR is the mean of
those at three FPIRs. At one FPIR a few strangers set the threshold, because few of them look like
somebody: two int8 files of one network differ there by up to two points. For an interval people
are drawn again and again, and every threshold is set anew by the strangers who were drawn.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from kiosk.records import Floats
from train.evaluation.compared_figure import ComparedFigure, figure_label
from train.evaluation.recogniser import PLAIN_COSINE, RecogniserUnderTest
from train.evaluation.side_by_side import side_by_side
from train.evaluation.video_scores import tables_of
from train.evaluation.videos import Half, Videos
from train.evaluation.walks import FACE_WIDTHS_PX, GALLERY_SIZES, Outcomes, outcomes_of
from train.metrics import Ints, Rate

FPIRS: Final = (0.003, 0.01, 0.03)
_HALVES: Final[Mapping[Half, str]] = {"test": "test people", "all": "all people"}
_ROUNDS: Final = 1000
_SEED: Final = 0


@dataclass(frozen=True, slots=True, eq=False)
class WalkScores:
    """Scores of walks past all galleries.

    Attributes:
        mated: ``(m,)`` of enrolled people's walks; -1 for a wrong name.
        mated_people: ``(m,)`` the number of the person of each.
        strangers: ``(s,)`` of strangers' walks, the highest first.
        stranger_people: ``(s,)`` the number of the person of each.
    """

    mated: Floats
    mated_people: Ints
    strangers: Floats
    stranger_people: Ints

    @classmethod
    def of(cls, found: Outcomes) -> "WalkScores":
        """Join all galleries, and number the people."""
        mated, strangers = np.concatenate(found.mated), np.concatenate(found.strangers)
        names = np.concatenate([*found.mated_people, *found.stranger_people])
        numbers = np.unique(names, return_inverse=True)[1]
        order = np.argsort(-strangers, kind="stable")
        return cls(mated, numbers[: len(mated)], strangers[order], numbers[len(mated) :][order])

    @property
    def people(self) -> int:
        """How many people walk past."""
        return int(max(self.mated_people.max(), self.stranger_people.max())) + 1

    def fnir(self, times: Ints) -> float:
        """Compute the mean of FNIR at the FPIRs, each person counted so many times.

        Args:
            times: ``(people,)`` how often each person is counted.
        """
        named, enrolled = np.cumsum(times[self.stranger_people]), times[self.mated_people]
        shares = []
        for fpir in FPIRS:
            # As metrics.quantile_threshold: a walk is named above the first score that is too many.
            at = np.searchsorted(named, np.floor(fpir * named[-1] + 1e-9), side="right")
            reached = self.strangers[at] if at < len(self.strangers) else -np.inf
            shares.append(enrolled[self.mated <= reached].sum() / max(enrolled.sum(), 1))
        return float(np.mean(shares))


def compare_walks(
    recognisers: Mapping[str, RecogniserUnderTest], videos: Videos
) -> tuple[ComparedFigure, ...]:
    """Compare recognisers on walks of test people, and of all people of an archive.

    Args:
        recognisers: By name; the changes are beside the first.
        videos: Of all people.

    Raises:
        DatasetError: Too few people have two videos.
    """
    columns = side_by_side(
        lambda name: dict(_score(recognisers[name], videos)), [*recognisers], "walks"
    )
    return tuple(compare_scores(label, [one[label] for one in columns]) for label in columns[0])


def _score(found: RecogniserUnderTest, videos: Videos) -> Iterator[tuple[str, WalkScores]]:
    """Yield the label of each figure of a recogniser, and its scores."""
    for width in FACE_WIDTHS_PX:
        for scoring, cohort in (("cosine", PLAIN_COSINE), ("score", found.cohort)):
            tables = tables_of(found.embed, videos, cohort, width)
            for half, who in _HALVES.items():
                case = f"walks of {who}, {GALLERY_SIZES[half]} enrolled"
                label = figure_label(case, width, scoring)
                yield label, WalkScores.of(outcomes_of(tables, half, "mean"))


def compare_scores(label: str, columns: Sequence[WalkScores]) -> ComparedFigure:
    """Compute FNIR of recognisers on the same walks, and how it changes beside the first."""
    count = columns[0].people
    everybody = np.ones(count, np.int64)
    rng = np.random.default_rng(_SEED)
    draws = [np.bincount(rng.integers(0, count, count), minlength=count) for _ in range(_ROUNDS)]
    found = [one.fnir(everybody) for one in columns]
    drawn = np.array([[one.fnir(times) for one in columns] for times in draws])
    walks = len(columns[0].mated)
    return ComparedFigure(
        label,
        tuple(_rate(value, drawn[:, at], walks) for at, value in enumerate(found)),
        tuple(
            _rate(value - found[0], drawn[:, at] - drawn[:, 0], walks)
            for at, value in enumerate(found)
        ),
    )


def _rate(value: float, drawn: Floats, walks: int) -> Rate:
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Rate(value, float(low), float(high), walks)
