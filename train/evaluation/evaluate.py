"""Evaluate a recogniser: every figure with n and a confidence interval.

Thresholds are set on development people and reported on test people; no person is in both. LFW is
read once, for the pairs protocol, and sets no threshold.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import msgspec
import numpy as np
from tqdm import tqdm

from kiosk.errors import DatasetError
from kiosk.recognition.bundle import OperatingPoint
from kiosk.recognition.match import Cohort
from kiosk.records import Floats
from train.dataset.crop_set import CropSet, Photo
from train.dataset.sources import Split
from train.evaluation.demographics import GroupRate, group_rates, relatives_rate
from train.evaluation.identify import Identification, draw_gallery, rates, threshold_for
from train.evaluation.lfw import Lfw, evaluate_lfw
from train.evaluation.metrics import Ints, Rate
from train.evaluation.recogniser import PLAIN_COSINE, Embed, RecogniserUnderTest
from train.evaluation.turned import TurnedRate, evaluate_turned

GALLERY_SIZES: Final = (10, 30, 100, 420)
"""A group, a class, a year and a school. The kiosk uses the threshold of the next larger size."""
FPIRS: Final = (0.01, 0.003)
"""Accepted shares of strangers' photos that get a name; the kiosk's default is the smallest."""
DRAWS: Final = 10
"""How many random galleries each figure is measured with."""

_Embedded: TypeAlias = tuple[Floats, list[Photo]]


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
        walks: The archive of walks; ``None`` skips turned faces.

    Raises:
        DatasetError: Too few people are held out, or an archive cannot be read.
    """
    bar = tqdm(recognisers.items(), desc="recognisers", disable=None)
    return [evaluate(name, recogniser, crop_set, lfw, walks) for name, recogniser in bar]


def evaluate(
    name: str,
    recogniser: RecogniserUnderTest,
    crop_set: CropSet,
    lfw: Path | None = None,
    walks: Path | None = None,
) -> Report:
    """Evaluate one recogniser.

    Args:
        name: For the report.
        recogniser: The recogniser.
        crop_set: Holds development and test people.
        lfw: The archive of LFW's pairs; ``None`` skips them.
        walks: The archive of walks; ``None`` skips turned faces.

    Raises:
        DatasetError: Too few people are held out, or an archive cannot be read.
    """
    dev, test = (embed_split(recogniser.embed, crop_set, split) for split in ("dev", "test"))
    found = _identify(dev, test, recogniser.cohort)
    points = tuple(
        OperatingPoint(fpir, on_dev.gallery_size, on_dev.threshold, on_dev.fnir.value)
        for fpir, on_dev, _ in found
    )
    threshold = _shipped(points).threshold
    return Report(
        name=name,
        operating_points=points,
        development=tuple(on_dev for _, on_dev, _ in found),
        test=tuple(on_test for _, _, on_test in found),
        cosine=tuple(on_test for _, _, on_test in _identify(dev, test, PLAIN_COSINE)),
        groups=group_rates(*test, recogniser.cohort, threshold),
        relatives=relatives_rate(*test, recogniser.cohort, threshold),
        lfw=evaluate_lfw(recogniser.embed, lfw) if lfw is not None else None,
        turned=evaluate_turned(recogniser, points, walks) if walks is not None else (),
    )


def _identify(
    dev: _Embedded, test: _Embedded, cohort: Cohort
) -> list[tuple[float, Identification, Identification]]:
    """Set thresholds on development people.

    Returns:
        Each FPIR asked for, with the error rates on development and on test people.
    """
    found = []
    for size in _gallery_sizes(dev[1], test[1]):
        on_dev, on_test = (
            [draw_gallery(*embedded, cohort, size, seed) for seed in range(DRAWS)]
            for embedded in (dev, test)
        )
        for fpir in FPIRS:
            threshold = threshold_for(on_dev, fpir)
            found.append((fpir, rates(on_dev, threshold, size), rates(on_test, threshold, size)))
    return found


def _shipped(points: Sequence[OperatingPoint]) -> OperatingPoint:
    return max(points, key=lambda point: (-point.fpir, point.gallery_size))


def embed_split(embed: Embed, crop_set: CropSet, split: Split) -> tuple[Floats, list[Photo]]:
    """Embed all crops of a split.

    Returns:
        ``(n, dim)``, and the photo of each.

    Raises:
        DatasetError: The split is empty.
    """
    indices = crops_of_split(crop_set, split)
    vectors = np.concatenate([embed(batch) for batch in crop_set.contract_crops(indices)])
    return vectors, [crop_set.photos[i] for i in indices]


def crops_of_split(crop_set: CropSet, split: Split) -> Ints:
    """Return the indices of a split's crops.

    Raises:
        DatasetError: The split is empty.
    """
    indices = crop_set.indices_of(split)
    if len(indices) == 0:
        raise DatasetError(
            f"{crop_set.folder}: the {split!r} split is empty; prepare with more people"
        )
    return indices


def _gallery_sizes(*splits: Sequence[Photo]) -> list[int]:
    """Choose the usual sizes that leave a stranger in each split; in a small set, half of it."""
    people = min(_count_enrollable(photos) for photos in splits)
    fit = [size for size in GALLERY_SIZES if size < people]
    if not fit and people < 2:
        raise DatasetError("fewer than two held-out people have four photos or more")
    return fit or [people // 2]


def _count_enrollable(photos: Sequence[Photo]) -> int:
    """Count the people with three photos to enrol and one more for a probe."""
    counts = Counter(photo.identity for photo in photos if photo.person)
    return sum(count > 3 for count in counts.values())
