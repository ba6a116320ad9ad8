"""Build the impostor cohort for score normalisation (AS-norm) from training people."""

from collections.abc import Mapping
from typing import Final

import cv2
import numpy as np

from kiosk.recognition.match import Cohort
from kiosk.recognition.vectors import unit
from train.dataset.crop_set import CropSet
from train.evaluation.recogniser import PLAIN_COSINE, CachedEmbedder, Embed, RecogniserUnderTest
from train.evaluation.side_by_side import side_by_side
from train.metrics import Ints

PEOPLE: Final = 8000
"""People that a cohort is made of, one photo each: with more photos of a person, that person's own
face would lower that person's score after enrolment. With 4,000 people FNIR was a tenth higher."""
PEOPLE_PER_MEAN: Final = 8
"""How many people are averaged into one cohort embedding, about; 4 gave no improvement."""
PEOPLE_PER_MEAN_MIN: Final = 3
"""A mean of fewer people is left out: it would show a real person. An unnamed photo counts as one
person."""
MEANS_MIN: Final = 20
"""A smaller cohort is none: its nearest embeddings would be nearly all of it, for every face."""
_ROUNDS: Final = 10
_SEED: Final = 0


def make_cohort(embed: Embed, crop_set: CropSet) -> Cohort:
    """Average training people who look alike (k-means), so that no real person is in the cohort.

    The cohort must resemble the people at the door: for children, a cohort of adults alone was
    worse than no cohort.

    Args:
        embed: Embeds crops.
        crop_set: Its training people are used; every recogniser gets the same photos.

    Returns:
        The cohort, rounded to float16 as in a bundle; :data:`PLAIN_COSINE` if there are too few
        people.
    """
    chosen = np.sort(one_photo_each(crop_set)[:PEOPLE])
    count = len(chosen) // PEOPLE_PER_MEAN
    if count < MEANS_MIN:
        return PLAIN_COSINE
    vectors = np.concatenate([embed(batch) for batch in crop_set.contract_crops(chosen)])
    cv2.setRNGSeed(_SEED)
    stop = (cv2.TERM_CRITERIA_MAX_ITER, _ROUNDS, 0.0)
    # OpenCV takes an array for the labels, or None.
    _, labels, means = cv2.kmeans(vectors, count, None, stop, 1, cv2.KMEANS_PP_CENTERS)  # type: ignore[call-overload]  # the stubs know no None
    kept = means[np.bincount(labels.ravel(), minlength=count) >= PEOPLE_PER_MEAN_MIN]
    if len(kept) < MEANS_MIN:
        return PLAIN_COSINE
    return Cohort(unit(kept).astype(np.float16).astype(np.float32))


def one_photo_each(crop_set: CropSet) -> Ints:
    """Choose one photo of each training person at random; an unnamed photo counts as one person.

    Returns:
        ``(people,)`` indices of crops, in random order.
    """
    drawn = np.random.default_rng(_SEED).permutation(crop_set.indices_of("train"))
    names = [crop_set.photos[i].identity or f"photo {i}" for i in drawn]
    _, first = np.unique(names, return_index=True)
    return np.asarray(drawn[np.sort(first)], np.int64)


def with_own_cohorts(
    embedders: Mapping[str, Embed], crop_set: CropSet
) -> dict[str, RecogniserUnderTest]:
    """Build a recogniser from each embedder, each with its own cohort of the same photos."""
    cohorts = side_by_side(
        lambda embed: make_cohort(embed, crop_set), [*embedders.values()], "cohorts"
    )
    return {
        name: RecogniserUnderTest(CachedEmbedder(embed), cohort)
        for (name, embed), cohort in zip(embedders.items(), cohorts, strict=True)
    }
