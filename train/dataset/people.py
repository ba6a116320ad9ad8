"""Say whom a listing of photos takes for people, and stop where that is doubtful."""

import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from kiosk.errors import DatasetError
from kiosk.printable import printable
from train.dataset.entries import has_unclear_names
from train.dataset.photo_files import PhotoFile
from train.dataset.sources import Source

_NAMED: Final = 5
"""How many people, and how many folders within one, a message names."""


@dataclass(frozen=True, slots=True)
class PeopleFound:
    """Whom a source is taken to show, before any photo is read.

    Attributes:
        source: Name of the source.
        photos: How many photos each person has, by name.
        unnamed: How many photos are in no person's folder.
        left_out: How many files are no photos of a person.
        doubtful: The folders of photos in the folder of a person who has no photo outside of them;
            two or more may be people themselves.
        is_unclear: An archive has names beyond ASCII and does not say how they are encoded.
    """

    source: str
    photos: Mapping[str, int]
    unnamed: int
    left_out: int
    doubtful: Mapping[str, tuple[str, ...]]
    is_unclear: bool = False


Confirm: TypeAlias = Callable[[list[PeopleFound]], None]
"""Called before the work with whom the sources are taken to show; it may raise."""


def people_found(
    sources: Iterable[Source], root: Path, files: Sequence[PhotoFile]
) -> list[PeopleFound]:
    """Return whom each source is taken to show.

    Args:
        sources: The sources.
        root: What their paths are relative to.
        files: Their files.
    """
    return [
        _found(source, root / source.path, [file for file in files if file.source is source])
        for source in sources
    ]


def _found(source: Source, path: Path, files: Sequence[PhotoFile]) -> PeopleFound:
    photos = [file for file in files if file.is_photo]
    folders: defaultdict[str, set[str]] = defaultdict(set)
    for file in photos:
        folders[file.person].add(file.name.partition("/")[0] if "/" in file.name else "")
    return PeopleFound(
        source.name,
        Counter(file.person for file in photos if file.person),
        sum(not file.person for file in photos),
        len(files) - len(photos),
        {
            person: tuple(sorted(inner))
            for person, inner in folders.items()
            if person and len(inner) > 1 and "" not in inner
        },
        path.is_file() and has_unclear_names(path),
    )


def describe_people(found: Iterable[PeopleFound]) -> Iterator[str]:
    """Yield a line for each source: how many people, and the first of them with their photos."""
    for one in found:
        people = [f"{name} ({count})" for name, count in one.photos.items()]
        more = [f"and {len(people) - _NAMED} more"] if len(people) > _NAMED else []
        counts = [f"{len(people)} people, {sum(one.photos.values())} photos of them"]
        counts += [f"{one.unnamed} unnamed photos"] if one.unnamed else []
        counts += [f"{one.left_out} files left out"] if one.left_out else []
        names = f": {', '.join([*people[:_NAMED], *more])}" if people else ""
        yield printable(f"{one.source}: {', '.join(counts)}{names}")
        if one.is_unclear:
            yield printable(
                f"{one.source}: the archive does not say how its names are encoded; if the names"
                " above are garbled, pack it again with names in UTF-8"
            )


def confirm_people(found: Sequence[PeopleFound], *, yes: bool, say: Callable[[str], None]) -> None:
    """Say whom the sources are taken to show, and ask at the terminal where that is doubtful.

    Args:
        found: Whom the sources are taken to show.
        yes: Each folder is one person: do not ask.
        say: Shows a line to a person.

    Raises:
        DatasetError: It is doubtful, and nobody says that it is right.
    """
    for line in describe_people(found):
        say(line)
    check_people(found, yes=yes, ask=input if sys.stdin.isatty() else None)


def check_people(
    found: Iterable[PeopleFound], *, yes: bool, ask: Callable[[str], str] | None = None
) -> None:
    """Stop where a folder may be a group of people instead of one person.

    Args:
        found: Whom the sources are taken to show.
        yes: Each folder is one person: do not ask.
        ask: Asks a person at the terminal; ``None`` where nobody is there.

    Raises:
        DatasetError: It is doubtful, and nobody says that it is right.
    """
    doubts = [
        _doubt(one.source, name, inner) for one in found for name, inner in one.doubtful.items()
    ]
    if yes or not doubts:
        return
    more = f"; and {len(doubts) - 1} more folders like it" if len(doubts) > 1 else ""
    question = printable(f"{doubts[0]}{more}")
    if ask is not None and ask(f"{question}. One person? [y/N] ").strip().lower() in {"y", "yes"}:
        return
    raise DatasetError(
        f"{question}. If these are people, give the folder that holds them (or list such folders"
        " as sources in a TOML file); if each is one person, repeat with --yes"
    )


def _doubt(source: str, person: str, inner: Sequence[str]) -> str:
    named = ", ".join(inner[:_NAMED]) + (", …" if len(inner) > _NAMED else "")
    return f"{source}/{person} has its photos in {len(inner)} folders ({named})"
