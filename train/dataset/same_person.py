"""Find people who stand in the sets under two names, and keep them from the figures.

The research sets share celebrities. A person who is trained on under one name and tested under
another makes the figures too good; one who is enrolled under one name and a stranger under another
(or on a photo of nobody named) makes them too bad. Looks alone decide.

Whoever is taken for somebody has to be near (a cosine of :data:`ALIKE` to the mean of the
teacher's embeddings), *and* much nearer than to the next person of another look. A bound on the
cosine alone cannot do: toddlers are alike to a recogniser (0.78 between the means of two). They are
the hardest strangers there are, and to take them away would make the figures falsely good.

How the values were chosen: the crops of the sets of ``research.toml``, looked at side by side
(SFace; one person / looked at):

=========================  ===========  ==========================================
held-out people            margin       one person
=========================  ===========  ==========================================
cosine 0.70 and above      below 0.10   1 of 23 (the others are small children)
cosine 0.70 and above      0.10-0.15    5 of 5
cosine 0.70 to 0.80        above 0.15   28 of 28
cosine 0.60 to 0.70        below 0.10   2 of 28
cosine 0.60 to 0.70        0.10-0.15    7 of 10 (2 could not be told)
cosine 0.60 to 0.70        above 0.15   13 of 13
=========================  ===========  ==========================================

=========================  ===========  ==========================================
photos of nobody named     margin       one person
=========================  ===========  ==========================================
cosine 0.70 and above      below 0.15   2 of 12 (the others are small children)
cosine 0.70 and above      above 0.15   nearly all (10 of 12 between 0.15 and 0.20)
cosine 0.60 to 0.70        0.10-0.15    27 of 40
cosine 0.60 to 0.70        above 0.15   39 of 40 (a few of them blurred or turned)
cosine 0.50 to 0.60        above 0.12   9 of 14
=========================  ===========  ==========================================

(The photos' margins here are to the next person below a cosine of 0.6 to the first; at
:data:`ONE_LOOK` six of 173 fewer are taken, three of them small children.) Of the photos under a
held-out name that the rule takes for somebody else, about 33 of 37 were: wrong labels.

Both kinds of error remain. Celebrities seen badly stay (some thirty at a cosine of 0.6 and above),
which makes the figures too bad; of the photos taken away a few in a hundred were true strangers,
which makes them too good, most of all for the teacher and what was distilled from it. Asked about
the 48 photos taken for held-out people, MobileFaceNet named the same person 46 times.
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
from train.evaluation.metrics import Bools, Ints

ALIKE: Final = 0.6
"""Least cosine to the mean embedding of the person that somebody is taken for."""
PERSON_MARGIN: Final = 0.1
"""How much nearer than to the next a person (the mean of the photos) has to be."""
PHOTO_MARGIN: Final = 0.15
"""The same for one photo, which says less."""
ONE_LOOK: Final = 0.7
"""Means at this cosine are one look: the next person has to be of another."""
_BLOCK: Final = 1024
_HELD_OUT: Final = ("dev", "test")


@dataclass(frozen=True, slots=True)
class Removed:
    """What was taken off the development and test sides.

    Attributes:
        people: How many people are elsewhere under another name.
        photos: How many single photos show somebody else who has a name.
    """

    people: int
    photos: int


@dataclass(frozen=True, slots=True)
class _People:
    """Everybody who is named: ``(p,)`` each, in the order of names.

    Attributes:
        who: ``(n,)`` number of the person on each photo; -1 for nobody named.
        names: With their source.
        means: ``(p, dim)`` of length 1.
        sums: ``(p, dim)`` of all their photos' embeddings.
        splits: Where they are.
        kin: Number of their family.
    """

    who: Ints
    names: tuple[str, ...]
    means: Floats
    sums: Floats
    splits: tuple[Split, ...]
    kin: Ints


def remove_same_people(crop_set: CropSet, targets: Floats) -> tuple[CropSet, Removed]:
    """Take held-out people and photos of somebody who is elsewhere too off their side.

    Args:
        crop_set: The crops; ``photos.csv`` is written anew.
        targets: ``(n, dim)`` the teacher's embeddings of them, of length 1.

    Returns:
        The crop set with their side set to ``none``, and how many they were.
    """
    duplicates, others = find_same_people(crop_set.photos, crop_set.splits, targets)
    splits: list[Split] = [
        "none" if photo.identity in duplicates or other else side
        for photo, side, other in zip(crop_set.photos, crop_set.splits, others, strict=True)
    ]
    CropSet.write_photos(crop_set.folder, crop_set.photos, splits)
    return CropSet.load(crop_set.folder), Removed(len(duplicates), int(others.sum()))


def find_same_people(
    photos: Sequence[Photo], splits: Sequence[Split], targets: Floats
) -> tuple[frozenset[str], Bools]:
    """Find who is held out, and is somewhere else under another name.

    Of held-out people who are one, all but the first are named; relatives are never one.

    Returns:
        The people; and ``(n,)`` which held-out photos of others show somebody else, or, of
        nobody named, somebody who has a name.
    """
    people = _people(photos, splits, targets)
    held_out = np.array(
        [i for i, split in enumerate(people.splits) if split in _HELD_OUT], np.int64
    )
    nobody = np.full(len(held_out), -1, np.float32)
    taken_for = _taken_for(
        people.means[held_out], people.kin[held_out], nobody, people, PERSON_MARGIN
    )
    links = [(int(i), int(j)) for i, j in zip(held_out, taken_for, strict=True) if j >= 0]
    same = groups(len(people.names), links)
    gone = {int(group) for group, side in zip(same, people.splits, strict=True) if side == "train"}
    duplicates = set()
    for one in held_out:
        if int(same[one]) in gone:
            duplicates.add(people.names[one])
        gone.add(int(same[one]))
    others = _of_others(splits, targets, people, links)
    others &= np.array([photo.identity not in duplicates for photo in photos])
    return frozenset(duplicates), others


def _people(photos: Sequence[Photo], splits: Sequence[Split], targets: Floats) -> _People:
    first = {photo.identity: i for i, photo in reversed(list(enumerate(photos))) if photo.person}
    names = tuple(sorted(first))
    number = {name: i for i, name in enumerate(names)}
    who = np.array([number.get(photo.identity, -1) for photo in photos], np.int64)
    sums = np.zeros((len(names), targets.shape[1]), np.float32)
    np.add.at(sums, who[who >= 0], targets[who >= 0])
    kin = np.unique([photos[first[name]].group for name in names], return_inverse=True)[1]
    return _People(
        who,
        names,
        unit(sums),
        sums,
        tuple(splits[first[name]] for name in names),
        kin.astype(np.int64),
    )


def _of_others(
    splits: Sequence[Split],
    targets: Floats,
    people: _People,
    links: list[tuple[int, int]],
) -> Bools:
    """Find the held-out photos of somebody other than the person named on them, ``(n,)``."""
    held_out = np.array([i for i, split in enumerate(splits) if split in _HELD_OUT], np.int64)
    who = people.who[held_out]
    # One's other names and one's relatives are not others.
    first_of_kin = np.unique(people.kin, return_index=True)[1][people.kin]
    own = groups(len(people.names), [*links, *enumerate(first_of_kin.tolist())])
    wide = replace(people, kin=own)
    vectors = targets[held_out]
    rest = unit(people.sums[who] - vectors)  # the person's mean without this photo
    own_scores = np.where(who >= 0, np.sum(rest * vectors, axis=1), -1).astype(np.float32)
    own_of = np.where(who >= 0, own[who], -1)
    taken_for = _taken_for(vectors, own_of, own_scores, wide, PHOTO_MARGIN)
    found = np.zeros(len(splits), np.bool_)
    found[held_out] = taken_for >= 0
    return found


def _taken_for(
    vectors: Floats, kin: Ints, own_scores: Floats, people: _People, margin: float
) -> Ints:
    """Say which person outside the own kin each vector is much nearer to than to any other.

    Args:
        vectors: ``(n, dim)`` of length 1.
        kin: ``(n,)`` whose people do not count.
        own_scores: ``(n,)`` cosine to the own name, which counts among the others.
        people: Who can be meant.
        margin: How much nearer.

    Returns:
        ``(n,)`` number of the person; -1 where there is none.
    """
    found = np.full(len(vectors), -1, np.int64)
    for start in range(0, len(vectors), _BLOCK):
        block = slice(start, start + _BLOCK)
        scores = vectors[block] @ people.means.T
        scores[kin[block, None] == people.kin[None]] = -1
        near = np.flatnonzero(scores.max(axis=1, initial=-1) >= ALIKE)
        best, scores = scores[near].argmax(axis=1), scores[near]
        top = scores.max(axis=1, initial=-1)
        scores[people.means[best] @ people.means.T >= ONE_LOOK] = -1
        scores[people.kin[best, None] == people.kin[None]] = -1
        following = np.maximum(scores.max(axis=1, initial=-1), own_scores[block][near])
        found[start + near] = np.where(top - following >= margin, best, -1)
    return found
