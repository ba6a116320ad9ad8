"""False match rates where strangers look alike: within a demographic group, between relatives."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from kiosk.recognition.match import Cohort
from kiosk.records import Floats
from train.dataset.crop_set import Photo
from train.metrics import Rate, bootstrap

GROUP_PHOTOS_MIN: Final = 20
"""A group of fewer photos says too little about a false match rate."""
AGE_BANDS: Final = ((0, 9), (10, 19), (20, 39), (40, 59), (60, 120))


class GroupRate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """False match rate between strangers of one group.

    Attributes:
        group: Sex, age band and race label.
        photos: How many photos are compared, each with each.
        fmr: The share of these pairs at or above the threshold.
    """

    group: str
    photos: int
    fmr: Rate


def group_rates(
    vectors: Floats, photos: Sequence[Photo], cohort: Cohort, threshold: float
) -> tuple[GroupRate, ...]:
    """Measure the false match rate between strangers of the same sex, age band and race label.

    Args:
        vectors: ``(n, dim)`` of length 1.
        photos: ``(n,)`` where they came from; only those of UTKFace tell their group.
        cohort: Normalises the scores.
        threshold: Score.

    Returns:
        The groups of at least :data:`GROUP_PHOTOS_MIN` photos, the highest rate first.
    """
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
    """Read sex, age band and UTKFace's own race label from a UTKFace file name."""
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
    """Count the pairs at or above a threshold; the pairs of a photo are one cluster."""
    above = cohort.scores(vectors, vectors) >= threshold
    return bootstrap([np.delete(row, i) for i, row in enumerate(above)])


def relatives_rate(
    vectors: Floats, photos: Sequence[Photo], cohort: Cohort, threshold: float
) -> Rate | None:
    """Measure the false match rate between photos of two members of one family.

    Args:
        vectors: ``(n, dim)`` of length 1.
        photos: ``(n,)`` where they came from; only those of source ``families`` count.
        cohort: Normalises the scores.
        threshold: Score.

    Returns:
        The rate; ``None`` if no two relatives are among the people.
    """
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
