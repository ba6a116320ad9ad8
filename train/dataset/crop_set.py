"""A crop set: aligned faces on disk, who is on them, and which side of the split they are on."""

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, get_args

import numpy as np
import numpy.typing as npt

from kiosk.atomic_file import atomic_write
from kiosk.contract import CROP_PX, fingerprint
from kiosk.errors import DatasetError
from kiosk.records import Image
from train.dataset.sources import Split
from train.tables import write_table

BORDER_PX: Final = 8
"""Kept around each crop, so that an augmentation can shift, turn and scale before it cuts."""
STORED_PX: Final = CROP_PX + 2 * BORDER_PX

_HEADER: Final = ("source", "person", "photo", "group", "side")


@dataclass(frozen=True, slots=True)
class Photo:
    """Where a crop came from; ``person`` is empty where nobody is named."""

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
        """The person's name, unique over all sources; empty where nobody is named."""
        return f"{self.source}/{self.person}" if self.person else ""


@dataclass(frozen=True, slots=True)
class CropSet:
    """All crops of a training set.

    Attributes:
        folder: Where they are stored.
        crops: ``(n, 128, 128, 3)`` uint8 RGB, mapped from disk.
        photos: Where each came from.
        splits: The side of the split that each is on.
    """

    folder: Path
    crops: Image
    photos: tuple[Photo, ...]
    splits: tuple[Split, ...]

    def __len__(self) -> int:
        """How many crops there are."""
        return len(self.photos)

    def indices_of(self, side: Split) -> npt.NDArray[np.int64]:
        """List the crops on one side of the split."""
        return np.flatnonzero(np.array(self.splits) == side)

    def contract_crops(self, indices: npt.NDArray[np.int64], batch: int = 512) -> Iterator[Image]:
        """Cut the contract's crop out of the stored ones, ``(batch, 112, 112, 3)`` at a time."""
        inner = slice(BORDER_PX, BORDER_PX + CROP_PX)
        for start in range(0, len(indices), batch):
            yield np.ascontiguousarray(self.crops[indices[start : start + batch], inner, inner])

    @classmethod
    def load(cls, folder: Path) -> "CropSet":
        """Open a crop set.

        Raises:
            DatasetError: The folder is no crop set, was made under another contract, or its parts
                do not fit together.
        """
        _check_contract(folder / "set.json")
        try:
            crops = np.load(folder / "crops.npy", mmap_mode="r")
            with (folder / "photos.csv").open(newline="", encoding="utf-8") as file:
                header, *rows = csv.reader(file)
        except (OSError, EOFError, ValueError, csv.Error) as exc:
            raise DatasetError(f"{folder}: no crop set of `kiosk-train prepare` ({exc})") from exc
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
        keep: Sequence[int],
        photos: Sequence[Photo],
        splits: Sequence[Split],
        seed: int | None = None,
    ) -> None:
        """Write the crops numbered ``keep``, in order, with their photos and sides.

        The seed of the split is kept for the record.
        """
        folder.mkdir(parents=True, exist_ok=True)
        # What an earlier set left must not pass for this one's, even if this is cut short.
        for stale in ("photos.csv", "teacher.npy"):
            (folder / stale).unlink(missing_ok=True)
        shape = (len(keep), STORED_PX, STORED_PX, 3)
        stored = np.lib.format.open_memmap(folder / "crops.npy", "w+", np.uint8, shape)
        for at, index in enumerate(keep):
            stored[at] = crops[index]
        stored.flush()
        facts = {"contract": fingerprint(), "seed": seed, "photos": len(keep)}
        with atomic_write(folder / "set.json") as partial:
            partial.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
        CropSet.write_photos(folder, photos, splits)

    @staticmethod
    def write_photos(folder: Path, photos: Sequence[Photo], splits: Sequence[Split]) -> None:
        """Write who is on the crops and which side they are on."""
        rows = (
            [photo.source, photo.person, photo.photo, photo.group, side]
            for photo, side in zip(photos, splits, strict=True)
        )
        write_table(folder / "photos.csv", [_HEADER, *rows])


def _check_contract(path: Path) -> None:
    """Refuse crops that were cut in another way than this code cuts them."""
    try:
        contract = json.loads(path.read_bytes())["contract"]
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise DatasetError(f"{path}: no crop set of `kiosk-train prepare` ({exc})") from exc
    if contract != fingerprint():
        raise DatasetError(
            f"{path}: made under contract {contract}, expected {fingerprint()}; prepare it again"
        )
