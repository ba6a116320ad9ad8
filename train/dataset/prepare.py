"""Find and align the face in every photo, and say what was left out and why."""

import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, fields
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Final, TypeAlias

import cv2
import numpy as np
from tqdm import tqdm

from kiosk.contract import CROP_PX
from kiosk.errors import DatasetError, PhotoError
from kiosk.recognition.align import align
from kiosk.recognition.detect import Detector
from kiosk.recognition.photo import decode_photo, find_single_face
from kiosk.records import Image
from train.dataset.crop_set import BORDER_PX, STORED_PX, CropSet, Photo
from train.dataset.near_duplicates import NEAR_DUPLICATE, near_duplicates
from train.dataset.sources import Source, Sources
from train.dataset.split import assign_splits
from train.tables import write_table

PHOTO_ENDINGS: Final = (".jpg", ".jpeg", ".png", ".webp", ".pgm")
Item: TypeAlias = tuple[str, str, Callable[[], bytes]]
"""Person (empty: nobody named), photo, and how to read its bytes or raise PhotoError."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A photo that did not make it, and why."""

    source: str
    person: str
    photo: str
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What :func:`prepare` did."""

    kept: int
    left_out: tuple[LeftOut, ...]

    def summary(self) -> dict[str, int]:
        """Count the photos by what became of them."""
        return {"kept": self.kept, **Counter(item.reason for item in self.left_out)}


def prepare(sources: Sources, root: Path, out: Path, *, progress: bool = True) -> Prepared:
    """Build a crop set from photos.

    Args:
        sources: What to read.
        root: What the sources' paths are relative to.
        out: The folder to write: ``crops.npy``, ``photos.csv``, ``left_out.csv``, ``set.json``.
        progress: Show a progress bar per source.

    Raises:
        DatasetError: A source is absent or holds no usable photo, or a person has no photo.
    """
    detector = Detector(width_px=640)
    items = [(source, *item) for source in sources.source for item in walk(source, root)]
    crops = np.empty((len(items), STORED_PX, STORED_PX, 3), np.uint8)
    photos: list[Photo] = []
    left_out: list[LeftOut] = []
    for source, person, name, read in tqdm(items, unit="photo", disable=not progress):
        try:
            crops[len(photos)] = find_crop(read(), detector, aligned=source.aligned)
        except PhotoError as exc:
            left_out.append(LeftOut(source.name, person, name, str(exc)))
        else:
            photos.append(Photo(source.name, person, name, source.group_of(person, name)))
    keep, doubles = without_duplicates(crops[: len(photos)], photos)
    left_out += doubles
    kept = [photos[i] for i in keep]
    if not kept:
        reasons = dict(Counter(item.reason for item in left_out))
        raise DatasetError(f"{root}: no usable photo in any source: {reasons}")
    CropSet.write(out, crops, keep, kept, assign_splits(kept, sources, root), sources.seed)
    write_left_out(out / "left_out.csv", left_out)
    return Prepared(len(kept), tuple(left_out))


def find_crop(data: bytes, detector: Detector, *, aligned: bool = False) -> Image:
    """Find the one face in a photo and align it.

    Args:
        data: The file's bytes: JPEG, PNG, WebP or PGM.
        detector: The kiosk's detector.
        aligned: The picture is an aligned crop already, 112 or 128 pixels square.

    Returns:
        ``(128, 128, 3)`` uint8 RGB: the crop of the contract with 8 pixels more on each side.

    Raises:
        PhotoError: Unreadable, without a face, or with several; the text is the reason alone.
    """
    photo = decode_photo(data)
    if aligned:
        return _pad(photo)
    return align(photo, find_single_face(photo, detector).landmarks, border_px=BORDER_PX)


def _pad(photo: Image) -> Image:
    if photo.shape[:2] == (CROP_PX, CROP_PX):
        edge = (BORDER_PX,) * 4
        photo = np.asarray(cv2.copyMakeBorder(photo, *edge, cv2.BORDER_REFLECT_101), np.uint8)
    if photo.shape[:2] != (STORED_PX, STORED_PX):
        raise PhotoError("not an aligned crop of 112 or 128 pixels")
    return np.asarray(photo[:, :, ::-1], np.uint8)


def walk(source: Source, root: Path) -> Sequence[Item]:
    """List a source's photos by person, in a fixed order.

    A source without folders is one of nobody named. Beside people's folders a loose photo cannot
    be used, and reading it raises the reason.

    Raises:
        DatasetError: The source is absent, or lacks a person it names or a photo of one.
    """
    path = root / source.path
    if not path.is_dir() and not zipfile.is_zipfile(path):
        raise DatasetError(f"{path}: source {source.name!r} is neither a folder nor a zip archive")
    items = _walk_folder(path) if path.is_dir() else _walk_zip(path)
    absent = {*source.people, *source.also} - {person for person, _, _ in items}
    if absent:
        raise DatasetError(f"{path}: source {source.name!r} has no photo of {sorted(absent)}")
    if any(person for person, _, _ in items):
        items = [item if item[0] else (*item[:2], _refuse_loose) for item in items]
    return [
        (person, name, partial(_read, read))
        for person, name, read in items
        if not source.people or person in source.people
    ]


def _refuse_loose() -> bytes:
    raise PhotoError("in no person's folder")


def _read(data: Callable[[], bytes]) -> bytes:
    try:
        return data()
    except (OSError, zipfile.BadZipFile, zlib.error) as exc:
        raise PhotoError("unreadable") from exc


def _walk_folder(path: Path) -> list[Item]:
    items: list[Item] = []
    for person in sorted(entry for entry in path.iterdir() if entry.is_dir()):
        photos = sorted(p for p in person.rglob("*") if _is_photo(p.name))
        if not photos:
            raise DatasetError(f"{person}: no photo of this person ({', '.join(PHOTO_ENDINGS)})")
        items += [(person.name, str(p.relative_to(person)), p.read_bytes) for p in photos]
    loose = sorted(p for p in path.iterdir() if _is_photo(p.name) and not p.is_dir())
    return [*items, *(("", p.name, p.read_bytes) for p in loose)]


def _walk_zip(path: Path) -> list[Item]:
    archive = zipfile.ZipFile(path)
    # A Mac adds a folder of its own, in which a file of notes has the name of each photo.
    names = sorted(n for n in archive.namelist() if _is_photo(n) and not n.startswith("__MACOSX/"))
    parts = [PurePosixPath(name).parts for name in names]
    if len({p[0] for p in parts}) == 1 and any(len(p) > 2 for p in parts):
        parts = [p[1:] for p in parts]  # the folder that was packed, with the people's in it
    return [
        (p[0] if len(p) > 1 else "", "/".join(p[1:] or p), partial(archive.read, name))
        for p, name in zip(parts, names, strict=True)
    ]


def _is_photo(name: str) -> bool:
    return name.lower().endswith(PHOTO_ENDINGS)


def without_duplicates(crops: Image, photos: Sequence[Photo]) -> tuple[list[int], list[LeftOut]]:
    """Keep the first of every set of near-duplicate photos.

    Args:
        crops: ``(n, height, width, 3)`` uint8 RGB, aligned.
        photos: Where each came from.

    Returns:
        The numbers of those kept, ascending, and the others.
    """
    dropped: dict[int, int] = {}
    for first, second in sorted(near_duplicates(crops, NEAR_DUPLICATE)):
        if first not in dropped:
            dropped.setdefault(second, first)
    left_out = [
        _duplicate(photos[i], photos[first], same=np.array_equal(crops[i], crops[first]))
        for i, first in sorted(dropped.items())
    ]
    return [i for i in range(len(photos)) if i not in dropped], left_out


def _duplicate(photo: Photo, first: Photo, *, same: bool) -> LeftOut:
    reason = "duplicate" if same else "near-duplicate"
    return LeftOut(photo.source, photo.person, photo.photo, reason, f"of {first.path}")


def write_left_out(path: Path, left_out: Sequence[LeftOut]) -> None:
    """Write a CSV line for each photo that was left out, and why."""
    header = [field.name for field in fields(LeftOut)]
    write_table(path, [header, *(astuple(item) for item in left_out)])
