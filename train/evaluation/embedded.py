"""Embed the crops of one split, for every figure that is measured on it."""

from dataclasses import dataclass

import numpy as np

from kiosk.errors import DatasetError
from kiosk.recognition.match import Cohort
from kiosk.records import Floats
from train.dataset.crop_set import CropSet, Photo
from train.dataset.sources import Split
from train.evaluation.recogniser import Embed
from train.evaluation.walkers import WalkPlan, WalkScores, plan_walks, score_walks
from train.metrics import Ints


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddedWalks:
    """The embeddings of a split.

    Attributes:
        photos: ``(n,)`` where each crop came from.
        plan: Which photos enrol people, and which are walks.
        embeddings: ``(n, dim)`` of length 1.
        mirrored: ``(p, photos, dim)`` of the mirrored enrolment photos.
    """

    photos: list[Photo]
    plan: WalkPlan
    embeddings: Floats
    mirrored: Floats

    def scores(self, cohort: Cohort) -> WalkScores:
        """Score all walks for all people who can be enrolled."""
        return score_walks(self.plan, self.photos, self.embeddings, self.mirrored, cohort)


def embed_walks(embed: Embed, crop_set: CropSet, split: Split) -> EmbeddedWalks:
    """Embed all crops of a split, and the mirror images of those that enrol people.

    Raises:
        DatasetError: The split is empty.
    """
    embeddings, photos = embed_split(embed, crop_set, split)
    plan = plan_walks(photos)
    enrolment = crops_of_split(crop_set, split)[plan.enrolment.ravel()]
    mirrored = [
        embed(np.ascontiguousarray(crops[:, :, ::-1]))
        for crops in crop_set.contract_crops(enrolment)
    ]
    rows = np.concatenate(mirrored) if mirrored else embeddings[:0]
    shape = (*plan.enrolment.shape, embeddings.shape[1])
    return EmbeddedWalks(photos, plan, embeddings, rows.reshape(shape))


def embed_split(embed: Embed, crop_set: CropSet, split: Split) -> tuple[Floats, list[Photo]]:
    """Embed all crops of a split.

    Returns:
        ``(n, dim)``, and the photo of each.

    Raises:
        DatasetError: The split is empty.
    """
    indices = crops_of_split(crop_set, split)
    vectors = np.concatenate([embed(batch) for batch in crop_set.contract_crops(indices)])
    return vectors, [crop_set.photos[i] for i in indices]


def crops_of_split(crop_set: CropSet, split: Split) -> Ints:
    """Return the indices of a split's crops.

    Raises:
        DatasetError: The split is empty.
    """
    indices = crop_set.indices_of(split)
    if len(indices) == 0:
        raise DatasetError(
            f"{crop_set.folder}: the {split!r} split is empty; prepare with more people"
        )
    return indices
