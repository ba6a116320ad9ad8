"""Make faces that nobody has out of a few free ones, as a training set that any school may use.

Every face of a picture counts, so a sheet of many portraits will do as well as photos. Each face is
bent by a smooth random field, and joined with up to three others: mixed as a whole, along a soft
line, or with eyes, nose, mouth or middle of another. Then light and colour of skin are changed. No
face of it is anybody's, and the terms of the photos hold for all of them.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from tqdm import tqdm

from kiosk.records import Floats, Image
from train.augment import Generator, round_to_bytes, soft_line
from train.dataset.crop_set import STORED_PX, CropSet, Photo, require_space
from train.dataset.face_crops import find_every_crop
from train.dataset.photo_files import list_photos
from train.dataset.sources import Source
from train.workers import prepare_worker

_CHUNK: Final = 64
"""Morphs that a process is asked for at a time."""
_BEND_MAX_PX: Final = 7.0
_BEND_POINTS: Final = 5
"""A side of the grid of random shifts; between its points they are interpolated."""
_PARTS: Final[Mapping[str, tuple[tuple[float, float], tuple[float, float]]]] = {
    "eyes": ((63.9, 59.6), (34, 13)),
    "nose": ((64, 77), (13, 17)),
    "mouth": ((64, 100.3), (24, 12)),
    "middle": ((64, 78), (34, 44)),
}
"""Centre and radii of the parts of an aligned face, pixels of a stored crop."""
_SAMPLE: Final = "morph"


def make_morphs(folders: Sequence[Path], count: int, out: Path, seed: int) -> CropSet:
    """Write a crop set of morphs, all of them unnamed and for training.

    The photos' terms apply to what is trained on the morphs.

    Args:
        folders: Folders or zip archives of photos.
        count: How many morphs.
        out: The crop set.
        seed: Of everything random.

    Raises:
        DatasetError: A folder is absent, or has no usable photo; or ``out`` cannot be written or
            has too little space.
    """
    require_space(out, count)
    faces = np.concatenate([_faces(path) for path in folders])
    # Every morph has a seed of its own: it is the same whichever process makes it.
    with ProcessPoolExecutor(
        mp_context=get_context("spawn"), initializer=_start, initargs=(faces, seed)
    ) as pool:
        made = pool.map(_morph_at, range(count), chunksize=_CHUNK)
        crops = np.stack([*tqdm(made, total=count, desc="morphs", disable=None)])
    names = [f"{at:06d}" for at in range(count)]
    photos = [Photo(_SAMPLE, "", name, f"{_SAMPLE}/{name}") for name in names]
    CropSet.write(out, crops, photos, ["train"] * count, seed)
    return CropSet.load(out)


_given: list[tuple[Image, int]] = []
"""In a process that makes morphs: the faces, and the seed."""


def _start(faces: Image, seed: int) -> None:
    prepare_worker()
    _given[:] = [(faces, seed)]


def _morph_at(number: int) -> Image:
    ((faces, seed),) = _given
    return morph(faces, np.random.default_rng((seed, number)))


def _faces(path: Path) -> Image:
    source = Source(name="photos", path=str(path.resolve()))
    return find_every_crop(list_photos((source,), Path()), path)


def morph(faces: Image, rng: Generator) -> Image:
    """Make one face.

    Args:
        faces: ``(n, 128, 128, 3)`` uint8 RGB stored crops.
        rng: The source of random numbers.

    Returns:
        ``(128, 128, 3)`` uint8 RGB.
    """
    face = _draw(faces, rng)
    for _ in range(int(rng.integers(0, 4))):
        other = _draw(faces, rng)
        if rng.random() < 0.8:
            other = _match(other, face)
        mask = _mask(rng)
        face = face * (1 - mask) + other * mask
    if rng.random() < 0.6:
        face = _recolour(face, rng)
    return round_to_bytes(face)


def _draw(faces: Image, rng: Generator) -> Floats:
    """Draw a face, bend it, and mirror it by chance."""
    crop = faces[int(rng.integers(len(faces)))]
    shape = (_BEND_POINTS, _BEND_POINTS, 2)
    shifts = rng.normal(0, rng.uniform(1, _BEND_MAX_PX) / 2, shape).astype(np.float32)
    size = (STORED_PX, STORED_PX)
    field = cv2.resize(shifts, size, interpolation=cv2.INTER_CUBIC)
    y, x = np.mgrid[0:STORED_PX, 0:STORED_PX].astype(np.float32)
    bent: Any = cv2.remap(
        crop, x + field[..., 0], y + field[..., 1], cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT_101,
    )  # fmt: skip
    face = np.asarray(bent, np.float32)
    return face[:, ::-1] if rng.random() < 0.5 else face


def _match(face: Floats, to: Floats) -> Floats:
    """Give a face the colours of another one, channel by channel, so that no join is seen."""
    own, others = face.reshape(-1, 3), to.reshape(-1, 3)
    scale = (others.std(axis=0) + 1) / (own.std(axis=0) + 1)
    return np.asarray((face - own.mean(axis=0)) * scale + others.mean(axis=0), np.float32)


def _mask(rng: Generator) -> Floats | float:
    """Draw where the other face shows: ``(128, 128, 1)`` from 0 to 1, or one share for all."""
    kind = rng.random()
    if kind < 0.3:
        return float(rng.uniform(0.25, 0.75))
    if kind < 0.5:
        return soft_line(STORED_PX, rng.uniform(0, 2 * np.pi), rng.uniform(-0.2, 0.2))
    centre, radii = _PARTS[str(rng.choice(list(_PARTS)))]
    y, x = np.mgrid[0:STORED_PX, 0:STORED_PX].astype(np.float32)
    reach = [radius * rng.uniform(0.85, 1.3) for radius in radii]
    distance = ((x - centre[0]) / reach[0]) ** 2 + ((y - centre[1]) / reach[1]) ** 2
    soft = np.clip((1.25 - distance) * 2, 0, 1) * rng.uniform(0.6, 1)
    return np.asarray(soft[..., None], np.float32)


def _recolour(face: Floats, rng: Generator) -> Floats:
    """Change saturation, tint, brightness and gamma of a face."""
    grey = face.mean(axis=2, keepdims=True)
    face = grey + (face - grey) * np.float32(rng.uniform(0, 1.5))
    face = face * np.exp(rng.normal(0, 0.1, 3) + rng.normal(0, 0.2))
    gamma = np.exp(rng.normal(0, 0.25))
    return np.asarray(255 * np.clip(face / 255, 0, 1) ** gamma, np.float32)
