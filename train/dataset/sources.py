"""Which photos a training set is made of: a folder, or a TOML file that lists several sources."""

import re
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from kiosk.errors import DatasetError

Split = Literal["train", "dev", "test", "none"]
"""A side of the split; on ``none`` nobody is trained, developed or tested on."""


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One folder or zip archive with a sub-folder of photos per person.

    Without any sub-folder, its photos are those of nobody named; beside sub-folders, loose photos
    are left out. An archive whose only top folder holds folders is read from that one on.

    Attributes:
        name: Stands before every person's name, so that two sources never mix.
        path: Folder or zip archive, relative to the TOML file's ``root``.
        aligned: The pictures are aligned crops already (112 or 128 pixels square).
        people: Take these alone; empty: everybody.
        also: Under which other names (``source/person``) a person stands in other sources; who is
            known to be the same is no stranger to himself, and no proof of what is unseen.
        group: Regular expression whose first group, found in a person's name, names what must
            stay on one side of the split together (a family); empty: each person alone.
        side: Put everybody (but ``test_only``) on this side, whatever ``dev`` and ``test`` say.
        dev: How many groups to hold out for development.
        test: How many groups to hold out for the final test.
        hold_out_photos_min: Hold out only groups in which some person has this many photos. Who
            newly reaches it may take a place, and then another group moves from the test to
            training: measure a model on the split that it was trained on, and on no later one.
        test_only: File that lists people (one a line, ``folder/person``) who may only be tested on.
    """

    name: Annotated[str, Meta(pattern=r"^[a-z0-9_]+$")]
    path: str
    aligned: bool = False
    people: tuple[str, ...] = ()
    also: dict[str, tuple[str, ...]] = {}
    group: str = ""
    side: Split | None = None
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
        """Name what must stay together: a family, a person, or a photo of nobody named."""
        if not person:
            return f"{self.name}/{photo}"
        found = re.search(self.group, person) if self.group else None
        return f"{self.name}/{found[1] if found else person}"


class Sources(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole file: sources, and the seed of the split."""

    source: Annotated[tuple[Source, ...], Meta(min_length=1)]
    seed: int = 20_26

    def __post_init__(self) -> None:
        """Check the names: people of two sources must not mix."""
        names = [source.name for source in self.source]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"source: expected each name once, got {', '.join(twice)} twice")


def load_sources(path: Path) -> Sources:
    """Read a list of sources.

    Raises:
        DatasetError: The file cannot be read, or a key is wrong.
    """
    try:
        return msgspec.toml.decode(path.read_bytes(), type=Sources)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise DatasetError(f"{path}: {exc}") from exc


def read_sources(path: Path) -> Sources:
    """Read a TOML file of sources, or describe a folder of photos."""
    return load_sources(path) if path.suffix == ".toml" else folder_source(path)


def folder_source(folder: Path) -> Sources:
    """Describe a plain folder with one sub-folder of photos per person.

    A tenth of the people is held out for development and a tenth for the test, but two at least:
    one to enrol and one to be the stranger. Fewer than six people are trained on and measured by
    nothing.

    Raises:
        DatasetError: There is no such folder, or no sub-folder in it.
    """
    people = sum(1 for entry in folder.iterdir() if entry.is_dir()) if folder.is_dir() else 0
    if people == 0:
        raise DatasetError(f"{folder}: expected a folder with one sub-folder of photos per person")
    held_out = max(2, people // 10) if people >= 6 else 0
    return Sources(
        source=(Source(name="photos", path=str(folder.resolve()), dev=held_out, test=held_out),)
    )
