"""Find and align the face of each photo, and list the photos that cannot be used, with reasons."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from tqdm import tqdm

from kiosk.contract import CROP_PX
from kiosk.errors import DatasetError, PhotoError
from kiosk.recognition.align import align
from kiosk.recognition.detect import Detector
from kiosk.recognition.photo import decode_photo, find_single_face
from kiosk.recognition.upright import UprightCheck
from kiosk.records import Image
from train.dataset.crop_set import BORDER_PX, STORED_PX, Photo
from train.dataset.near_duplicates import NEAR_DUPLICATE, near_duplicates
from train.dataset.photo_files import PhotoFile, list_photos
from train.dataset.sources import Sources
from train.tables import write_table

_WIDTH_PX: Final = 640
_LEAST_PX: Final = 48
"""Narrower faces of a sheet are too coarse for a clean crop."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A photo that cannot be used, and why."""

    source: str
    person: str
    photo: str
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class FaceCrops:
    """The usable photos of a set.

    Attributes:
        files: ``(n,)`` the photo files.
        crops: ``(n, 128, 128, 3)`` uint8 RGB, the aligned face of each, with a border.
        left_out: The photos that cannot be used.
    """

    files: tuple[PhotoFile, ...]
    crops: Image
    left_out: tuple[LeftOut, ...]


def find_crops(
    sources: Sources, root: Path, *, named_only: bool = False, progress: bool = True
) -> FaceCrops:
    """Read the photos of all sources, and find and align the one face in each.

    Of duplicates and near-duplicates, the first is kept; of those in two people's folders, none.

    Args:
        sources: What to read.
        root: What the sources' paths are relative to.
        named_only: Leave out unnamed photos.
        progress: Show a progress bar.

    Raises:
        DatasetError: A source is absent, a person has no photo, or no photo is usable.
    """
    files = list_photos(sources.source, root)
    return crops_of(files, sources.places(root), named_only=named_only, progress=progress)


def crops_of(
    files: Sequence[PhotoFile], places: str, *, named_only: bool = False, progress: bool = True
) -> FaceCrops:
    """Do the same with files that are listed already; ``places`` stands in the message.

    Raises:
        DatasetError: No photo is usable.
    """
    detector, upright = Detector(width_px=_WIDTH_PX), UprightCheck()
    count = sum(file.is_photo for file in files)
    crops = np.empty((count, STORED_PX, STORED_PX, 3), np.uint8)
    usable: list[PhotoFile] = []
    left_out: list[LeftOut] = []
    for file in tqdm(files, unit="photo", disable=not progress):
        try:
            data = _read_named(file) if named_only else file.read()
            crop = find_crop(data, detector, upright, aligned=file.source.aligned)
        except PhotoError as exc:
            left_out.append(LeftOut(file.source.name, file.person, file.name, str(exc)))
        else:
            crops[len(usable)] = crop
            usable.append(file)
    if not usable:
        reasons = ", ".join(f"{count} {what}" for what, count in count_reasons(left_out).items())
        raise DatasetError(
            f"{places}: no usable photo ({reasons or 'no file'}); expected pictures that show one "
            "upright face each"
        )
    keep, duplicates = without_duplicates(crops[: len(usable)], [file.photo for file in usable])
    # In place, front to back: a copy would take the memory of all crops once more.
    for at, index in enumerate(keep):
        crops[at] = crops[index]
    kept = tuple(usable[index] for index in keep)
    return FaceCrops(kept, crops[: len(kept)], (*left_out, *duplicates))


def _read_named(file: PhotoFile) -> bytes:
    if file.is_photo and not file.person:
        raise PhotoError("unnamed")
    return file.read()


def find_crop(
    data: bytes, detector: Detector, upright: UprightCheck, *, aligned: bool = False
) -> Image:
    """Find the one face in a photo, check that it is upright, and align it.

    Args:
        data: The file's bytes: JPEG, PNG, WebP or PGM.
        detector: The kiosk's detector.
        upright: The kiosk's check. It needs the photo around the face: an aligned crop is not
            checked.
        aligned: The picture is an aligned crop already, 112 or 128 pixels square.

    Returns:
        ``(128, 128, 3)`` uint8 RGB: the crop of the contract with 8 pixels more on each side.

    Raises:
        PhotoError: Unreadable, no face, several faces, or a turned face; the text is the reason
            alone.
    """
    photo = decode_photo(data)
    if aligned:
        return _pad(photo)
    face = find_single_face(photo, detector)
    if reason := upright.reject_reason(photo, face):
        raise PhotoError(reason)
    return align(photo, face.landmarks, border_px=BORDER_PX)


def find_every_crop(files: Sequence[PhotoFile], root: Path) -> Image:
    """Find and align every upright face of every picture, also many in one; no two alike.

    Args:
        files: The pictures. What is no picture is passed over.
        root: Stands in the message.

    Returns:
        ``(n, 128, 128, 3)`` uint8 RGB.

    Raises:
        DatasetError: There is no face.
    """
    detector, upright = Detector(width_px=_WIDTH_PX), UprightCheck()
    crops: list[Image] = []
    for file in tqdm(files, unit="picture", disable=None):
        try:
            photo = decode_photo(file.read())
        except PhotoError:
            continue
        faces = detector.find(photo, max(_WIDTH_PX, max(photo.shape) // 2))
        crops += [
            align(photo, face.landmarks, border_px=BORDER_PX)
            for face in faces
            if face.box[2] >= _LEAST_PX and not upright.reject_reason(photo, face)
        ]
    if not crops:
        raise DatasetError(f"{root}: no face in any picture")
    alike = {second for _, second in near_duplicates(np.stack(crops), NEAR_DUPLICATE)}
    return np.stack([crop for at, crop in enumerate(crops) if at not in alike])


def _pad(photo: Image) -> Image:
    if photo.shape[:2] == (CROP_PX, CROP_PX):
        edge = (BORDER_PX,) * 4
        photo = np.asarray(cv2.copyMakeBorder(photo, *edge, cv2.BORDER_REFLECT_101), np.uint8)
    if photo.shape[:2] != (STORED_PX, STORED_PX):
        raise PhotoError("not an aligned crop of 112 or 128 pixels")
    return np.asarray(photo[:, :, ::-1], np.uint8)


def without_duplicates(crops: Image, photos: Sequence[Photo]) -> tuple[list[int], list[LeftOut]]:
    """Keep the first photo of every set of near-duplicates; none that is in two people's folders.

    Nobody can tell which of the two people of a source such a photo shows.

    Args:
        crops: ``(n, height, width, 3)`` uint8 RGB, aligned.
        photos: ``(n,)`` where they came from.

    Returns:
        The indices of the photos to keep, ascending, and the photos to leave out.
    """
    pairs = sorted(near_duplicates(crops, NEAR_DUPLICATE))
    claimed: dict[int, int] = {}
    for first, second in pairs:
        if _are_two_people(photos[first], photos[second]):
            claimed.setdefault(first, second)
            claimed.setdefault(second, first)
    dropped: dict[int, int] = {}
    for first, second in pairs:
        if first not in dropped and not {first, second} & claimed.keys():
            dropped.setdefault(second, first)
    left_out = {i: _claimed(photos[i], photos[other]) for i, other in claimed.items()}
    for i, first in dropped.items():
        same = np.array_equal(crops[i], crops[first])
        left_out[i] = _duplicate(photos[i], photos[first], same=same)
    kept = [i for i in range(len(photos)) if i not in left_out]
    return kept, [left_out[i] for i in sorted(left_out)]


def _are_two_people(one: Photo, other: Photo) -> bool:
    """Return whether two photos are in the folders of two people of one source."""
    is_named = bool(one.person and other.person)
    return is_named and one.source == other.source and one.person != other.person


def _claimed(photo: Photo, other: Photo) -> LeftOut:
    reason = "in two people's folders"
    return LeftOut(photo.source, photo.person, photo.photo, reason, f"also {other.path}")


def _duplicate(photo: Photo, first: Photo, *, same: bool) -> LeftOut:
    reason = "duplicate" if same else "near-duplicate"
    return LeftOut(photo.source, photo.person, photo.photo, reason, f"of {first.path}")


def count_reasons(left_out: Iterable[LeftOut]) -> dict[str, int]:
    """Count the photos that were left out, by reason."""
    return dict(Counter(item.reason for item in left_out))


def write_left_out(path: Path, left_out: Iterable[LeftOut]) -> None:
    """Write a CSV line for each photo that was left out, with the reason."""
    header = [field.name for field in fields(LeftOut)]
    write_table(path, [header, *(astuple(item) for item in left_out)])
