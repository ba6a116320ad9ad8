"""Make the impostor cohort for score normalisation from training people."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import cv2
import numpy as np

from kiosk.contract import COHORT_NEAREST, EMBEDDING_DIM
from kiosk.recognition.match import Cohort
from kiosk.recognition.vectors import unit
from kiosk.records import Floats, Image
from train.dataset.crop_set import CropSet
from train.evaluation.metrics import Ints

Embed: TypeAlias = Callable[[Image], Floats]
"""From ``(n, 112, 112, 3)`` uint8 RGB to ``(n, dim)`` float32 of length 1."""

PEOPLE: Final = 8000
"""People whom a cohort is made of, by one photo each: who had more would take their own face off
their own score, once they are enrolled. With half of them FNIR was a tenth higher."""
PEOPLE_A_FACE: Final = 8
"""How many of them are averaged, about; with 4 nothing was better."""
PEOPLE_MIN: Final = 3
"""A face of fewer is left out: it would show somebody. Photos of nobody named count as a person
each."""
_ROUNDS: Final = 10
_SEED: Final = 0

PLAIN_COSINE: Final = Cohort(np.empty((0, EMBEDDING_DIM), np.float32))
"""No cohort: what a recogniser gives without."""


@dataclass(frozen=True, slots=True)
class RecogniserUnderTest:
    """A recogniser to be measured.

    Attributes:
        embed: Embeds crops.
        cohort: What its scores are held against.
    """

    embed: Embed
    cohort: Cohort


def make_cohort(embed: Embed, crop_set: CropSet) -> Cohort:
    """Average people of the training side who look alike (k-means), so that nobody is shown.

    The cohort must look like who comes to the door: one of adults alone was worse than none for
    children.

    Args:
        embed: The recogniser.
        crop_set: Its training side is drawn from, the same photos for every recogniser.

    Returns:
        The cohort, rounded to float16 as a bundle keeps it; :data:`PLAIN_COSINE` where there are
        too few people for one.
    """
    chosen = np.sort(one_photo_each(crop_set)[:PEOPLE])
    count = len(chosen) // PEOPLE_A_FACE
    if count < COHORT_NEAREST:
        return PLAIN_COSINE
    vectors = np.concatenate([embed(batch) for batch in crop_set.contract_crops(chosen)])
    cv2.setRNGSeed(_SEED)
    stop = (cv2.TERM_CRITERIA_MAX_ITER, _ROUNDS, 0.0)
    # OpenCV wants a place to put the labels, or None.
    _, labels, means = cv2.kmeans(vectors, count, None, stop, 1, cv2.KMEANS_PP_CENTERS)  # type: ignore[call-overload]  # the stubs know no None
    kept = means[np.bincount(labels.ravel(), minlength=count) >= PEOPLE_MIN]
    if len(kept) < COHORT_NEAREST:
        return PLAIN_COSINE
    return Cohort(unit(kept).astype(np.float16).astype(np.float32))


def one_photo_each(crop_set: CropSet) -> Ints:
    """Draw one photo of each training person; a photo of nobody named is a person's only one.

    Returns:
        ``(people,)`` numbers of crops, in an order of chance.
    """
    drawn = np.random.default_rng(_SEED).permutation(crop_set.indices_of("train"))
    names = [crop_set.photos[i].identity or f"photo {i}" for i in drawn]
    _, first = np.unique(names, return_index=True)
    return np.asarray(drawn[np.sort(first)], np.int64)
