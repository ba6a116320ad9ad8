"""The evaluation report: every figure of a recogniser, with n and an interval.

Thresholds are set on development people and reported on test people, who share nobody. LFW is
read once, for the pairs protocol, and sets nothing.
"""

import zipfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from kiosk.errors import DatasetError, PhotoError
from kiosk.recognition.bundle import OperatingPoint
from kiosk.recognition.match import Cohort
from kiosk.records import Floats
from train.dataset.crop_set import CropSet, Photo
from train.dataset.sources import Split
from train.evaluation.cohort import PLAIN_COSINE, Embed, RecogniserUnderTest
from train.evaluation.identify import Identification, draw_gallery, rates, threshold_for
from train.evaluation.lfw import read_crops, read_pairs
from train.evaluation.metrics import Ints, Rate, TenFold, bootstrap, fold_accuracy, tar_at_far

GALLERY_SIZES: Final = (10, 30, 100, 420)
"""A group, a class, a year and a school. The kiosk takes the threshold of the next larger one."""
FPIRS: Final = (0.01, 0.003)
"""Shares of strangers' photos given a name; the kiosk's default is the smallest."""
DRAWS: Final = 10
GROUP_PHOTOS_MIN: Final = 20
"""Groups of fewer photos say too little about a false match rate."""
AGE_BANDS: Final = ((0, 9), (10, 19), (20, 39), (40, 59), (60, 120))


class Lfw(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The official 6,000 pairs."""

    verification: TenFold
    tar_at_far_1: Rate
    tar_at_far_01: Rate
    not_found: int


class GroupRate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """False match rate between strangers of one group."""

    group: str
    photos: int
    fmr: Rate


class Report(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All figures of one recogniser.

    Attributes:
        name: Which.
        operating_points: Thresholds set on development people, by gallery size and FPIR.
        development: Their error rates there, per gallery size and FPIR.
        test: The error rates of the same thresholds on test people.
        cosine: What plain cosines would give on test people, in the same order: thresholds set for
            them on development people, no score held against a cohort.
        groups: False match rate within groups at the shipped threshold, worst first; photo against
            photo, as is the next.
        relatives: False match rate between members of a family at the shipped threshold; ``None``
            where no two are among the test people.
        lfw: The pairs, if they were asked for.
    """

    name: str
    operating_points: tuple[OperatingPoint, ...]
    development: tuple[Identification, ...]
    test: tuple[Identification, ...]
    cosine: tuple[Identification, ...]
    groups: tuple[GroupRate, ...]
    relatives: Rate | None
    lfw: Lfw | None = None

    @property
    def shipped(self) -> OperatingPoint:
        """The point that groups and relatives are measured at.

        The smallest FPIR, which is the kiosk's default, and the largest gallery measured.
        """
        return _shipped(self.operating_points)


def evaluate(
    name: str, recogniser: RecogniserUnderTest, crop_set: CropSet, lfw: Path | None = None
) -> Report:
    """Measure a recogniser.

    Args:
        name: For the report.
        recogniser: The recogniser.
        crop_set: With development and test people.
        lfw: The archive of LFW's pairs; ``None`` leaves it alone.

    Raises:
        DatasetError: Too few people are held out, or the archive cannot be read.
    """
    dev, test = (embed_split(recogniser.embed, crop_set, side) for side in ("dev", "test"))
    found = _identify(dev, test, recogniser.cohort)
    points = tuple(
        OperatingPoint(fpir, own.gallery_size, own.threshold, own.fnir.value)
        for fpir, own, _ in found
    )
    shipped = _shipped(points).threshold
    return Report(
        name=name,
        operating_points=points,
        development=tuple(own for _, own, _ in found),
        test=tuple(own for _, _, own in found),
        cosine=tuple(own for _, _, own in _identify(dev, test, PLAIN_COSINE)),
        groups=by_group(*test, recogniser.cohort, shipped),
        relatives=between_relatives(*test, recogniser.cohort, shipped),
        lfw=evaluate_lfw(recogniser.embed, lfw) if lfw is not None else None,
    )


def _identify(
    dev: tuple[Floats, list[Photo]], test: tuple[Floats, list[Photo]], cohort: Cohort
) -> list[tuple[float, Identification, Identification]]:
    """Set thresholds on development people; each FPIR with the error rates there and on test."""
    found = []
    for size in _sizes(dev[1], test[1]):
        own, others = (
            [draw_gallery(*side, cohort, size, seed) for seed in range(DRAWS)]
            for side in (dev, test)
        )
        for fpir in FPIRS:
            threshold = threshold_for(own, fpir)
            found.append((fpir, rates(own, threshold, size), rates(others, threshold, size)))
    return found


def _shipped(points: Sequence[OperatingPoint]) -> OperatingPoint:
    return max(points, key=lambda point: (-point.fpir, point.gallery_size))


def embed_split(embed: Embed, crop_set: CropSet, side: Split) -> tuple[Floats, list[Photo]]:
    """Embed everybody on a side; ``(n, dim)``, and who is on the photos.

    Raises:
        DatasetError: Nobody is.
    """
    indices = crops_of_split(crop_set, side)
    vectors = np.concatenate([embed(batch) for batch in crop_set.contract_crops(indices)])
    return vectors, [crop_set.photos[i] for i in indices]


def crops_of_split(crop_set: CropSet, side: Split) -> Ints:
    """Give the numbers of a side's crops.

    Raises:
        DatasetError: It has none.
    """
    indices = crop_set.indices_of(side)
    if len(indices) == 0:
        raise DatasetError(f"{crop_set.folder}: nobody on side {side!r}; prepare with more people")
    return indices


def _sizes(*splits: Sequence[Photo]) -> list[int]:
    """Take the gallery sizes that both splits have people for; else what a small set allows."""
    people = min(_can_enrol(photos) for photos in splits)
    fit = [size for size in GALLERY_SIZES if size < people]
    if not fit and people < 2:
        raise DatasetError("fewer than two held-out people have four photos or more")
    return fit or [people // 2]


def _can_enrol(photos: Sequence[Photo]) -> int:
    counts: defaultdict[str, int] = defaultdict(int)
    for photo in photos:
        counts[photo.identity] += bool(photo.person)
    return sum(count > 3 for count in counts.values())


def by_group(
    vectors: Floats, photos: Sequence[Photo], cohort: Cohort, threshold: float
) -> tuple[GroupRate, ...]:
    """Measure the false match rate between strangers of the same sex, age band and race label."""
    groups: defaultdict[str, list[int]] = defaultdict(list)
    for index, photo in enumerate(photos):
        name = utkface_group(photo.photo) if photo.source == "utkface" else None
        if name is not None:
            groups[name].append(index)
    found = [
        GroupRate(name, len(own), _pairs_above(vectors[own], cohort, threshold))
        for name, own in groups.items()
        if len(own) >= GROUP_PHOTOS_MIN
    ]
    return tuple(sorted(found, key=lambda item: -item.fmr.value))


def utkface_group(name: str) -> str | None:
    """Read sex, age band and the set's own race label from a UTKFace file name."""
    parts = name.split("_")
    if len(parts) < 4 or not all(part.isdigit() for part in parts[:3]):
        return None
    age, sex, race = (int(part) for part in parts[:3])
    band = next((f"{low}-{high}" for low, high in AGE_BANDS if low <= age <= high), None)
    if band is None or sex > 1 or race > 4:
        return None
    label = ("White", "Black", "Asian", "Indian", "Other")[race]
    return f"{('male', 'female')[sex]}, {band}, {label}"


def _pairs_above(vectors: Floats, cohort: Cohort, threshold: float) -> Rate:
    """Count the pairs above a threshold; each photo's pairs are one cluster of the interval."""
    above = cohort.scores(vectors, vectors) >= threshold
    return bootstrap([np.delete(row, i) for i, row in enumerate(above)])


def between_relatives(
    vectors: Floats, photos: Sequence[Photo], cohort: Cohort, threshold: float
) -> Rate | None:
    """Measure the false match rate between photos of two members of one family, if there are."""
    families: defaultdict[str, list[int]] = defaultdict(list)
    for index, photo in enumerate(photos):
        if photo.source == "families":
            families[photo.group].append(index)
    clusters = []
    for own in families.values():
        people = np.array([photos[i].person for i in own])
        different = np.triu(people[:, None] != people[None], 1)
        clusters.append((cohort.scores(vectors[own], vectors[own]) >= threshold)[different])
    clusters = [hits for hits in clusters if len(hits)]
    return bootstrap(clusters) if clusters else None


def evaluate_lfw(embed: Embed, path: Path) -> Lfw:
    """Run LFW's official pairs, detected and aligned by the kiosk's own stages.

    Raises:
        DatasetError: The archive cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            pairs = read_pairs(archive.read("pairs.txt").decode())
            names = sorted({name for pair in pairs for name in pair[:2]})
            crops, not_found = read_crops(archive, names)
    except (OSError, KeyError, zipfile.BadZipFile, PhotoError) as exc:
        raise DatasetError(f"{path}: not the archive of LFW's pairs ({exc})") from exc
    vectors = np.concatenate([embed(crops[i : i + 512]) for i in range(0, len(crops), 512)])
    where = {name: i for i, name in enumerate(names)}
    one, other = ([where[str(pair[k])] for pair in pairs] for k in (0, 1))
    scores = np.sum(vectors[one] * vectors[other], axis=1)
    same = np.array([pair[2] for pair in pairs])
    folds = np.array([pair[3] for pair in pairs])
    return Lfw(
        verification=fold_accuracy(scores, same, folds),
        tar_at_far_1=tar_at_far(scores, same, 0.01),
        tar_at_far_01=tar_at_far(scores, same, 0.001),
        not_found=not_found,
    )
