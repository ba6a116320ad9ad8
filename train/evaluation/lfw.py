"""LFW's official verification pairs, cut by the kiosk's own detector and alignment."""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from tqdm import tqdm

from kiosk.contract import CROP_PX
from kiosk.recognition.align import align
from kiosk.recognition.detect import Detector
from kiosk.recognition.photo import decode_photo
from kiosk.records import Image
from train.dataset.zip_archive import opened, read_member
from train.evaluation.recogniser import Embed
from train.metrics import Bools, Ints, Rate, TenFold, fold_accuracy, tar_at_far

_BATCH: Final = 512


class Lfw(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Verification of the official 6,000 pairs.

    Attributes:
        verification: Accuracy over the ten folds.
        tar_at_far_1: TAR at FAR 1 %.
        tar_at_far_01: TAR at FAR 0.1 %.
        not_found: Photos without a detected face.
    """

    verification: TenFold
    tar_at_far_1: Rate
    tar_at_far_01: Rate
    not_found: int


@dataclass(frozen=True, slots=True, eq=False)
class LfwPairs:
    """LFW's official pairs, aligned.

    Attributes:
        crops: ``(n, 112, 112, 3)`` uint8 RGB.
        pairs: ``(6000, 2)`` numbers of their crops.
        same: ``(6000,)`` whether they show one person.
        folds: ``(6000,)``.
        not_found: Photos without a detected face.
    """

    crops: Image
    pairs: Ints
    same: Bools
    folds: Ints
    not_found: int


def read_lfw(path: Path) -> LfwPairs:
    """Read LFW's official pairs; detect and align each photo.

    Args:
        path: Archive of LFW's photos with ``pairs.txt``.

    Raises:
        DatasetError: The archive cannot be read.
    """
    with opened(path, "the archive of LFW's pairs") as archive:
        pairs = read_pairs(read_member(archive, "pairs.txt").decode())
        names = sorted({name for pair in pairs for name in pair[:2]})
        crops, not_found = read_crops(archive, names)
    where = {name: i for i, name in enumerate(names)}
    return LfwPairs(
        crops,
        np.array([[where[one], where[other]] for one, other, *_ in pairs], np.int64),
        np.array([same for *_, same, _ in pairs], np.bool_),
        np.array([fold for *_, fold in pairs], np.int64),
        not_found,
    )


def evaluate_lfw(embed: Embed, lfw: LfwPairs) -> Lfw:
    """Verify LFW's official pairs.

    Args:
        embed: Embeds crops.
        lfw: The pairs.
    """
    starts = range(0, len(lfw.crops), _BATCH)
    vectors = np.concatenate([embed(lfw.crops[start : start + _BATCH]) for start in starts])
    one, other = lfw.pairs.T
    scores = np.sum(vectors[one] * vectors[other], axis=1)
    return Lfw(
        verification=fold_accuracy(scores, lfw.same, lfw.folds),
        tar_at_far_1=tar_at_far(scores, lfw.same, 0.01),
        tar_at_far_01=tar_at_far(scores, lfw.same, 0.001),
        not_found=lfw.not_found,
    )


def read_pairs(text: str) -> list[tuple[str, str, bool, int]]:
    """Read pairs.txt: ten folds of 300 pairs of the same person, then 300 of different people.

    Returns:
        Two photos, whether they show one person, and the fold.
    """
    rows = [line.split() for line in text.splitlines()[1:] if line.strip()]
    pairs: list[tuple[str, str, bool, int]] = []
    for number, row in enumerate(rows):
        if len(row) == 3:
            names = (_name(row[0], row[1]), _name(row[0], row[2]))
        else:
            names = (_name(row[0], row[1]), _name(row[2], row[3]))
        pairs.append((names[0], names[1], len(row) == 3, number // 600))
    return pairs


def _name(person: str, number: str) -> str:
    return f"{person}/{person}_{int(number):04d}.webp"


def read_crops(archive: zipfile.ZipFile, names: Sequence[str]) -> tuple[Image, int]:
    """Align the face nearest to the centre of each photo; without a face, cut out the centre.

    Returns:
        ``(n, 112, 112, 3)`` uint8 RGB, and how many photos had no face.

    Raises:
        KeyError: The archive lacks a photo.
        PhotoError: A photo cannot be decoded.
    """
    detector = Detector(width_px=320, score_min=0.5)
    crops, not_found = [], 0
    for name in tqdm(names, desc="faces", unit="photo", mininterval=5):
        photo = decode_photo(read_member(archive, name))
        centre = np.array(photo.shape[1::-1]) / 2
        faces = detector.find(photo)
        if faces:
            face = min(faces, key=lambda f: np.hypot(*(f.box[:2] + f.box[2:] / 2 - centre)))
            crops.append(align(photo, face.landmarks))
        else:
            not_found += 1
            crops.append(_centre_crop(photo))
    return np.stack(crops), not_found


def _centre_crop(photo: Image) -> Image:
    top, left = ((size - CROP_PX) // 2 for size in photo.shape[:2])
    return np.ascontiguousarray(photo[top : top + CROP_PX, left : left + CROP_PX, ::-1])
