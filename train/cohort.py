"""The cohort that scores are held against (:mod:`kiosk.match`), made of training people."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import cv2
import numpy as np

from kiosk.contract import COHORT_NEAREST
from kiosk.errors import DatasetError
from kiosk.match import Cohort
from kiosk.records import Floats, Image
from train.data import CropSet

Embed: TypeAlias = Callable[[Image], Floats]
"""From ``(n, 112, 112, 3)`` uint8 RGB to ``(n, dim)`` float32 of length 1."""

PHOTOS: Final = 4000
"""Photos that a cohort is made of; with 8,000 nothing that was measured changed."""
CENTRES: Final = 1000
"""Faces in a cohort; with 250 development people were told apart a little less well."""
_PHOTOS_A_CENTRE: Final = PHOTOS // CENTRES
_ROUNDS: Final = 10
_SEED: Final = 0

PLAIN_COSINE: Final = Cohort(np.empty((0, 0), np.float32))
"""No cohort: what a recogniser gives without."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A recogniser to be measured.

    Attributes:
        embed: Embeds crops.
        cohort: What its scores are held against.
    """

    embed: Embed
    cohort: Cohort


def make_cohort(embed: Embed, crop_set: CropSet) -> Cohort:
    """Average training faces that look alike (k-means), so that no vector is one person's face.

    The cohort must look like who comes to the door: one of adults alone made it worse than none
    for children.

    Args:
        embed: The recogniser.
        crop_set: Its training side is drawn from, the same photos for every recogniser.

    Returns:
        The cohort, rounded to float16 as a bundle keeps it.

    Raises:
        DatasetError: The training side has too few photos.
    """
    indices = crop_set.on("train")
    chosen = np.random.default_rng(_SEED).permutation(indices)[:PHOTOS]
    count = len(chosen) // _PHOTOS_A_CENTRE
    if count < COHORT_NEAREST:
        least = COHORT_NEAREST * _PHOTOS_A_CENTRE
        message = f"{crop_set.folder}: {len(chosen)} photos on side 'train', expected {least}"
        raise DatasetError(f"{message} or more, for the cohort; prepare with more people")
    vectors = np.concatenate([embed(batch) for batch in crop_set.middle(np.sort(chosen))])
    cv2.setRNGSeed(_SEED)
    stop = (cv2.TERM_CRITERIA_MAX_ITER, _ROUNDS, 0.0)
    # Their labels are of no use here; OpenCV wants a place to put them, or None.
    _, _, means = cv2.kmeans(vectors, count, None, stop, 1, cv2.KMEANS_PP_CENTERS)  # type: ignore[call-overload]  # the stubs know no None
    centres = means / np.linalg.norm(means, axis=1, keepdims=True)
    return Cohort(centres.astype(np.float16).astype(np.float32))
