"""List the photos of a source, a folder or a zip archive, by person."""

import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from kiosk.errors import DatasetError, PhotoError
from kiosk.people.photo_names import PHOTO_SUFFIXES, is_system_name
from train.dataset.crop_set import Photo
from train.dataset.entries import (
    LOOSE,
    NO_PHOTO,
    SYSTEM,
    Entry,
    list_archive,
    list_folder,
    shown_name,
)
from train.dataset.sources import Source

_ENDINGS: Final = ", ".join(sorted(PHOTO_SUFFIXES))


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """A photo of a source that has not been read yet, or a file that is none.

    Attributes:
        source: Where it belongs.
        person: Name of the person's folder; empty for an unnamed photo.
        name: Of the photo, within the person's folder.
        read: Returns the file's bytes, or raises ``PhotoError``.
        is_photo: Whether it may be a photo: its name, its place and the archive say so.
    """

    source: Source
    person: str
    name: str
    read: Callable[[], bytes]
    is_photo: bool = True

    @property
    def photo(self) -> Photo:
        """The record of this photo in a crop set."""
        group = self.source.group_of(self.person, self.name)
        return Photo(self.source.name, self.person, self.name, group)


def list_photos(sources: Iterable[Source], root: Path) -> list[PhotoFile]:
    """List the files of several sources, in a fixed order.

    A source without sub-folders holds unnamed photos. Reading what is no photo of a person (a loose
    photo beside the folders of people, a hidden file, another ending) raises ``PhotoError`` with
    the reason.

    Args:
        sources: What to list.
        root: What the sources' paths are relative to.

    Raises:
        DatasetError: A source is absent or damaged, or has no photo of a person that it must have.
    """
    return [file for source in sources for file in _list_source(source, root)]


def _list_source(source: Source, root: Path) -> list[PhotoFile]:
    path = root / source.path
    if not path.is_dir() and not (path.is_file() and zipfile.is_zipfile(path)):
        message = f"{path}: source {source.name!r} is neither a folder nor a whole zip archive"
        raise DatasetError(message)
    entries = list_folder(path) if path.is_dir() else list_archive(path)
    _check_people(source, path, entries)
    if any(entry.person for entry in entries if not entry.rejected):
        entries = [_without_loose(entry) for entry in entries]
    chosen = {shown_name(person) for person in source.people}
    return [
        PhotoFile(source, entry.person, entry.name, _reader(entry), not entry.rejected)
        for entry in entries
        if not chosen or entry.person in chosen
    ]


def _check_people(source: Source, path: Path, entries: Iterable[Entry]) -> None:
    people = {entry.person for entry in entries if entry.rejected not in {SYSTEM, NO_PHOTO}}
    wanted = {shown_name(name) for name in (*source.people, *source.also)}
    if absent := wanted - people:
        raise DatasetError(f"{path}: source {source.name!r} has no photo of {sorted(absent)}")
    folders = (entry for entry in path.iterdir() if entry.is_dir()) if path.is_dir() else ()
    for folder in sorted(folders):
        if shown_name(folder.name) not in people and not is_system_name(folder.name):
            raise DatasetError(f"{folder}: no photo of this person ({_ENDINGS})")


def _without_loose(entry: Entry) -> Entry:
    is_loose = not entry.person and not entry.rejected
    return replace(entry, rejected=LOOSE) if is_loose else entry


def _reader(entry: Entry) -> Callable[[], bytes]:
    return partial(_refuse, entry.rejected) if entry.rejected else entry.read


def _refuse(reason: str) -> bytes:
    raise PhotoError(reason)
