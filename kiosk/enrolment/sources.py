"""The people of a class and their photo files: from a folder for each id, or from a list."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kiosk.config.sources import home_path
from kiosk.errors import ConfigError, RosterError
from kiosk.files.csv_table import read_csv
from kiosk.files.presence import is_folder, is_seen
from kiosk.people.photo_names import is_photo_name, is_system_name
from kiosk.recognition.enrol import Rejected

LIST_HEADER: Final = ["subject_id", "name", "files"]


@dataclass(frozen=True, slots=True)
class Person:
    """A person to enrol.

    Attributes:
        subject_id: Pseudonymous id, not checked yet.
        photos: Photo files.
        name: For the roster; ``None`` leaves the roster unchanged.
        left_out: Files of the person that are no photos.
    """

    subject_id: str
    photos: tuple[Path, ...]
    name: str | None = None
    left_out: tuple[Rejected, ...] = ()


@dataclass(frozen=True, slots=True)
class ClassPhotos:
    """The people of a class.

    Attributes:
        people: In the order in which they are enrolled.
        left_out: Files that belong to nobody.
    """

    people: tuple[Person, ...]
    left_out: tuple[Rejected, ...] = ()


def people_in_folder(folder: Path) -> ClassPhotos:
    """List the people of a folder that has one sub-folder of photos for each id.

    Hidden files and those of operating systems are ignored.

    Raises:
        ConfigError: The folder cannot be read, or has no sub-folder.
    """
    entries = _entries(folder)
    people = tuple(_person(entry) for entry in entries if is_folder(entry))
    if not people:
        raise ConfigError(f"--folder: {folder}: expected one sub-folder of photos for each id")
    files = (entry for entry in entries if not is_folder(entry))
    left_out = tuple(Rejected(str(file), "not in the folder of an id") for file in files)
    return ClassPhotos(people, left_out)


def people_in_list(path: Path) -> ClassPhotos:
    """Read a list of people: CSV with the columns subject_id, name and files.

    The name may be empty. Each further cell is a photo file, a folder of photos, or several of them
    separated by semicolons; a relative path starts at the folder of the list.

    Raises:
        RosterError: The list cannot be read, or a line is malformed; the message names the line.
        ConfigError: A folder of photos cannot be read.
    """
    people: dict[str, Person] = {}
    for place, row in read_csv(path, LIST_HEADER).rows:
        subject_id, name, *cells = [*row, "", ""][: max(len(row), len(LIST_HEADER))]
        if subject_id in people:
            raise RosterError(f"{place}: subject_id occurs twice; put all files into one row")
        photos, left_out = _photos(_paths(path.parent, cells))
        people[subject_id] = Person(subject_id, photos, name or None, left_out)
    if not people:
        raise RosterError(f"{path}: nobody is on the list")
    return ClassPhotos(tuple(people.values()))


def _person(folder: Path) -> Person:
    photos, left_out = _photos([folder])
    return Person(folder.name, photos, left_out=left_out)


def _photos(paths: Iterable[Path]) -> tuple[tuple[Path, ...], tuple[Rejected, ...]]:
    """Replace folders by the photos in them, and list the other files in them."""
    photos: list[Path] = []
    left_out: list[Rejected] = []
    for path in paths:
        if not is_folder(path):
            photos.append(path)
            continue
        for entry in _entries(path):
            if is_folder(entry):
                left_out.append(Rejected(str(entry), "a folder"))
            elif is_photo_name(entry.name):
                photos.append(entry)
            else:
                left_out.append(Rejected(str(entry), "not the ending of a photo file"))
    return tuple(photos), tuple(left_out)


def _paths(base: Path, cells: Sequence[str]) -> Iterator[Path]:
    """Yield the paths of the cells of a list."""
    for cell in cells:
        names = [cell] if is_seen(_path(base, cell)) else cell.split(";")
        yield from (_path(base, name.strip()) for name in names if name.strip())


def _path(base: Path, name: str) -> Path:
    """Return the path of a file of a list, which a Windows program may have written."""
    path = base / home_path(name)
    if not is_seen(path) and "\\" in name:
        return base / name.replace("\\", "/")
    return path


def _entries(folder: Path) -> list[Path]:
    try:
        found = sorted(folder.iterdir())
    except OSError as exc:
        raise ConfigError(f"{folder}: cannot be read ({exc.strerror})") from exc
    return [entry for entry in found if not is_system_name(entry.name)]
