"""A crop set on disk: aligned faces, with the person and the split of each."""

import csv
import hashlib
import io
import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Final, get_args

import numpy as np
import numpy.typing as npt

from kiosk.contract import CROP_PX, fingerprint
from kiosk.errors import DatasetError, reason_of
from kiosk.files.atomic_file import atomic_write
from kiosk.files.bounded_file import read_file, require_file, size_text
from kiosk.records import Image
from train.dataset.sources import Split
from train.places import make_folder
from train.tables import write_table

BORDER_PX: Final = 8
"""Kept around each crop, so that an augmentation can shift, turn and scale it before the cut."""
STORED_PX: Final = CROP_PX + 2 * BORDER_PX
TARGETS_FILE: Final = "teacher.npy"
"""What `kiosk-train teach` writes beside the crops: the teacher's embedding of each."""
_FACTS_BYTES: Final = 1_000_000
"""For the files beside the crops."""

_TABLE_BYTES_MAX: Final = 1_000_000_000
_CROPS_BYTES_MAX: Final = 1_000_000_000_000
"""Mapped, not read: it may be larger than the memory."""

_HEADER: Final = ("source", "person", "photo", "group", "side")


@dataclass(frozen=True, slots=True)
class Photo:
    """Where a crop came from.

    Attributes:
        source: Name of the source.
        person: Name of the person in that source; empty for an unnamed photo.
        photo: Name of the photo.
        group: What must stay in one split with it, see :meth:`Source.group_of`.
    """

    source: str
    person: str
    photo: str
    group: str

    @property
    def path(self) -> str:
        """Source, person and photo as one path."""
        return "/".join(part for part in (self.source, self.person, self.photo) if part)

    @property
    def identity(self) -> str:
        """The person's name, unique over all sources; empty for an unnamed photo."""
        return f"{self.source}/{self.person}" if self.person else ""


@dataclass(frozen=True, slots=True)
class CropSet:
    """All crops of a training set.

    Attributes:
        folder: Where they are stored.
        crops: ``(n, 128, 128, 3)`` uint8 RGB, mapped from disk.
        photos: ``(n,)`` where each came from.
        splits: ``(n,)`` the split of each.
    """

    folder: Path
    crops: Image
    photos: tuple[Photo, ...]
    splits: tuple[Split, ...]

    def __len__(self) -> int:
        """Return how many crops there are."""
        return len(self.photos)

    def __reduce__(self) -> tuple[Callable[[Path], "CropSet"], tuple[Path]]:
        """Go to another process as a folder, which that maps; the crops would be copied."""
        return CropSet.load, (self.folder,)

    def indices_of(self, split: Split) -> npt.NDArray[np.int64]:
        """Return the indices of a split's crops, ascending."""
        return np.flatnonzero(np.array(self.splits) == split)

    def training_indices(self) -> npt.NDArray[np.int64]:
        """Return the indices of the training crops, ascending.

        Raises:
            DatasetError: There are none.
        """
        indices = self.indices_of("train")
        if len(indices) == 0:
            raise DatasetError(f"{self.folder}: the training split is empty")
        return indices

    def digest(self) -> str:
        """Return a SHA-256, hexadecimal, that tells this set of photos and splits from any other.

        Of each crop it takes one row of pixels: to read all takes long, and names may be the same.
        """
        rows = zip((astuple(photo) for photo in self.photos), self.splits, strict=True)
        found = hashlib.sha256(json.dumps(list(rows)).encode())
        found.update(self.crops[:, STORED_PX // 2].tobytes())
        return found.hexdigest()

    def require_taught(self) -> None:
        """Check that `kiosk-train teach` has looked for people who appear under two names.

        Such people make figures wrong, and thresholds too high.

        Raises:
            DatasetError: It has not.
        """
        if not (self.folder / TARGETS_FILE).exists():
            raise DatasetError(
                f"{self.folder}: nobody has looked for people who appear under two names, who "
                f"would make the figures wrong; run `kiosk-train teach {self.folder}` first"
            )

    def contract_crops(self, indices: npt.NDArray[np.int64], batch: int = 512) -> Iterator[Image]:
        """Cut the contract's crop out of stored crops, ``(batch, 112, 112, 3)`` at a time."""
        inner = slice(BORDER_PX, BORDER_PX + CROP_PX)
        for start in range(0, len(indices), batch):
            yield np.ascontiguousarray(self.crops[indices[start : start + batch], inner, inner])

    @classmethod
    def load(cls, folder: Path) -> "CropSet":
        """Open a crop set.

        Raises:
            DatasetError: The folder is no crop set, was made under another contract, or its files
                do not fit together.
        """
        _check_contract(folder / "set.json")
        try:
            require_file(folder / "crops.npy", _CROPS_BYTES_MAX)
            crops = np.load(folder / "crops.npy", mmap_mode="r")
            text = read_file(folder / "photos.csv", _TABLE_BYTES_MAX).decode()
            header, *rows = csv.reader(io.StringIO(text, newline=""))
        except (OSError, EOFError, ValueError, csv.Error) as exc:
            raise DatasetError(
                f"{folder}: no crop set of `kiosk-train prepare` ({reason_of(exc)})"
            ) from exc
        good = tuple(header) == _HEADER and all(
            len(row) == len(_HEADER) and row[4] in get_args(Split) for row in rows
        )
        shape = (len(rows), STORED_PX, STORED_PX, 3)
        if not good or (crops.shape, crops.dtype) != (shape, np.uint8):
            raise DatasetError(f"{folder}: photos.csv does not fit crops.npy; prepare it again")
        return cls(
            folder,
            crops,
            tuple(Photo(*row[:4]) for row in rows),
            tuple(row[4] for row in rows),  # type: ignore[misc]  # checked against Split above
        )

    @staticmethod
    def write(
        folder: Path,
        crops: Image,
        photos: Sequence[Photo],
        splits: Sequence[Split],
        seed: int | None = None,
    ) -> None:
        """Write a crop set.

        Args:
            folder: Where to store it.
            crops: ``(n, 128, 128, 3)`` uint8 RGB.
            photos: ``(n,)`` where each came from.
            splits: ``(n,)`` the split of each.
            seed: Of the split, stored in ``set.json``.

        Raises:
            DatasetError: The folder cannot be written.
        """
        try:
            make_folder(folder)
            # Files of an earlier set must not pass for this one's, even if this is interrupted.
            for stale in ("photos.csv", TARGETS_FILE):
                (folder / stale).unlink(missing_ok=True)
            np.save(folder / "crops.npy", crops)
            facts = {"contract": fingerprint(), "seed": seed, "photos": len(crops)}
            with atomic_write(folder / "set.json") as partial:
                partial.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
            CropSet.write_photos(folder, photos, splits)
        except OSError as exc:
            raise DatasetError(f"{folder}: cannot be written ({reason_of(exc)})") from exc

    @staticmethod
    def write_photos(folder: Path, photos: Sequence[Photo], splits: Sequence[Split]) -> None:
        """Write ``photos.csv``: origin and split of each crop."""
        rows = (
            [photo.source, photo.person, photo.photo, photo.group, split]
            for photo, split in zip(photos, splits, strict=True)
        )
        write_table(folder / "photos.csv", [_HEADER, *rows])


def require_space(folder: Path, photos: int) -> None:
    """Make sure that a crop set can be written, before hours of work.

    The space is reserved and given back at once: what a file system promises, it may not have.

    Args:
        folder: The crop set.
        photos: How many crops it may have.

    Raises:
        DatasetError: The folder cannot be written, or has too little space.
    """
    needed = photos * STORED_PX * STORED_PX * 3 + _FACTS_BYTES
    existing = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    if not existing.is_dir():
        raise DatasetError(f"{folder}: cannot be made ({existing} is a file, expected a folder)")
    probe = existing / ".space-for-crops"
    try:
        descriptor = os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, needed)
        finally:
            os.close(descriptor)
            probe.unlink()
    except OSError as exc:
        raise DatasetError(
            f"{folder}: needs up to {size_text(needed)} for {photos} crops ({exc.strerror})"
        ) from exc


def _check_contract(path: Path) -> None:
    """Reject crops that were cut under another contract."""
    try:
        contract = json.loads(read_file(path, _FACTS_BYTES))["contract"]
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise DatasetError(
            f"{path}: no crop set of `kiosk-train prepare` ({reason_of(exc)})"
        ) from exc
    if contract != fingerprint():
        raise DatasetError(
            f"{path}: made under contract {contract}, expected {fingerprint()}; prepare it again"
        )
