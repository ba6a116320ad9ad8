"""List what is in a folder or a zip archive of photos, before any photo is read."""

import unicodedata
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Final, TypeAlias

from kiosk.errors import DatasetError, PhotoError
from kiosk.files.bounded_file import read_file, size_text
from kiosk.files.zip_damage import ZIP_DAMAGE
from kiosk.people.photo_names import is_photo_name, is_system_name
from kiosk.recognition.photo import PHOTO_BYTES_MAX
from train.dataset.zip_archive import read_member

SYSTEM: Final = "hidden, or made by a system"
NO_PHOTO: Final = "not the ending of a photo file"
LOOSE: Final = "in no person's folder"
_NOT_UTF8: Final = "its name is not UTF-8; rename it"
_ENCRYPTED: Final = "encrypted with a password; pack the archive without one"
_METHOD: Final = (
    "packed with a method that cannot be unpacked here (such as Deflate64); pack it as zip"
)
_UTF8_FLAG: Final = 0x800
_ENCRYPTED_FLAG: Final = 0x1
_METHODS: Final = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA}

Parts: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a source.

    Attributes:
        person: Name of the person's folder, composed (NFC); empty: in no folder.
        name: Name within the person's folder.
        read: Returns the file's bytes, or raises ``PhotoError``.
        rejected: Why the file is no photo of a person; empty: it may be one.
    """

    person: str
    name: str
    read: Callable[[], bytes]
    rejected: str = ""


def list_folder(path: Path) -> list[Entry]:
    """List the files of a folder in the order of their names, loose files last.

    Raises:
        DatasetError: The folder cannot be read.
    """
    try:
        found = sorted(path.iterdir(), key=lambda entry: (not entry.is_dir(), entry.name))
        files = [file for top in found for file in _files(top)]
    except OSError as exc:
        raise DatasetError(f"{path}: cannot be read ({exc.strerror})") from exc
    return _entries((file.relative_to(path).parts, partial(_read_file, file), "") for file in files)


def _files(path: Path) -> Iterator[Path]:
    """Yield the files below a path; what systems make is yielded as a whole."""
    if not path.is_dir() or is_system_name(path.name):
        yield path
        return
    for entry in sorted(path.iterdir()):
        if not (entry.is_symlink() and entry.is_dir()):  # such a link can lead in a circle
            yield from _files(entry)


def list_archive(path: Path) -> list[Entry]:
    """List the files of a zip archive in the order of their names.

    The only top folder of an archive is left out if it holds folders: it is not a person.

    Raises:
        DatasetError: The archive is damaged.
    """
    try:
        archive = zipfile.ZipFile(path)
        members = [(_parts(member), member) for member in archive.infolist()]
    except ZIP_DAMAGE as exc:
        raise DatasetError(f"{path}: a damaged zip archive ({exc}); copy it here again") from exc
    files = sorted((parts, at) for at, (parts, one) in enumerate(members) if not _is_folder(one))
    photos = [parts for parts, _ in files if not _rejected(parts)]
    is_packed = len({parts[0] for parts in photos}) == 1 and any(len(p) > 2 for p in photos)
    top = photos[0][0] if is_packed else None
    return _entries(
        (
            parts[1:] if parts[0] == top and len(parts) > 1 else parts,
            partial(_read_member, archive, members[at][1]),
            _unreadable(members[at][1]),
        )
        for parts, at in files
    )


def has_unclear_names(path: Path) -> bool:
    """Return whether an archive has names beyond ASCII without saying how they are encoded."""
    with zipfile.ZipFile(path) as archive:
        return any(_encoding(one) == "cp850" for one in archive.infolist())


def _encoding(member: zipfile.ZipInfo) -> str:
    """Return how the name of a file in an archive is encoded, as far as can be told.

    Python takes a name without the UTF-8 flag for cp437. Programs on macOS and Linux write UTF-8
    without the flag; Windows in Western Europe writes cp850, which has the letters of cp437 at the
    same places, and more of them.
    """
    if member.flag_bits & _UTF8_FLAG or member.orig_filename.isascii():
        return "utf-8"
    try:
        member.orig_filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return "cp850"
    return "utf-8 without the flag"


def _parts(member: zipfile.ZipInfo) -> Parts:
    """Return the folders and the name of a file in an archive."""
    name, encoding = member.orig_filename, _encoding(member)
    if encoding != "utf-8":
        name = name.encode("cp437").decode("cp850" if encoding == "cp850" else "utf-8")
    if "/" not in name:
        name = name.replace("\\", "/")  # some programs on Windows write the names of Windows
    return tuple(part for part in PurePosixPath(name).parts if part not in {"/", "..", "."})


def _is_folder(member: zipfile.ZipInfo) -> bool:
    return member.orig_filename.endswith(("/", "\\")) or not _parts(member)


def _unreadable(member: zipfile.ZipInfo) -> str:
    """Return why a file cannot be unpacked, as far as the list of files says."""
    if member.flag_bits & _ENCRYPTED_FLAG:
        return _ENCRYPTED
    if member.compress_type not in _METHODS:
        return _METHOD
    return f"larger than {size_text(PHOTO_BYTES_MAX)}" if member.file_size > PHOTO_BYTES_MAX else ""


def _rejected(parts: Parts) -> str:
    """Return why a file is no photo by its name."""
    if any(map(is_system_name, parts)):
        return SYSTEM
    if not _is_text("".join(parts)):
        return _NOT_UTF8
    return "" if is_photo_name(parts[-1]) else NO_PHOTO


def _entries(files: Iterable[tuple[Parts, Callable[[], bytes], str]]) -> list[Entry]:
    """Turn files into entries: one for all that is in a folder that a system made.

    Two folders whose names differ only in how an accent is encoded are one person; of two files
    with one name there, the second gets a number.
    """
    found: dict[tuple[str, str], Entry] = {}
    for parts, read, unreadable in files:
        end = next((at for at, part in enumerate(parts) if is_system_name(part)), None)
        shown = [shown_name(part) for part in (parts if end is None else parts[: end + 1])]
        person = shown[0] if len(shown) > 1 else ""
        name = "/".join(shown[1:] or shown)
        reason = _rejected(parts) or unreadable
        if end is not None:
            found.setdefault((person, name), Entry(person, name, read, reason))
            continue
        number, key = 2, (person, name)
        while key in found:
            key, number = (person, f"{name} ({number})"), number + 1
        found[key] = Entry(person, key[1], read, reason)
    return list(found.values())


def shown_name(part: str) -> str:
    """Return a name composed, and as text: bytes that are no UTF-8 as their codes."""
    return unicodedata.normalize("NFC", part.encode("utf-8", "backslashreplace").decode())


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _read_file(path: Path) -> bytes:
    try:
        return read_file(path, PHOTO_BYTES_MAX)
    except OSError as exc:
        raise PhotoError("unreadable") from exc


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    try:
        return read_member(archive, member)
    except PhotoError as exc:
        raise PhotoError("unreadable") from exc
