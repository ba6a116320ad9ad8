"""Evaluate a recogniser: every figure with n and a confidence interval.

Thresholds are set on development people (:mod:`.thresholds`) for walks (:mod:`.walkers`) and
reported on test people; no person is in both, and both have the development people's mix of data
sets (:mod:`.identify`). LFW is read once, for the pairs protocol, and sets no threshold.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import msgspec
from tqdm import tqdm

from kiosk.errors import DatasetError
from kiosk.recognition.card import OperatingPoint
from train.dataset.crop_set import CropSet
from train.evaluation.demographics import GroupRate, group_rates, relatives_rate
from train.evaluation.embedded import embed_walks
from train.evaluation.identify import Galleries, Identification, Mix
from train.evaluation.lfw import Lfw, evaluate_lfw
from train.evaluation.metrics import Rate
from train.evaluation.recogniser import PLAIN_COSINE, RecogniserUnderTest
from train.evaluation.thresholds import joint_fpir, threshold_for
from train.evaluation.turned import TurnedRate, evaluate_turned, read_turned_faces
from train.evaluation.videos import Videos, read_videos
from train.evaluation.walkers import WalkScores
from train.evaluation.walks import WalkRate, evaluate_walks

GALLERY_SIZES: Final = (10, 30, 100, 420)
"""A group, a class, a year and a school. The kiosk uses the threshold of the next larger size."""
FPIRS: Final = (0.01, 0.003)
"""Accepted shares of strangers' walks that get a name; the kiosk's default is the smallest."""
EXTRAPOLATED_SIZES: Final = (1000, 3000)
"""A large school and the largest: more people than are measured (:mod:`.thresholds`)."""

_Found: TypeAlias = tuple[float, Identification, Identification]


class Report(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All figures of one recogniser.

    Attributes:
        name: Of the recogniser.
        operating_points: Thresholds set on development people, by gallery size and FPIR.
        development: Error rates of these thresholds on development people.
        test: Error rates of these thresholds on test people.
        cosine: Error rates of plain cosines on test people, in the same order: without a cohort,
            with thresholds set for cosines on development people.
        groups: False match rate within groups at the shipped threshold, highest first; one photo
            compared with one photo, as for the relatives.
        relatives: False match rate between members of a family at the shipped threshold; ``None``
            if no two relatives are among the test people.
        lfw: LFW's pairs; ``None`` if they were not asked for.
        walks: People who walk past in videos; empty if they were not asked for.
        turned: Strangers at a turned camera; empty if they were not asked for.
    """

    name: str
    operating_points: tuple[OperatingPoint, ...]
    development: tuple[Identification, ...]
    test: tuple[Identification, ...]
    cosine: tuple[Identification, ...]
    groups: tuple[GroupRate, ...]
    relatives: Rate | None
    lfw: Lfw | None = None
    walks: tuple[WalkRate, ...] = ()
    turned: tuple[TurnedRate, ...] = ()

    @property
    def shipped(self) -> OperatingPoint:
        """The operating point that groups and relatives are measured at.

        The smallest FPIR, which is the kiosk's default, and the largest gallery measured.
        """
        return _shipped(self.operating_points)


def evaluate_all(
    recognisers: Mapping[str, RecogniserUnderTest],
    crop_set: CropSet,
    lfw: Path | None,
    walks: Path | None = None,
) -> list[Report]:
    """Evaluate several recognisers on the same crops.

    Args:
        recognisers: By name, in the order of the reports.
        crop_set: Holds development and test people.
        lfw: The archive of LFW's pairs; ``None`` skips them.
        walks: The archive of walks; ``None`` skips them, and turned faces.

    Raises:
        DatasetError: Too few people are held out, or an archive cannot be read.
    """
    videos = read_videos(walks) if walks is not None else None
    turns = read_turned_faces(walks) if walks is not None else ()
    bar = tqdm(recognisers.items(), desc="recognisers", disable=None)
    reports = []
    for name, recogniser in bar:
        report = evaluate(name, recogniser, crop_set, lfw, videos)
        turned = evaluate_turned(recogniser, report.operating_points, turns)
        reports.append(msgspec.structs.replace(report, turned=turned))
    return reports


def evaluate(
    name: str,
    recogniser: RecogniserUnderTest,
    crop_set: CropSet,
    lfw: Path | None = None,
    videos: Videos | None = None,
) -> Report:
    """Evaluate one recogniser.

    Args:
        name: For the report.
        recogniser: The recogniser.
        crop_set: Holds development and test people.
        lfw: The archive of LFW's pairs; ``None`` skips them.
        videos: Walks past a camera; ``None`` skips them.

    Raises:
        DatasetError: Too few people are held out, or an archive cannot be read.
    """
    dev, test = (embed_walks(recogniser.embed, crop_set, split) for split in ("dev", "test"))
    sizes = _gallery_sizes(len(dev.plan.enrolment), len(test.plan.enrolment))
    found, cosine = (
        _identify(dev.scores(cohort), test.scores(cohort), sizes)
        for cohort in (recogniser.cohort, PLAIN_COSINE)
    )
    points = tuple(
        OperatingPoint(
            fpir,
            on_dev.gallery_size,
            on_dev.threshold,
            on_dev.fnir.value,
            extrapolated=on_dev.extrapolated,
        )
        for fpir, on_dev, _ in found
    )
    threshold = _shipped(points).threshold
    thresholds = {(point.fpir, point.gallery_size): point.threshold for point in points}
    return Report(
        name=name,
        operating_points=points,
        development=tuple(on_dev for _, on_dev, _ in found),
        test=tuple(on_test for _, _, on_test in found),
        cosine=tuple(on_test for _, _, on_test in cosine),
        groups=group_rates(test.embeddings, test.photos, recogniser.cohort, threshold),
        relatives=relatives_rate(test.embeddings, test.photos, recogniser.cohort, threshold),
        lfw=evaluate_lfw(recogniser.embed, lfw) if lfw is not None else None,
        walks=evaluate_walks(recogniser, videos, thresholds) if videos is not None else (),
    )


def _identify(dev: WalkScores, test: WalkScores, sizes: Sequence[int]) -> list[_Found]:
    """Set thresholds on development people.

    Returns:
        Each FPIR asked for, with the error rates on development and on test people.
    """
    mix = Mix.of(dev)
    found = []
    for size, times in _with_extrapolated(sizes):
        on_dev, on_test = (Galleries(scores, mix, size) for scores in (dev, test))
        for fpir in FPIRS:
            threshold = threshold_for(on_dev, fpir, times)
            dev_rates, test_rates = (_rates(one, threshold, times) for one in (on_dev, on_test))
            found.append((fpir, dev_rates, test_rates))
    return found


def _with_extrapolated(sizes: Sequence[int]) -> list[tuple[int, float]]:
    """Return each gallery size that is measured, and how many times as large the gallery is."""
    largest = max(sizes)
    times = [size / largest for size in EXTRAPOLATED_SIZES] if largest == GALLERY_SIZES[-1] else []
    return [*((size, 1.0) for size in sizes), *((largest, factor) for factor in times)]


def _rates(galleries: Galleries, threshold: float, times: float) -> Identification:
    fpir = galleries.fpir_rate(threshold)
    value, low, high = (joint_fpir(one, times) for one in (fpir.value, fpir.low, fpir.high))
    return Identification(
        round(galleries.size * times),
        threshold,
        Rate(value, low, high, fpir.n),
        galleries.fnir_rate(threshold),
        extrapolated=times > 1,
    )


def _shipped(points: Sequence[OperatingPoint]) -> OperatingPoint:
    measured = [point for point in points if not point.extrapolated]
    return max(measured, key=lambda point: (-point.fpir, point.gallery_size))


def _gallery_sizes(*people: int) -> list[int]:
    """Choose the usual sizes that leave a stranger in each split; in a small set, half of it.

    Args:
        people: How many can be enrolled in each split.
    """
    fit = [size for size in GALLERY_SIZES if size < min(people)]
    if not fit and min(people) < 2:
        raise DatasetError("fewer than two held-out people have four photos or more")
    return fit or [min(people) // 2]
