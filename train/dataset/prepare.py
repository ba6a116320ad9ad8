"""The command ``prepare``: build a crop set from photos."""

from dataclasses import dataclass
from pathlib import Path

from train.dataset.crop_set import CropSet, require_space
from train.dataset.face_crops import LeftOut, count_reasons, crops_of, write_left_out
from train.dataset.people import Confirm, people_found
from train.dataset.photo_files import list_photos
from train.dataset.sources import Sources
from train.dataset.split import assign_splits


@dataclass(frozen=True, slots=True)
class Prepared:
    """The result of :func:`prepare`.

    Attributes:
        kept: How many photos are in the crop set.
        left_out: The photos that are not, with the reasons.
    """

    kept: int
    left_out: tuple[LeftOut, ...]

    def summary(self) -> dict[str, int]:
        """Count the photos: kept, and left out by reason."""
        return {"kept": self.kept, **count_reasons(self.left_out)}


def prepare(
    sources: Sources,
    root: Path,
    out: Path,
    *,
    progress: bool = True,
    confirm: Confirm = lambda _: None,
) -> Prepared:
    """Build a crop set from photos.

    Args:
        sources: What to read.
        root: What the sources' paths are relative to.
        out: The folder to write: ``crops.npy``, ``photos.csv``, ``left_out.csv``, ``set.json``.
        progress: Show a progress bar.
        confirm: Called before the work with whom the sources are taken to show; it may raise.

    Raises:
        DatasetError: A source is absent, a person has no photo, no photo is usable, or ``out``
            cannot be written or has too little space.
    """
    files = list_photos(sources.source, root)
    confirm(people_found(sources.source, root, files))
    require_space(out, sum(file.is_photo for file in files))
    found = crops_of(files, sources.places(root), progress=progress)
    photos = [file.photo for file in found.files]
    CropSet.write(out, found.crops, photos, assign_splits(photos, sources, root), sources.seed)
    write_left_out(out / "left_out.csv", found.left_out)
    return Prepared(len(photos), found.left_out)
