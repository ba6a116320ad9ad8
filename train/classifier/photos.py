"""The photos of recipe ``report``: whole, squeezed to a square, as its student had them.

Two things differ from that student's set, so that held-out photos are held out: copies are left
out, and so are photos without a face or with several; and a burst of one person is one group, which
``fit_classifier`` keeps on one side of its split. The aligned crops of the very same photos come
along, so that the embedding can be measured on them too.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from kiosk.contract import CROP_PX
from kiosk.errors import DatasetError, PhotoError
from kiosk.recognition.detect import Detector
from kiosk.recognition.photo import decode_photo
from kiosk.records import Image
from train.classifier.fit import LabelledPhotos
from train.dataset.crop_set import BORDER_PX, Photo
from train.dataset.near_duplicates import BURST, groups, near_duplicates, within
from train.dataset.prepare import LeftOut, find_crop, walk, without_duplicates
from train.dataset.sources import Sources
from train.evaluation.metrics import Ints

_INNER = slice(BORDER_PX, BORDER_PX + CROP_PX)


@dataclass(frozen=True, slots=True, eq=False)
class ReportPhotos:
    """An labelled, and what else is known of its photos.

    Attributes:
        labelled: What the classifier sees; ``names`` are those of the folders, sorted.
        crops: ``(n, 112, 112, 3)`` uint8 RGB, the aligned crop of each of its photos.
        photos: ``(n,)`` where each came from.
        left_out: The photos that cannot be used, and why; those cut are not among them.
    """

    labelled: LabelledPhotos
    crops: Image
    photos: tuple[Photo, ...]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """Usable photos: whose, how to read them again, and their crops with a border."""

    photos: list[Photo]
    readers: list[Callable[[], bytes]]
    crops: Image
    left_out: list[LeftOut]


def load_report_photos(
    sources: Sources,
    root: Path,
    size_px: int,
    photos_max: int | None = None,
    *,
    progress: bool = True,
) -> ReportPhotos:
    """Read the photos of the people to be told apart.

    Args:
        sources: What to read; their splits and hold-outs do not matter here.
        root: What the sources' paths are relative to.
        size_px: Split of the photos that the classifier sees.
        photos_max: Cut to this many photos, see :func:`cut_evenly`; ``None`` keeps all.
        progress: Show a progress bar.

    Raises:
        DatasetError: A source is absent, two sources have a person of one name, or fewer than two
            people have a usable photo.
        PhotoError: A photo was there when its face was found, and can no longer be read.
    """
    found = _find(sources, root, progress=progress)
    keep, doubles = without_duplicates(found.crops, found.photos)
    names = _names([found.photos[i] for i in keep])
    if photos_max is not None and photos_max < len(names):
        raise DatasetError(
            f"photos_max: {photos_max}, expected at least {len(names)}, one a person"
        )
    labels = np.array([names.index(found.photos[i].person) for i in keep], np.int64)
    crops = np.ascontiguousarray(found.crops[keep, _INNER, _INNER])
    # Before the cut: two photos may be linked by a third one that is cut.
    bursts = groups(len(keep), within(near_duplicates(crops, BURST), labels))
    cut = cut_evenly(labels, len(keep) if photos_max is None else photos_max, sources.seed)
    kept = [keep[i] for i in cut]
    photos = tuple(found.photos[i] for i in kept)
    labelled = LabelledPhotos(
        _squares(photos, [found.readers[i] for i in kept], size_px), labels[cut], names, bursts[cut]
    )
    return ReportPhotos(labelled, crops[cut], photos, (*found.left_out, *doubles))


def cut_evenly(labels: Ints, n: int, seed: int) -> Ints:
    """Choose photos so that nobody keeps a second one more than anybody who has one to keep.

    Photos are dealt out in rounds, one a person and round, and within a person in an order that
    the seed decides.

    Args:
        labels: ``(m,)`` who is on each photo, or any other label of what is to be even.
        n: How many to choose; all where there are no more.
        seed: Decides which photos, and who comes first in the last round.

    Returns:
        ``(min(n, m),)`` the photos chosen, ascending.
    """
    order = np.random.default_rng(seed).permutation(len(labels))
    rounds = np.empty(len(labels), np.int64)
    dealt: Counter[int] = Counter()
    for index in order:
        rounds[index] = dealt[int(labels[index])]
        dealt[int(labels[index])] += 1
    by_round = order[np.argsort(rounds[order], kind="stable")]
    return np.sort(by_round[:n]).astype(np.int64)


def square(photo: Image, size_px: int) -> Image:
    """Squeeze a photo to a square.

    Args:
        photo: ``(height, width, 3)`` uint8, any order of channels.
        size_px: Split of the square.

    Returns:
        ``(size_px, size_px, 3)`` uint8, the channels as they were.
    """
    shrinks = max(photo.shape[:2]) > size_px
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(photo, (size_px, size_px), interpolation=how), np.uint8)


def _find(sources: Sources, root: Path, *, progress: bool) -> _Found:
    """Find the face on every photo; photos of nobody named cannot be learnt from."""
    detector = Detector(width_px=640)
    items = [(source, *item) for source in sources.source for item in walk(source, root)]
    photos: list[Photo] = []
    readers: list[Callable[[], bytes]] = []
    crops: list[Image] = []
    left_out = [LeftOut(s.name, who, name, "nobody named") for s, who, name, _ in items if not who]
    named = [item for item in items if item[1]]
    for source, person, name, read in tqdm(named, unit="photo", disable=not progress):
        try:
            crops.append(find_crop(read(), detector, aligned=source.aligned))
        except PhotoError as exc:
            left_out.append(LeftOut(source.name, person, name, str(exc)))
        else:
            photos.append(Photo(source.name, person, name, source.group_of(person, name)))
            readers.append(read)
    if not crops:
        reasons = dict(Counter(item.reason for item in left_out))
        raise DatasetError(f"{root}: no usable photo in any source: {reasons}")
    return _Found(photos, readers, np.stack(crops), left_out)


def _names(photos: list[Photo]) -> tuple[str, ...]:
    """Name the people as their folders do, which is how `kiosk-train predict` knows them."""
    identities = {photo.identity: photo.person for photo in photos}
    twice = [name for name, count in Counter(identities.values()).items() if count > 1]
    if twice:
        raise DatasetError(f"{sorted(twice)}: in two sources; rename the folders in one of them")
    return tuple(sorted(identities.values()))


def _squares(photos: tuple[Photo, ...], readers: list[Callable[[], bytes]], size_px: int) -> Image:
    """Read the photos anew: the square of every photo found would take too much memory."""
    squares = np.empty((len(readers), size_px, size_px, 3), np.uint8)
    for row, photo, read in zip(squares, photos, readers, strict=True):
        try:
            row[:] = square(decode_photo(read()), size_px)[:, :, ::-1]
        except PhotoError as exc:
            raise PhotoError(f"{photo.path}: {exc}, and was not before; start again") from exc
    return squares
