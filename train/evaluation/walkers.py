"""People who are enrolled and people who walk past, made of the photos of one split.

A walk is up to :data:`WALK_FRAMES` photos of one person, as a track is several frames. The kiosk
decides at every frame, and frames of one second are nearly the same picture, so the score of a walk
is the highest among its running means: the first photo, the mean of two, the mean of three.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from kiosk.recognition.match import Cohort
from kiosk.recognition.vectors import unit
from kiosk.records import Floats
from train.dataset.crop_set import Photo
from train.metrics import Ints

ENROLMENT_PHOTOS: Final = 3
"""Photos that each person is enrolled from; a person who can be enrolled has more."""
WALK_FRAMES: Final = 3
WALKS_MAX: Final = 4
"""Walks of one person: more of the same person say little more."""
_SEED: Final = 0


@dataclass(frozen=True, slots=True)
class WalkPlan:
    """Which photos enrol people, and which are walks.

    Attributes:
        enrolment: ``(p, ENROLMENT_PHOTOS)`` photo numbers of each person who can be enrolled.
        walks: Photo numbers of each walk; none of them is in ``enrolment``.
        own: ``(w,)`` row in ``enrolment`` of the person who walks, -1 if that person has none.
    """

    enrolment: Ints
    walks: tuple[tuple[int, ...], ...]
    own: Ints


def plan_walks(photos: Sequence[Photo]) -> WalkPlan:
    """Divide the photos of a split at random, always in the same way.

    A photo of a person without a name is a walk of its own.
    """
    rng = np.random.default_rng(_SEED)
    by_person: defaultdict[str, list[int]] = defaultdict(list)
    for index, photo in enumerate(photos):
        by_person[photo.identity or photo.path].append(index)
    enrolment: list[list[int]] = []
    walks: list[tuple[int, ...]] = []
    own: list[int] = []
    for person in sorted(by_person):
        rest = [int(i) for i in rng.permutation(by_person[person])]
        row = -1
        if len(rest) > ENROLMENT_PHOTOS and photos[rest[0]].person:
            row = len(enrolment)
            enrolment.append(rest[:ENROLMENT_PHOTOS])
            rest = rest[ENROLMENT_PHOTOS:]
        starts = range(0, min(len(rest), WALKS_MAX * WALK_FRAMES), WALK_FRAMES)
        walks += [tuple(rest[start : start + WALK_FRAMES]) for start in starts]
        own += [row] * len(starts)
    rows = np.array(enrolment, np.int64).reshape(-1, ENROLMENT_PHOTOS)
    return WalkPlan(rows, tuple(walks), np.array(own, np.int64))


@dataclass(frozen=True, slots=True, eq=False)
class WalkScores:
    """Scores of all walks for all people who can be enrolled.

    Attributes:
        strangers: ``(w, p)`` score of each walk for each person; -inf for the person's own family,
            whose members are no strangers to each other.
        mated: ``(w,)`` score of each walk for the person's own template; -inf without one.
        people: ``(w,)`` number of the person on each walk.
        sources: ``(w,)`` the data set of each walk.
        template_sources: ``(p,)`` the data set of each person who can be enrolled.
    """

    strangers: Floats
    mated: Floats
    people: Ints
    sources: npt.NDArray[np.str_]
    template_sources: npt.NDArray[np.str_]


def score_walks(
    plan: WalkPlan,
    photos: Sequence[Photo],
    embeddings: Floats,
    mirrored: Floats,
    cohort: Cohort,
) -> WalkScores:
    """Score every walk for every person who can be enrolled.

    Args:
        plan: Which photos are what.
        photos: ``(n,)`` of one split.
        embeddings: ``(n, dim)`` of length 1.
        mirrored: ``(p, ENROLMENT_PHOTOS, dim)`` embeddings of the mirrored enrolment photos.
        cohort: Normalises the scores.
    """
    templates = unit(unit(embeddings[plan.enrolment] + mirrored).mean(axis=1))
    first = [walk[0] for walk in plan.walks]
    scores = _highest_scores(plan.walks, embeddings, templates, cohort)
    groups = np.array([photo.group for photo in photos])
    own_family = groups[first][:, None] == groups[plan.enrolment[:, 0]][None]
    mated = np.where(plan.own >= 0, scores[np.arange(len(scores)), plan.own], -np.inf)
    identities = [photos[i].identity or photos[i].path for i in first]
    return WalkScores(
        np.where(own_family, -np.inf, scores).astype(np.float32),
        mated.astype(np.float32),
        np.unique(identities, return_inverse=True)[1].astype(np.int64),
        np.array([photos[i].source for i in first], np.str_),
        np.array([photos[i].source for i in plan.enrolment[:, 0]], np.str_),
    )


def _highest_scores(
    walks: Sequence[tuple[int, ...]], embeddings: Floats, templates: Floats, cohort: Cohort
) -> Floats:
    """Return each walk's highest score among its running means, ``(w, p)``."""
    highest = np.full((len(walks), len(templates)), -np.inf, np.float32)
    for count in range(1, WALK_FRAMES + 1):
        means = unit(np.stack([embeddings[list(walk[:count])].mean(axis=0) for walk in walks]))
        highest = np.maximum(highest, cohort.scores(means, templates))
    return highest
