"""Find people who appear in the data sets under two names, and exclude them from the evaluation.

The research sets share celebrities. A person in training under one name and in test under another
makes the figures too good; a person enrolled under one name who is a stranger under another (or on
an unnamed photo) makes them too bad. Only appearance can tell.

A person or photo is identified with a person under two conditions. It is near: a cosine of
:data:`SIMILAR` to the mean of that person's teacher embeddings. And it is much nearer than to the
next person of another appearance. The cosine alone is not enough: toddlers look alike to a
recogniser (0.78 between the means of two). They are the hardest strangers, and removing them would
make the figures too good.

How the values were chosen: the crops of the sets of ``research.toml``, viewed side by side (SFace;
one person / viewed):

=========================  ===========  ==========================================
held-out people            margin       one person
=========================  ===========  ==========================================
cosine 0.70 and above      below 0.10   1 of 23 (the others are small children)
cosine 0.70 and above      0.10-0.15    5 of 5
cosine 0.70 to 0.80        above 0.15   28 of 28
cosine 0.60 to 0.70        below 0.10   2 of 28
cosine 0.60 to 0.70        0.10-0.15    7 of 10 (2 undecided)
cosine 0.60 to 0.70        above 0.15   13 of 13
=========================  ===========  ==========================================

=========================  ===========  ==========================================
unnamed photos             margin       one person
=========================  ===========  ==========================================
cosine 0.70 and above      below 0.15   2 of 12 (the others are small children)
cosine 0.70 and above      above 0.15   nearly all (10 of 12 between 0.15 and 0.20)
cosine 0.60 to 0.70        0.10-0.15    27 of 40
cosine 0.60 to 0.70        above 0.15   39 of 40 (a few of them blurred or turned)
cosine 0.50 to 0.60        above 0.12   9 of 14
=========================  ===========  ==========================================

(The photos' margins here are to the next person below a cosine of 0.6 to the first; at
:data:`SAME_APPEARANCE` six of 173 fewer are removed, three of them small children.) Of the photos
under a held-out name that the rule identifies with another person, about 33 of 37 had wrong labels.

Both kinds of error remain. Celebrities on bad photos stay (some thirty at a cosine of 0.6 and
above), which makes the figures too bad. Of the removed photos a few in a hundred were true
strangers. This makes the figures too good, above all for the teacher and models distilled from it.
Of the 48 photos identified with held-out people, MobileFaceNet named the same person for 46.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from kiosk.recognition.vectors import unit
from kiosk.records import Floats
from train.dataset.crop_set import CropSet, Photo
from train.dataset.near_duplicates import groups
from train.dataset.sources import Split
from train.group_sums import sum_groups
from train.metrics import Bools, Ints

SIMILAR: Final = 0.6
"""Least cosine to the mean embedding of the person that a person or photo is identified with."""
PERSON_MARGIN: Final = 0.1
"""How much nearer than to the next person a person (the mean of all photos) must be."""
PHOTO_MARGIN: Final = 0.15
"""The same for a single photo, which says less."""
SAME_APPEARANCE: Final = 0.7
"""Means at this cosine have one appearance; the next person must have another."""
_BLOCK: Final = 1024
_HELD_OUT: Final = ("dev", "test")


@dataclass(frozen=True, slots=True)
class Removed:
    """What was removed from the development and test splits.

    Attributes:
        people: How many people are elsewhere under another name.
        photos: How many single photos show another named person.
    """

    people: int
    photos: int


@dataclass(frozen=True, slots=True)
class _People:
    """The ``p`` named people, in the order of their names.

    Attributes:
        of_photo: ``(n,)`` number of the person on each photo; -1 for an unnamed photo.
        names: ``(p,)`` with the source.
        means: ``(p, dim)`` of length 1.
        sums: ``(p, dim)``, sum of the embeddings of all photos.
        splits: ``(p,)``.
        families: ``(p,)`` number of the family.
    """

    of_photo: Ints
    names: tuple[str, ...]
    means: Floats
    sums: Floats
    splits: tuple[Split, ...]
    families: Ints


def remove_same_people(crop_set: CropSet, targets: Floats) -> tuple[CropSet, Removed]:
    """Move held-out people and photos that also appear under another name to the split ``none``.

    Args:
        crop_set: The crops; ``photos.csv`` is written again.
        targets: ``(n, dim)`` teacher embeddings of the crops, of length 1.

    Returns:
        The changed crop set, and how many people and photos were moved.
    """
    duplicates, mislabelled = find_same_people(crop_set.photos, crop_set.splits, targets)
    splits: list[Split] = [
        "none" if photo.identity in duplicates or wrong else split
        for photo, split, wrong in zip(crop_set.photos, crop_set.splits, mislabelled, strict=True)
    ]
    CropSet.write_photos(crop_set.folder, crop_set.photos, splits)
    return CropSet.load(crop_set.folder), Removed(len(duplicates), int(mislabelled.sum()))


def find_same_people(
    photos: Sequence[Photo], splits: Sequence[Split], targets: Floats
) -> tuple[frozenset[str], Bools]:
    """Find held-out people who are elsewhere under another name, and mislabelled photos.

    Of several held-out names of one person, all but the first are returned. Members of one family
    are never one person.

    Args:
        photos: ``(n,)`` where the crops came from.
        splits: ``(n,)`` the split of each.
        targets: ``(n, dim)`` the teacher's embeddings, of length 1.

    Returns:
        The people; and ``(n,)`` which held-out photos show another person than the name says, or
        are unnamed and show a named person.
    """
    people = _people(photos, splits, targets)
    held_out = np.array(
        [i for i, split in enumerate(people.splits) if split in _HELD_OUT], np.int64
    )
    no_own_score = np.full(len(held_out), -1, np.float32)
    same_as = _identify(
        people.means[held_out], people.families[held_out], no_own_score, people, PERSON_MARGIN
    )
    links = [(int(i), int(j)) for i, j in zip(held_out, same_as, strict=True) if j >= 0]
    person_of_name = groups(len(people.names), links)
    taken = {
        int(person)
        for person, split in zip(person_of_name, people.splits, strict=True)
        if split == "train"
    }
    duplicates = set()
    for name in held_out:
        if int(person_of_name[name]) in taken:
            duplicates.add(people.names[name])
        taken.add(int(person_of_name[name]))
    mislabelled = _mislabelled(splits, targets, people, links)
    mislabelled &= np.array([photo.identity not in duplicates for photo in photos])
    return frozenset(duplicates), mislabelled


def _people(photos: Sequence[Photo], splits: Sequence[Split], targets: Floats) -> _People:
    first = {photo.identity: i for i, photo in reversed(list(enumerate(photos))) if photo.person}
    names = tuple(sorted(first))
    number = {name: i for i, name in enumerate(names)}
    of_photo = np.array([number.get(photo.identity, -1) for photo in photos], np.int64)
    sums = sum_groups(targets, of_photo, len(names))
    families = np.unique([photos[first[name]].group for name in names], return_inverse=True)[1]
    return _People(
        of_photo,
        names,
        unit(sums),
        sums,
        tuple(splits[first[name]] for name in names),
        families.astype(np.int64),
    )


def _mislabelled(
    splits: Sequence[Split],
    targets: Floats,
    people: _People,
    links: list[tuple[int, int]],
) -> Bools:
    """Find the held-out photos of another person than the one named on them, ``(n,)``."""
    held_out = np.array([i for i, split in enumerate(splits) if split in _HELD_OUT], np.int64)
    of_photo = people.of_photo[held_out]
    # A person's other names and relatives do not count as another person.
    first_of_family = np.unique(people.families, return_index=True)[1][people.families]
    own = groups(len(people.names), [*links, *enumerate(first_of_family.tolist())])
    vectors = targets[held_out]
    rest = unit(people.sums[of_photo] - vectors)  # the person's mean without this photo
    own_scores = np.where(of_photo >= 0, np.sum(rest * vectors, axis=1), -1).astype(np.float32)
    own_of_photo = np.where(of_photo >= 0, own[of_photo], -1)
    found = np.zeros(len(splits), np.bool_)
    found[held_out] = (
        _identify(vectors, own_of_photo, own_scores, replace(people, families=own), PHOTO_MARGIN)
        >= 0
    )
    return found


def _identify(
    vectors: Floats, families: Ints, own_scores: Floats, people: _People, margin: float
) -> Ints:
    """Identify each vector with a person outside its own family, if one is much the nearest.

    Args:
        vectors: ``(n, dim)`` of length 1.
        families: ``(n,)`` family of each vector; people of this family are ignored.
        own_scores: ``(n,)`` cosine to the vector's own name, which counts as a rival.
        people: Who can be found.
        margin: How much nearer than the next person the found one must be.

    Returns:
        ``(n,)`` number of the person; -1 if there is none.
    """
    found = np.full(len(vectors), -1, np.int64)
    for start in range(0, len(vectors), _BLOCK):
        block = slice(start, start + _BLOCK)
        scores = vectors[block] @ people.means.T
        scores[families[block, None] == people.families[None]] = -1
        near = np.flatnonzero(scores.max(axis=1, initial=-1) >= SIMILAR)
        best, scores = scores[near].argmax(axis=1), scores[near]
        top = scores.max(axis=1, initial=-1)
        scores[people.means[best] @ people.means.T >= SAME_APPEARANCE] = -1
        scores[people.families[best, None] == people.families[None]] = -1
        following = np.maximum(scores.max(axis=1, initial=-1), own_scores[block][near])
        found[start + near] = np.where(top - following >= margin, best, -1)
    return found
