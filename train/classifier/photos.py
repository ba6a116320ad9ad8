"""The photos of recipe ``report``: not aligned, scaled to a square, as in the student's report.

Two things differ from the student's set, so that training photos do not reappear as held-out
photos: duplicates and photos without exactly one face are left out, and the photos of one moment
are one group, which ``fit_classifier`` never divides. The aligned crop of each photo is kept too,
so that the embedding can be measured on the same photos.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from kiosk.contract import CROP_PX
from kiosk.errors import DatasetError, PhotoError
from kiosk.recognition.photo import decode_photo
from kiosk.records import Image
from train.dataset.crop_set import BORDER_PX, Photo
from train.dataset.face_crops import LeftOut, crops_of
from train.dataset.near_duplicates import BURST, groups, near_duplicates, within_person
from train.dataset.people import Confirm, people_found
from train.dataset.photo_files import PhotoFile, list_photos
from train.dataset.sources import Sources
from train.metrics import Ints

_PEOPLE_MIN: Final = 2
_INNER = slice(BORDER_PX, BORDER_PX + CROP_PX)


@dataclass(frozen=True, slots=True, eq=False)
class LabelledPhotos:
    """The input of the classifier.

    Attributes:
        images: ``(n, size, size, 3)`` uint8 RGB.
        labels: ``(n,)`` int64, the person on each: an index into ``names``.
        names: The people, two or more, each on some photo.
        groups: ``(n,)`` int64, photos of one group are either all held out or all trained on
            (:func:`train.dataset.near_duplicates.groups`).

    Raises:
        DatasetError: The arrays do not fit together.
    """

    images: Image
    labels: Ints
    names: tuple[str, ...]
    groups: Ints

    def __post_init__(self) -> None:
        """Check that the arrays fit together."""
        for array in ("labels", "groups"):
            shape = getattr(self, array).shape
            if shape != (len(self.images),):
                raise DatasetError(f"{array}: expected ({len(self.images)},), got {shape}")
        people = len(self.names)
        if people < _PEOPLE_MIN or set(self.labels.tolist()) != set(range(people)):
            raise DatasetError(f"labels: expected each of 0 to {people - 1}, at least two people")

    def fingerprint(self) -> str:
        """Return the SHA-256 of photos and labels, hexadecimal."""
        digest = hashlib.sha256(self.labels.tobytes())
        for image in self.images:
            digest.update(np.ascontiguousarray(image).data)
        return digest.hexdigest()


@dataclass(frozen=True, slots=True, eq=False)
class ReportPhotos:
    """All photos of recipe ``report``.

    Attributes:
        labelled: What the classifier sees; ``names`` are those of the folders, sorted.
        crops: ``(n, 112, 112, 3)`` uint8 RGB, the aligned crop of each photo.
        photos: ``(n,)`` where each came from.
        left_out: The photos that cannot be used, with the reasons; not those cut by
            ``photos_max``.
    """

    labelled: LabelledPhotos
    crops: Image
    photos: tuple[Photo, ...]
    left_out: tuple[LeftOut, ...]


def load_report_photos(
    sources: Sources,
    root: Path,
    size_px: int,
    photos_max: int | None = None,
    *,
    progress: bool = True,
    confirm: Confirm = lambda _: None,
) -> ReportPhotos:
    """Read the photos of the people to be told apart.

    Args:
        sources: What to read; how they are split does not matter here.
        root: What the sources' paths are relative to.
        size_px: Side of the photos that the classifier sees.
        photos_max: Cut to this many photos, see :func:`cut_evenly`; ``None`` keeps all.
        progress: Show a progress bar.
        confirm: Called before the work with whom the sources are taken to show; it may raise.

    Raises:
        DatasetError: A source is absent, two sources have a person of one name, no photo is
            usable, or fewer than two people have a usable photo.
        PhotoError: A photo was readable when its face was searched, and no longer is.
    """
    listed = list_photos(sources.source, root)
    confirm(people_found(sources.source, root, listed))
    found = crops_of(listed, sources.places(root), named_only=True, progress=progress)
    names = _names([file.photo for file in found.files])
    if len(names) < _PEOPLE_MIN:
        raise DatasetError(
            f"{sources.places(root)}: usable photos of {names[0]} alone; expected two people or "
            "more to tell apart"
        )
    if photos_max is not None and photos_max < len(names):
        raise DatasetError(
            f"photos_max: {photos_max}, expected at least {len(names)}, one per person"
        )
    labels = np.array([names.index(file.person) for file in found.files], np.int64)
    crops = np.ascontiguousarray(found.crops[:, _INNER, _INNER])
    # Before the cut: two photos may be linked by a third photo that is cut.
    bursts = groups(len(crops), within_person(near_duplicates(crops, BURST), labels))
    kept = cut_evenly(labels, len(crops) if photos_max is None else photos_max, sources.seed)
    files = [found.files[i] for i in kept]
    labelled = LabelledPhotos(_read_squares(files, size_px), labels[kept], names, bursts[kept])
    photos = tuple(file.photo for file in files)
    return ReportPhotos(labelled, crops[kept], photos, found.left_out)


def cut_evenly(labels: Ints, n: int, seed: int) -> Ints:
    """Choose ``n`` items so that the number per label is as even as possible.

    Items are chosen in rounds, one per label and round, in an order that the seed decides.

    Args:
        labels: ``(m,)`` the person on each photo, or any other label.
        n: How many to choose; all if there are no more.
        seed: Decides which items, and which labels come first in the last round.

    Returns:
        ``(min(n, m),)`` indices of the chosen items, ascending.
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    rounds = np.empty(len(labels), np.int64)
    assigned: Counter[int] = Counter()
    for index in order:
        rounds[index] = assigned[int(labels[index])]
        assigned[int(labels[index])] += 1
    by_round = order[np.argsort(rounds[order], kind="stable")]
    return np.sort(by_round[:n]).astype(np.int64)


def square(photo: Image, size_px: int) -> Image:
    """Scale a photo to a square, without keeping its proportions.

    Args:
        photo: ``(height, width, 3)`` uint8, any order of channels.
        size_px: Side of the square.

    Returns:
        ``(size_px, size_px, 3)`` uint8, the channels in the same order.
    """
    shrinks = max(photo.shape[:2]) > size_px
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(photo, (size_px, size_px), interpolation=how), np.uint8)


def _names(photos: Sequence[Photo]) -> tuple[str, ...]:
    """Return the people's names as their folders have them; `kiosk-train predict` compares these.

    Raises:
        DatasetError: Two sources have a person of one name.
    """
    identities = {photo.identity: photo.person for photo in photos}
    twice = [name for name, count in Counter(identities.values()).items() if count > 1]
    if twice:
        raise DatasetError(f"{sorted(twice)}: in two sources; rename the folders in one of them")
    return tuple(sorted(identities.values()))


def _read_squares(files: Sequence[PhotoFile], size_px: int) -> Image:
    """Read photos a second time: the squares of all photos found would take too much memory."""
    squares = np.empty((len(files), size_px, size_px, 3), np.uint8)
    for row, file in zip(squares, files, strict=True):
        try:
            row[:] = square(decode_photo(file.read()), size_px)[:, :, ::-1]
        except PhotoError as exc:
            message = f"{file.photo.path}: {exc}, but was readable before; start again"
            raise PhotoError(message) from exc
    return squares
