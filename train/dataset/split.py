"""Split people into training, development and test, permanently and by whole groups.

A group's rank is a hash of the seed and its name. So adding or losing a photo moves nobody, as long
as the same groups can be held out: a new group that ranks high enough takes a place, and the last
group of that split moves to the next split.
"""

import hashlib
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from kiosk.errors import DatasetError, reason_of
from kiosk.files.bounded_file import read_file
from train.dataset.crop_set import Photo
from train.dataset.sources import Source, Sources, Split

_NAMES_BYTES_MAX: Final = 16_000_000


def assign_splits(photos: Sequence[Photo], sources: Sources, root: Path) -> list[Split]:
    """Choose the split of every photo; photos of one group are in one split.

    Args:
        photos: All photos.
        sources: How many groups of each source to hold out, and the seed.
        root: What the sources' paths are relative to.

    Raises:
        DatasetError: A source has fewer groups than it should hold out, or its list of people for
            the test alone cannot be read.
    """
    splits: dict[str, Split] = {}
    for source in sources.source:
        own = [photo for photo in photos if photo.source == source.name]
        splits |= _splits_of(source, own, sources.seed, _test_only(source, root))
    return [splits[photo.group] for photo in photos]


def _splits_of(
    source: Source, photos: Sequence[Photo], seed: int, test_only: frozenset[str]
) -> dict[str, Split]:
    groups = sorted({photo.group for photo in photos}, key=lambda name: _rank(seed, name))
    forced = {photo.group for photo in photos if _normalised(photo.person) in test_only}
    splits: dict[str, Split]
    if source.split is not None:
        splits = dict.fromkeys(groups, source.split)
        return splits if source.split == "none" else splits | dict.fromkeys(forced, "test")
    fit = [
        name for name in _large(photos, source.hold_out_photos_min, groups) if name not in forced
    ]
    if len(fit) < source.dev + source.test:
        raise DatasetError(
            f"source {source.name!r}: {len(fit)} groups can be held out, "
            f"expected {source.dev} for development and {source.test} for the test"
        )
    splits = dict.fromkeys(groups, "train")
    splits |= dict.fromkeys(fit[: source.dev], "dev")
    splits |= dict.fromkeys(fit[source.dev : source.dev + source.test], "test")
    return splits | dict.fromkeys(forced, "test")


def _large(photos: Sequence[Photo], photos_min: int, groups: Sequence[str]) -> list[str]:
    """List the groups in which some person has enough photos."""
    per_person = Counter((photo.group, photo.person) for photo in photos)
    most: defaultdict[str, int] = defaultdict(int)
    for (group, _), count in per_person.items():
        most[group] = max(most[group], count)
    return [name for name in groups if most[name] >= photos_min]


def _rank(seed: int, group: str) -> bytes:
    return hashlib.sha256(f"{seed}/{group}".encode()).digest()


def _test_only(source: Source, root: Path) -> frozenset[str]:
    """Read the people (the last part of each line) who must not be in the training split."""
    if not source.test_only:
        return frozenset()
    path = root / source.test_only
    try:
        lines = read_file(path, _NAMES_BYTES_MAX).decode("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise DatasetError(f"{path}: cannot be read ({reason_of(exc)})") from exc
    names = (line.strip().rsplit("/", 1)[-1] for line in lines)
    return frozenset(_normalised(name) for name in names if name)


def _normalised(name: str) -> str:
    """Return the composed Unicode form: file systems and editors encode accents differently."""
    return unicodedata.normalize("NFC", name)
