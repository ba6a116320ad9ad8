"""List the photos of a source, a folder or a zip archive, by person."""

import zipfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Final, TypeAlias

from kiosk.errors import DatasetError, PhotoError
from train.dataset.crop_set import Photo
from train.dataset.sources import Source

PHOTO_SUFFIXES: Final = (".jpg", ".jpeg", ".png", ".webp", ".pgm")

_Entry: TypeAlias = tuple[str, str, Callable[[], bytes]]
"""Person (empty: unnamed), photo, and how to read its bytes."""


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """A photo of a source that has not been read yet.

    Attributes:
        source: Where it belongs.
        person: Name of the person's folder; empty for an unnamed photo.
        name: Of the photo, within the person's folder.
        read: Returns the file's bytes, or raises ``PhotoError``.
    """

    source: Source
    person: str
    name: str
    read: Callable[[], bytes]

    @property
    def photo(self) -> Photo:
        """The record of this photo in a crop set."""
        group = self.source.group_of(self.person, self.name)
        return Photo(self.source.name, self.person, self.name, group)


def list_photos(sources: Iterable[Source], root: Path) -> list[PhotoFile]:
    """List the photos of several sources, in a fixed order.

    A source without sub-folders holds unnamed photos. Beside the folders of people a loose photo
    cannot be used: reading it raises ``PhotoError`` with the reason.

    Args:
        sources: What to list.
        root: What the sources' paths are relative to.

    Raises:
        DatasetError: A source is absent, or has no photo of a person that it must have.
    """
    return [file for source in sources for file in _list_source(source, root)]


def _list_source(source: Source, root: Path) -> list[PhotoFile]:
    path = root / source.path
    if not path.is_dir() and not zipfile.is_zipfile(path):
        raise DatasetError(f"{path}: source {source.name!r} is neither a folder nor a zip archive")
    entries = _list_folder(path) if path.is_dir() else _list_zip(path)
    absent = {*source.people, *source.also} - {person for person, _, _ in entries}
    if absent:
        raise DatasetError(f"{path}: source {source.name!r} has no photo of {sorted(absent)}")
    if any(person for person, _, _ in entries):
        entries = [entry if entry[0] else (*entry[:2], _reject_loose) for entry in entries]
    return [
        PhotoFile(source, person, name, partial(_read, read))
        for person, name, read in entries
        if not source.people or person in source.people
    ]


def _reject_loose() -> bytes:
    raise PhotoError("in no person's folder")


def _read(data: Callable[[], bytes]) -> bytes:
    try:
        return data()
    except (OSError, zipfile.BadZipFile, zlib.error) as exc:
        raise PhotoError("unreadable") from exc


def _list_folder(path: Path) -> list[_Entry]:
    entries: list[_Entry] = []
    for person in sorted(entry for entry in path.iterdir() if entry.is_dir()):
        photos = sorted(p for p in person.rglob("*") if _is_photo(p.name))
        if not photos:
            raise DatasetError(f"{person}: no photo of this person ({', '.join(PHOTO_SUFFIXES)})")
        entries += [(person.name, str(p.relative_to(person)), p.read_bytes) for p in photos]
    loose = sorted(p for p in path.iterdir() if _is_photo(p.name) and not p.is_dir())
    return [*entries, *(("", p.name, p.read_bytes) for p in loose)]


def _list_zip(path: Path) -> list[_Entry]:
    archive = zipfile.ZipFile(path)
    # macOS adds a folder of its own, with a file of metadata under the name of each photo.
    names = sorted(n for n in archive.namelist() if _is_photo(n) and not n.startswith("__MACOSX/"))
    parts = [PurePosixPath(name).parts for name in names]
    if len({p[0] for p in parts}) == 1 and any(len(p) > 2 for p in parts):
        parts = [p[1:] for p in parts]  # the packed folder, which holds the people's folders
    return [
        (p[0] if len(p) > 1 else "", "/".join(p[1:] or p), partial(archive.read, name))
        for p, name in zip(parts, names, strict=True)
    ]


def _is_photo(name: str) -> bool:
    return name.lower().endswith(PHOTO_SUFFIXES)
