"""Choose the crops that calibrate quantisation: they set the ranges of the activations."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from convert.quantise import REPRESENTATIVE
from kiosk.records import Image
from train.dataset.crop_set import BORDER_PX, CropSet
from train.dataset.face_crops import find_crops
from train.dataset.sources import Source, Sources
from train.evaluation.embedded import crops_of_split
from train.metrics import Ints


def training_crops(crop_set: CropSet, seed: int) -> Image:
    """Choose training crops at random; return ``(n, 112, 112, 3)`` uint8 RGB.

    Raises:
        DatasetError: The training split is empty.
    """
    indices = crops_of_split(crop_set, "train")
    chosen = _choose(len(indices), seed)
    return np.concatenate([*crop_set.contract_crops(indices[chosen])])


def photo_crops(paths: Sequence[Path], seed: int) -> Image:
    """Choose photos of folders or archives at random; return their ``(n, 112, 112, 3)`` crops.

    The photos' terms apply to the model: photos that are free leave it free.

    Args:
        paths: Folders or zip archives of photos, with or without one sub-folder per person.
        seed: Of the choice.

    Raises:
        DatasetError: A path is absent, or no photo is usable.
    """
    sources = [
        Source(name=f"photos{at}", path=str(path.resolve())) for at, path in enumerate(paths)
    ]
    crops = find_crops(Sources(source=tuple(sources)), Path()).crops
    return np.ascontiguousarray(
        crops[_choose(len(crops), seed), BORDER_PX:-BORDER_PX, BORDER_PX:-BORDER_PX]
    )


def _choose(count: int, seed: int) -> Ints:
    chosen = np.random.default_rng(seed).choice(count, min(REPRESENTATIVE, count), replace=False)
    return np.sort(chosen)
