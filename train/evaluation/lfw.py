"""LFW's official pairs: which photos they are, and the crops that the kiosk would cut of them."""

import zipfile
from collections.abc import Sequence

import numpy as np
from tqdm import tqdm

from kiosk.recognition.align import align
from kiosk.recognition.detect import Detector
from kiosk.recognition.photo import decode_photo
from kiosk.records import Image


def read_pairs(text: str) -> list[tuple[str, str, bool, int]]:
    """Read pairs.txt: ten folds of 300 same, then 300 different.

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
    """Align the face nearest to the middle of each photo; without one, cut the middle itself.

    Returns:
        ``(n, 112, 112, 3)`` uint8 RGB, and how many photos had no face.

    Raises:
        KeyError: The archive lacks a photo.
        PhotoError: It holds one that cannot be read.
    """
    detector = Detector(width_px=320, score_min=0.5)
    crops, not_found = [], 0
    for name in tqdm(names, desc="lfw", unit="photo", mininterval=5):
        photo = decode_photo(archive.read(name))
        middle = np.array(photo.shape[1::-1]) / 2
        faces = detector.find(photo)
        if faces:
            face = min(faces, key=lambda f: np.hypot(*(f.box[:2] + f.box[2:] / 2 - middle)))
            crops.append(align(photo, face.landmarks))
        else:
            not_found += 1
            crops.append(_middle_crop(photo))
    return np.stack(crops), not_found


def _middle_crop(photo: Image) -> Image:
    top, left = ((size - 112) // 2 for size in photo.shape[:2])
    return np.ascontiguousarray(photo[top : top + 112, left : left + 112, ::-1])
