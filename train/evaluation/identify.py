"""Open-set identification: enrol some people, compare their other photos and all strangers."""

import bisect
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec
import numpy as np

from kiosk.errors import DatasetError
from kiosk.recognition.gallery import Gallery
from kiosk.recognition.match import Cohort, Matcher
from kiosk.records import Floats
from train.dataset.crop_set import Photo
from train.evaluation.metrics import Bools, Ints, Rate, bootstrap, quantile_threshold

Values = TypeVar("Values", Bools, Floats)


@dataclass(frozen=True, slots=True)
class Trial:
    """The scores of one random gallery.

    Attributes:
        mated_scores: ``(g,)`` score of each enrolled person's probe to that person if the person
            is ranked first, else -1.
        mated_people: ``(g,)`` number of the person on each of these probes; a person has the same
            number in every trial.
        stranger_scores: ``(s,)`` highest score of each stranger's probe.
        stranger_groups: ``(s,)`` number of the person (or family) on each of these probes, the
            same in every trial.
    """

    mated_scores: Floats
    mated_people: Ints
    stranger_scores: Floats
    stranger_groups: Ints


class Identification(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Error rates at one threshold.

    Attributes:
        gallery_size: How many people were enrolled.
        threshold: Score.
        fpir: Share of strangers' probes that get a name.
        fnir: Share of enrolled people's probes that do not get their own name.
    """

    gallery_size: int
    threshold: float
    fpir: Rate
    fnir: Rate


def draw_gallery(
    embeddings: Floats,
    photos: Sequence[Photo],
    cohort: Cohort,
    gallery_size: int,
    seed: int,
    *,
    enrolment_photos: int = 3,
) -> Trial:
    """Enrol people chosen at random, and score their remaining photos and all strangers' photos.

    Args:
        embeddings: ``(n, dim)`` of length 1.
        photos: ``(n,)`` where they came from; unnamed photos are strangers.
        cohort: Normalises the scores.
        gallery_size: How many people to enrol.
        seed: Decides who is enrolled, and from which photos.
        enrolment_photos: How many photos to enrol each person from.

    Raises:
        DatasetError: Too few people have enough photos, or no stranger is left.
    """
    rng = np.random.default_rng(seed)
    by_person: defaultdict[str, list[int]] = defaultdict(list)
    for index, photo in enumerate(photos):
        if photo.identity:
            by_person[photo.identity].append(index)
    fit = sorted(name for name, own in by_person.items() if len(own) > enrolment_photos)
    if len(fit) < gallery_size:
        raise DatasetError(f"{len(fit)} people can be enrolled, expected {gallery_size}")
    enrolled = [by_person[str(name)] for name in rng.choice(fit, gallery_size, replace=False)]
    enrolled = [list(rng.permutation(own)) for own in enrolled]
    templates = {str(who): embeddings[own[:enrolment_photos]] for who, own in enumerate(enrolled)}
    probes = np.array([index for own in enrolled for index in own[enrolment_photos:]])
    places = np.array([who for who, own in enumerate(enrolled) for _ in own[enrolment_photos:]])
    # A relative of an enrolled person is no stranger for the open-set figure: see `relatives`.
    families = {photos[own[0]].group for own in enrolled}
    strangers = np.array([i for i, p in enumerate(photos) if p.group not in families])
    if len(strangers) == 0:
        raise DatasetError(f"with {gallery_size} people enrolled, no stranger is left")
    matcher = Matcher(Gallery("", templates), cohort)
    scores = matcher.scores(embeddings[probes])
    ranked_first = scores.argmax(axis=1) == places
    mated_scores = np.where(ranked_first, scores.max(axis=1), -1.0).astype(np.float32)
    stranger_scores = matcher.scores(embeddings[strangers]).max(axis=1)
    people = _numbers([photo.identity for photo in photos])
    groups = _numbers([photo.group for photo in photos])
    return Trial(mated_scores, people[probes], stranger_scores, groups[strangers])


def threshold_for(trials: Sequence[Trial], fpir: float) -> float:
    """Compute the lowest threshold whose FPIR over all trials is at most ``fpir`` with confidence.

    With confidence: the upper end of the 95 % interval (by person) is compared, not the share. A
    stranger who gets a name is the worst error, and the strangers at a school differ from these.
    If no stranger may get a name, as with few strangers, the threshold is just above all of them.
    """
    scores = np.concatenate([trial.stranger_scores for trial in trials])
    people = _by_group(scores, np.concatenate([trial.stranger_groups for trial in trials]))

    def too_many(named: int) -> bool:
        threshold = quantile_threshold(scores, named / len(scores))
        return bootstrap([own >= threshold for own in people]).high > fpir

    most = math.floor(fpir * len(scores) + 1e-9)
    named = bisect.bisect_left(range(1, most + 1), x=True, key=too_many)
    return quantile_threshold(scores, named / len(scores))


def rates(trials: Sequence[Trial], threshold: float, gallery_size: int) -> Identification:
    """Measure the error rates of several trials at one threshold; the interval is by person."""
    # A person's probes of all trials are one cluster: another trial adds no new person.
    missed = _by_group(
        np.concatenate([trial.mated_scores < threshold for trial in trials]),
        np.concatenate([trial.mated_people for trial in trials]),
    )
    named = _by_group(
        np.concatenate([trial.stranger_scores >= threshold for trial in trials]),
        np.concatenate([trial.stranger_groups for trial in trials]),
    )
    return Identification(gallery_size, threshold, bootstrap(named), bootstrap(missed))


def _numbers(names: Sequence[str]) -> Ints:
    """Number names; the same list gives the same numbers."""
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def _by_group(values: Values, groups: Ints) -> list[Values]:
    order = np.argsort(groups, kind="stable")
    cuts = np.flatnonzero(np.diff(groups[order])) + 1
    return list(np.split(values[order], cuts))
