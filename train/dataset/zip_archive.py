"""Open zip archives of pictures that may be damaged, and unpack their files in bounded memory."""

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from kiosk.errors import DatasetError, PhotoError, reason_of
from kiosk.files.bounded_file import require_file, size_text
from kiosk.files.zip_damage import ZIP_DAMAGE
from kiosk.recognition.photo import PHOTO_BYTES_MAX

_ARCHIVE_BYTES_MAX: Final = 1_000_000_000_000
"""It is read in parts, so it may be larger than the memory."""


@contextmanager
def opened(path: Path, what: str) -> Iterator[zipfile.ZipFile]:
    """Open an archive, and turn what is wrong with it into one error.

    Args:
        path: The archive.
        what: What it should be, for the error.

    Raises:
        DatasetError: It is no zip archive, is damaged, or lacks a file or a picture.
    """
    try:
        require_file(path, _ARCHIVE_BYTES_MAX)
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (*ZIP_DAMAGE, KeyError, PhotoError) as exc:
        raise DatasetError(f"{path}: not {what} ({reason_of(exc)})") from exc


def read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo | str) -> bytes:
    """Unpack a file of at most as many bytes as a photo may have.

    Raises:
        PhotoError: It is larger, damaged or encrypted.
        KeyError: The archive has no file of this name.
    """
    name = member if isinstance(member, str) else member.filename
    try:
        with archive.open(member) as file:
            data = file.read(PHOTO_BYTES_MAX + 1)
    except ZIP_DAMAGE as exc:
        raise PhotoError(f"{name}: {exc}") from exc
    if len(data) > PHOTO_BYTES_MAX:
        raise PhotoError(f"{name}: larger than {size_text(PHOTO_BYTES_MAX)}")
    return data
