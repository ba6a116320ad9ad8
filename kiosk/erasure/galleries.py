"""Erase a person from every gallery of a kiosk, and give all of them a new key."""

import errno
from dataclasses import dataclass, field
from pathlib import Path

from kiosk.config.keys import Config
from kiosk.erasure.outcome import Failure, why
from kiosk.errors import GalleryError
from kiosk.files.bounded_file import read_file
from kiosk.files.presence import may_exist
from kiosk.files.sealed_file import is_sealed
from kiosk.outbox.space import Space
from kiosk.people.keyring import Keyring
from kiosk.recognition.gallery import GALLERY_BYTES_MAX, Gallery, load_gallery, save_gallery
from kiosk.recognition.old_galleries import old_galleries


@dataclass(slots=True)
class Galleries:
    """All galleries of a kiosk, as they were read under the lock.

    Attributes:
        config: Names the gallery in use.
        keys: Their keys.
        found: Each gallery that can be read, by its file.
        failed: Those that cannot.
        cause: The first error in writing them.
    """

    config: Config
    keys: Keyring
    found: dict[Path, Gallery] = field(default_factory=dict)
    failed: list[Failure] = field(default_factory=list)
    cause: GalleryError | None = None

    @classmethod
    def read(cls, config: Config) -> "Galleries":
        """Read the old galleries, and the one in use where there is one.

        Raises:
            GalleryError: The folder cannot be read.
        """
        galleries = cls(config, Keyring.of(config))
        paths = list(old_galleries(config.gallery_path))
        if may_exist(config.gallery_path):
            paths.append(config.gallery_path)
        for path in paths:
            try:
                galleries.found[path] = load_gallery(path, keys=galleries.keys)
            except GalleryError as exc:
                found = why(exc)
                reason = f"{exc}, or delete this gallery"
                galleries.failed.append(
                    Failure(path.name, reason, "damaged" if found == "failed" else found)
                )
        return galleries

    def with_subject(self, subject_id: str) -> list[Path]:
        """Return the galleries that hold a person."""
        return [path for path, one in self.found.items() if subject_id in one.templates]

    def other_names(self) -> list[str]:
        """Return plain galleries whose file has a second name, which keeps the old content."""
        return [
            path.name for path in self.found if path.stat().st_nlink > 1 and is_plain(path)
        ]  # what an encrypted one keeps is worthless without its key

    def rewrite(self, without: str | None = None) -> bool:
        """Write every gallery with a new key, without a person; return whether they have it.

        When one of them cannot be read or written, the former key stays; :attr:`failed` says so.
        """
        owner = self.config.directory
        try:
            self.keys.add(owner)
        except GalleryError as exc:
            self._note(self.keys.path, exc)
        for path, gallery in list(self.found.items()):
            rest = gallery
            if without is not None and without in gallery.templates:
                rest = gallery.without(without)
            try:
                self._save(path, rest)
            except GalleryError as exc:
                self._note(path, exc)
            else:
                self.found[path] = rest
        if self.failed:
            return False
        try:
            self.keys.drop_old(owner)
        except GalleryError as exc:
            self._note(self.keys.path, exc)
        return not self.failed

    def _note(self, path: Path, error: GalleryError) -> None:
        self.failed.append(Failure(path.name, str(error), why(error)))
        self.cause = self.cause or error

    def _save(self, path: Path, gallery: Gallery) -> None:
        """Write a gallery; on a full disk, in the space that the outbox holds in reserve."""
        owner = self.config.directory
        try:
            save_gallery(path, gallery, owner_of=owner, keys=self.keys)
        except GalleryError as exc:
            is_full = isinstance(exc.__cause__, OSError) and exc.__cause__.errno == errno.ENOSPC
            if not is_full or not Space(self.config.outbox_path).release():
                raise
            save_gallery(path, gallery, owner_of=owner, keys=self.keys)


def is_plain(path: Path) -> bool:
    """Return whether a gallery file is not encrypted."""
    return not is_sealed(read_file(path, GALLERY_BYTES_MAX))
