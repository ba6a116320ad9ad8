"""The photo sources of a training set: one folder, or several sources listed in a TOML file."""

import re
import unicodedata
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from kiosk.errors import DatasetError
from kiosk.people.photo_names import is_system_name
from train.toml_file import read_toml_file

_TOML_BYTES_MAX: Final = 4_000_000

Split = Literal["train", "dev", "test", "none"]
"""A part of a crop set; photos in ``none`` are used for nothing."""


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One folder or zip archive with a sub-folder of photos per person.

    Without any sub-folder, all its photos are unnamed; beside sub-folders, loose photos are left
    out. If the only top folder of an archive holds folders, the archive is read from there.

    Attributes:
        name: Prefix of every person's name, so that people of two sources never mix.
        path: Folder or zip archive, relative to the TOML file's ``root``.
        aligned: The pictures are aligned crops already (112 or 128 pixels square).
        people: Use only these; empty: everybody.
        also: Other names (``source/person``) of a person in other sources; under these names the
            person counts neither as a stranger to the first name nor as unseen.
        group: Regular expression whose first group, found in a person's name, names a family that
            must stay in one split; empty: each person alone.
        split: Put everybody (except ``test_only``) in this split; ``dev`` and ``test`` are ignored.
            The key in the file is ``side``.
        dev: How many groups to hold out for development.
        test: How many groups to hold out for the final test.
        hold_out_photos_min: Hold out only groups in which some person has this many photos. A
            person who newly reaches it may take a place, and then another group moves from test
            to training: measure a model on the split that it was trained on, never on a later one.
        test_only: File that lists people (one per line, ``folder/person``) for the test alone.
    """

    name: Annotated[str, Meta(pattern=r"^[a-z0-9_]+$")]
    path: str
    aligned: bool = False
    people: tuple[str, ...] = ()
    also: dict[str, tuple[str, ...]] = {}
    group: str = ""
    split: Split | None = msgspec.field(default=None, name="side")
    dev: Annotated[int, Meta(ge=0)] = 0
    test: Annotated[int, Meta(ge=0)] = 0
    hold_out_photos_min: Annotated[int, Meta(ge=1)] = 1
    test_only: str = ""

    def __post_init__(self) -> None:
        """Check the regular expression."""
        try:
            found = re.compile(self.group).groups
        except re.error as exc:
            raise ValueError(f"group: {self.group!r} is no regular expression ({exc})") from exc
        if self.group and not found:
            raise ValueError(f"group: {self.group!r} has no (group) to name what stays together")

    def group_of(self, person: str, photo: str) -> str:
        """Return what must stay in one split: a family, a person, or a single unnamed photo."""
        if not person:
            return f"{self.name}/{photo}"
        found = re.search(self.group, person) if self.group else None
        return f"{self.name}/{found[1] if found else person}"


class Sources(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The contents of the TOML file: the sources, and the seed of the split."""

    source: Annotated[tuple[Source, ...], Meta(min_length=1)]
    seed: int = 2026

    def __post_init__(self) -> None:
        """Check that no two sources have one name: their people would mix."""
        names = [source.name for source in self.source]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"source: expected each name once, got {', '.join(twice)} twice")

    def places(self, root: Path) -> str:
        """Return where the photos are, for a message; ``root`` is as in :class:`Source`."""
        return ", ".join(str(root / source.path) for source in self.source)


def load_sources(path: Path) -> Sources:
    """Read a TOML file of sources.

    Raises:
        DatasetError: The file cannot be read, or a key is wrong.
    """
    return read_toml_file(path, Sources, _TOML_BYTES_MAX)


def read_sources(path: Path) -> Sources:
    """Read a TOML file of sources, or describe a folder of photos.

    Raises:
        DatasetError: As :func:`load_sources` and :func:`folder_source`.
    """
    return load_sources(path) if path.suffix == ".toml" else folder_source(path)


def folder_source(folder: Path) -> Sources:
    """Describe a plain folder with one sub-folder of photos per person.

    A tenth of the people is held out for development and a tenth for the test, at least two each:
    one to enrol and one stranger. With fewer than six people, all are for training and nothing is
    measured.

    Raises:
        DatasetError: There is no such folder, or no sub-folder in it.
    """
    people = _count_people(folder) if folder.is_dir() else 0
    if people == 0:
        raise DatasetError(f"{folder}: expected a folder with one sub-folder of photos per person")
    held_out = max(2, people // 10) if people >= 6 else 0
    return Sources(
        source=(Source(name="photos", path=str(folder.resolve()), dev=held_out, test=held_out),)
    )


def _count_people(folder: Path) -> int:
    """Count the folders of people; two whose names differ only in their encoding are one."""
    names = (entry.name for entry in folder.iterdir() if entry.is_dir())
    return len({unicodedata.normalize("NFC", name) for name in names if not is_system_name(name)})
