"""Evaluate a recogniser: every figure with n and a confidence interval.

Thresholds are set on development people (:mod:`.thresholds`) for walks on photos and in videos
(:mod:`.domains`) and reported on test people; no person is in both, and both have the development
people's mix of data sets (:mod:`.identify`). LFW is read once, for the pairs protocol, and sets no
threshold.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from kiosk.errors import DatasetError
from kiosk.recognition.card import OperatingPoint
from train.dataset.crop_set import CropSet
from train.evaluation.archives import Archives, read_archives
from train.evaluation.demographics import GroupRate, group_rates, relatives_rate
from train.evaluation.domains import GALLERY_SIZES, Side, mean_rates, score_sides
from train.evaluation.embedded import embed_walks
from train.evaluation.identify import Identification, Mix
from train.evaluation.lfw import Lfw, evaluate_lfw
from train.evaluation.recogniser import PLAIN_COSINE, RecogniserUnderTest
from train.evaluation.side_by_side import side_by_side
from train.evaluation.thresholds import threshold_for
from train.evaluation.turned import TurnedRate, evaluate_turned
from train.evaluation.walks import WalkRate, evaluate_walks
from train.metrics import Rate

FPIRS: Final = (0.01, 0.003)
"""Accepted shares of strangers' walks that get a name; the kiosk's default is the smallest."""
EXTRAPOLATED_SIZES: Final = (1000, 3000)
"""A large school and the largest: more people than are measured (:mod:`.thresholds`)."""

NO_ARCHIVES: Final = Archives()
"""The crop set alone."""


class Report(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All figures of one recogniser.

    Attributes:
        name: Of the recogniser.
        operating_points: Thresholds set on development people, by gallery size and FPIR.
        development: Error rates of these thresholds on development people.
        test: Error rates of these thresholds on test people.
        development_photos: Those of the development people on photos alone, as for the test
            people; empty if there are no videos.
        development_videos: Those of the development people in videos alone.
        photos: Those of the test people on photos alone; empty if there are no videos.
        videos: Those of the test people in videos alone; for galleries larger than they have
            people for, extrapolated.
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
    development_photos: tuple[Identification, ...] = ()
    development_videos: tuple[Identification, ...] = ()
    photos: tuple[Identification, ...] = ()
    videos: tuple[Identification, ...] = ()
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
        DatasetError: Too few people are held out, `kiosk-train teach` was not run, or an archive
            cannot be read.
    """
    crop_set.require_taught()  # before an archive is read for minutes
    archives = read_archives(lfw, walks)
    return side_by_side(
        lambda name: evaluate(name, recognisers[name], crop_set, archives),
        [*recognisers],
        "recognisers",
    )


def evaluate(
    name: str,
    recogniser: RecogniserUnderTest,
    crop_set: CropSet,
    archives: Archives = NO_ARCHIVES,
) -> Report:
    """Evaluate one recogniser.

    Args:
        name: For the report.
        recogniser: The recogniser.
        crop_set: Holds development and test people.
        archives: What else it is evaluated on.

    Raises:
        DatasetError: Too few people are held out, or `kiosk-train teach` was not run.
    """
    crop_set.require_taught()
    videos = archives.videos
    dev, test = (embed_walks(recogniser.embed, crop_set, split) for split in ("dev", "test"))
    sizes = _gallery_sizes(len(dev.plan.enrolment), len(test.plan.enrolment))
    found, cosine = (
        _identify(score_sides(recogniser.embed, cohort, (dev, test), videos), sizes)
        for cohort in (recogniser.cohort, PLAIN_COSINE)
    )
    development = tuple(mean_rates(one.dev) for one in found)
    points = tuple(
        OperatingPoint(
            one.fpir, dev.gallery_size, dev.threshold, dev.fnir.value, extrapolated=dev.extrapolated
        )
        for one, dev in zip(found, development, strict=True)
    )
    threshold = _shipped(points).threshold
    thresholds = {(point.fpir, point.gallery_size): point.threshold for point in points}
    return Report(
        name=name,
        operating_points=points,
        development=development,
        test=tuple(mean_rates(one.test) for one in found),
        development_photos=tuple(one.dev[0] for one in found if videos is not None),
        development_videos=tuple(one.dev[1] for one in found if videos is not None),
        photos=tuple(one.test[0] for one in found if videos is not None),
        videos=tuple(one.test[1] for one in found if videos is not None),
        cosine=tuple(mean_rates(one.test) for one in cosine),
        groups=group_rates(test.embeddings, test.photos, recogniser.cohort, threshold),
        relatives=relatives_rate(test.embeddings, test.photos, recogniser.cohort, threshold),
        lfw=evaluate_lfw(recogniser.embed, archives.pairs) if archives.pairs is not None else None,
        walks=evaluate_walks(recogniser, videos, thresholds) if videos is not None else (),
        turned=evaluate_turned(recogniser, points, archives.turned),
    )


@dataclass(frozen=True, slots=True)
class _Found:
    """The error rates of one threshold in each domain.

    Attributes:
        fpir: What was asked for.
        dev: On development people.
        test: On test people.
    """

    fpir: float
    dev: tuple[Identification, ...]
    test: tuple[Identification, ...]


def _identify(sides: tuple[Side, Side], sizes: Sequence[int]) -> list[_Found]:
    """Set thresholds on development people, and measure them on both sides."""
    mix = Mix.of(sides[0].domains[0])
    found = []
    for size, times in _with_extrapolated(sizes):
        on_dev, on_test = (side.of_size(mix, size, times) for side in sides)
        for fpir in FPIRS:
            threshold = threshold_for(on_dev, fpir)
            dev, test = (tuple(one.rates(threshold) for one in side) for side in (on_dev, on_test))
            found.append(_Found(fpir, dev, test))
    return found


def _with_extrapolated(sizes: Sequence[int]) -> list[tuple[int, float]]:
    """Return each gallery size that is measured, and how many times as large the gallery is."""
    largest = max(sizes)
    times = [size / largest for size in EXTRAPOLATED_SIZES] if largest == GALLERY_SIZES[-1] else []
    return [*((size, 1.0) for size in sizes), *((largest, factor) for factor in times)]


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
