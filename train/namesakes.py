"""Find people who stand in the sets under two names, and keep them from the figures.

The research sets share celebrities. A person who is trained on under one name and tested under
another makes the figures too good; one who is enrolled under one name and a stranger under another
makes them too bad. Looks alone decide, so the bound is high: at a cosine of 0.7 between the
teacher's mean embeddings nearly all pairs that were looked at by name were one person.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from kiosk.records import Floats
from train.data import CropSet, Photo
from train.sources import Side
from train.teacher import unit

SAME_PERSON: Final = 0.7


def part_namesakes(crop_set: CropSet, targets: Floats) -> tuple[CropSet, int]:
    """Take held-out people who are somewhere else too off the development and test sides.

    Args:
        crop_set: The crops; ``photos.csv`` is written anew.
        targets: ``(n, dim)`` the teacher's embeddings of them, of length 1.

    Returns:
        The crop set with their side set to ``none``, and how many people that were.
    """
    doubles = find_doubles(crop_set.photos, crop_set.sides, targets)
    sides = tuple(
        "none" if photo.identity in doubles else side
        for photo, side in zip(crop_set.photos, crop_set.sides, strict=True)
    )
    CropSet.write_photos(crop_set.folder, crop_set.photos, sides)
    return CropSet.load(crop_set.folder), len(doubles)


def find_doubles(photos: Sequence[Photo], sides: Sequence[Side], targets: Floats) -> frozenset[str]:
    """Name the held-out people who are trained on, or held out, under another name as well.

    Of two held-out people who are one, the second is named; members of one family never are.
    """
    first = {photo.identity: i for i, photo in reversed(list(enumerate(photos))) if photo.person}
    names = sorted(first)
    number = {name: i for i, name in enumerate(names)}
    sums = np.zeros((len(names), targets.shape[1]), np.float32)
    named = np.array([number.get(photo.identity, -1) for photo in photos])
    np.add.at(sums, named[named >= 0], targets[named >= 0])
    means = unit(sums)
    side = [sides[first[name]] for name in names]
    group = [photos[first[name]].group for name in names]
    doubles: set[str] = set()
    for one in (i for i, s in enumerate(side) if s in {"dev", "test"}):
        near = np.flatnonzero(means @ means[one] >= SAME_PERSON)
        for other in (int(i) for i in near if group[i] != group[one]):
            if side[other] == "train" or (other < one and names[other] not in doubles):
                doubles.add(names[one])
    return frozenset(doubles)
