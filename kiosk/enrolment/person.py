"""Enrol one person from photos or from the camera, and write the gallery and the roster."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec

from kiosk.camera.open import open_camera
from kiosk.clock import SystemClock
from kiosk.config.keys import Config
from kiosk.config.private_file import make_directory
from kiosk.config.timetable import NAME_FORM, Name
from kiosk.enrolment.saving import save_enrolment
from kiosk.errors import ConfigError, GalleryError, PhotoError
from kiosk.files.presence import is_folder, is_seen, may_exist
from kiosk.people.keyring import Keyring
from kiosk.people.photo_names import is_photo_name
from kiosk.people.roster import load_roster
from kiosk.people.write_lock import write_lock
from kiosk.recognition.enrol import TEMPLATES_MAX, Enroller, Rejected
from kiosk.recognition.gallery import Gallery, load_gallery
from kiosk.recognition.photo import read_photo
from kiosk.recognition.recogniser import Recogniser, build_recogniser
from kiosk.records import Floats, Image

LOOK_FRAMES: Final = 60
"""How many frames are read from the camera for an enrolment; every fifth is used."""
PHOTOS_WANTED: Final = 3
"""With fewer usable photos the door misses a person more often."""
_ID_FIRST: Final = "expected the person's id, and the photos after it"

Pictures: TypeAlias = Iterable[tuple[str, Image | PhotoError]]
"""Pictures with their names, as :meth:`kiosk.recognition.enrol.Enroller.enrol` takes them."""
Replaced: TypeAlias = Literal["", "same face", "another face"]
"""What an id that was enrolled already had; empty for a new id."""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A person who was enrolled.

    Attributes:
        subject_id: The person.
        templates: How many templates they have.
        rejected: The pictures that gave no template.
        near: Subject ids of enrolled people who look so similar that the two may be confused.
        replaced: What the id had before.
        renamed: Whether the roster had another name for the id, which was replaced.
    """

    subject_id: str
    templates: int
    rejected: tuple[Rejected, ...] = ()
    near: tuple[str, ...] = ()
    replaced: Replaced = ""
    renamed: bool = False


@dataclass(frozen=True, slots=True)
class PersonEnroller:
    """Enrols people, one after another.

    Attributes:
        config: Names the gallery and the roster.
        recogniser: Detector, embedder and thresholds of the door.
        may_replace: Whether an id that is enrolled with another face is replaced.
    """

    config: Config
    recogniser: Recogniser
    may_replace: bool = False

    def check_files(self, *, names: bool) -> None:
        """Check that gallery and roster can be written, before pictures are taken or read.

        Args:
            names: Whether the roster will be written.

        Raises:
            ConfigError: Names are given, but no roster is configured.
            GalleryError: The gallery cannot be read or written, or belongs to another model.
            RosterError: The roster is invalid.
            InUseError: Another command is writing the gallery.
        """
        roster = self.config.roster_path
        if names and roster is None:
            raise ConfigError("state.roster: needed for names; set it, or leave the names empty")
        self.gallery()
        if names and roster is not None and may_exist(roster):
            load_roster(roster)
        make_directory(self.config)
        with write_lock(self.config, "kiosk enrol"):
            pass

    def enrol(self, subject_id: str, pictures: Pictures, name: str | None = None) -> Enrolled:
        """Enrol a person, or replace their templates, and write gallery and roster.

        :meth:`check_files` comes first.

        Args:
            subject_id: Pseudonymous id.
            pictures: Their pictures, read one by one.
            name: The person's name for the roster; ``None`` leaves the roster unchanged.

        Raises:
            PhotoError: No picture was usable, or most do not show one person.
            GalleryError: The id is enrolled with another face, or the gallery cannot be used.
            ConfigError: The subject id is invalid, or the name of a replaced person is missing.
            RosterError: The roster or the name is invalid.
            InUseError: Another command is writing the gallery.
        """
        check_subject(subject_id)
        others = _without(self.gallery(), subject_id)
        enroller = self.recogniser.enroller(len(others))
        outcome = enroller.enrol(pictures, others)
        with write_lock(self.config, "kiosk enrol"):
            # Another command may have changed the gallery since the pictures were taken.
            gallery = self.gallery()
            others = _without(gallery, subject_id)
            replaced = self._compare(gallery, subject_id, outcome.templates, enroller)
            enrolled = others.with_subject(subject_id, outcome.templates)
            renamed = save_enrolment(
                self.config,
                subject_id,
                name,
                gallery,
                enrolled,
                is_another=replaced == "another face",
            )
        near = enroller.near(outcome.templates, others)
        return Enrolled(
            subject_id, len(outcome.templates), outcome.rejected, near, replaced, renamed
        )

    def gallery(self) -> Gallery:
        """Read the gallery; return an empty one while the file is absent.

        Raises:
            GalleryError: It cannot be read, or belongs to another model.
        """
        model_id = self.recogniser.embedder.model_id
        if not may_exist(self.config.gallery_path):
            return Gallery(model_id, {})
        return load_gallery(self.config.gallery_path, model_id, Keyring.of(self.config))

    def _compare(
        self, gallery: Gallery, subject_id: str, templates: Floats, enroller: Enroller
    ) -> Replaced:
        """Return what the id had; reject another face unless it may be replaced."""
        former = gallery.templates.get(subject_id)
        if former is None:
            return ""
        if enroller.is_same_person(former, templates):
            return "same face"
        if not self.may_replace:
            raise GalleryError(
                f"subject {subject_id!r} is enrolled with another face; choose another id, or"
                " replace that person with --replace"
            )
        return "another face"


def enrol(
    config: Config,
    subject_id: str,
    photos: Sequence[Path],
    *,
    use_camera: bool = False,
    name: str | None = None,
    may_replace: bool = False,
) -> Enrolled:
    """Enrol one person, or replace their templates, and write the gallery.

    Args:
        config: Names the gallery, the roster, the model and the camera.
        subject_id: Pseudonymous id.
        photos: Photo files; none with ``use_camera``.
        use_camera: Take pictures with the configured camera.
        name: The person's name for the roster; ``None`` leaves the roster unchanged.
        may_replace: Whether an id that is enrolled with another face is replaced.

    Raises:
        ConfigError: Both or neither of photos and camera were given.
        KioskError: As :meth:`PersonEnroller.check_files` and :meth:`PersonEnroller.enrol`.
    """
    check_subject(subject_id)
    if is_seen(Path(subject_id)) and not is_folder(Path(subject_id)):
        raise ConfigError(f"subject id {subject_id!r}: {_ID_FIRST}; this is a file")
    if bool(photos) == use_camera:
        raise ConfigError("enrol: expected photos or --camera, one of the two")
    enroller = PersonEnroller(config, build_recogniser(config), may_replace)
    enroller.check_files(names=name is not None)
    return enroller.enrol(subject_id, look(config) if use_camera else read_photos(photos), name)


def check_subject(subject_id: str) -> None:
    """Reject an id that could not be part of an MQTT topic, and one that is the name of a photo.

    Raises:
        ConfigError: It is such an id.
    """
    if is_photo_name(subject_id):
        raise ConfigError(f"subject id {subject_id!r}: {_ID_FIRST}; this ends like a photo")
    try:
        msgspec.convert(subject_id, Name)
    except msgspec.ValidationError as exc:
        raise ConfigError(f"subject id {subject_id!r}: expected {NAME_FORM}") from exc


def read_photos(photos: Iterable[Path]) -> Iterator[tuple[str, Image | PhotoError]]:
    """Read photo files one by one, with their paths as names; a file that fails gives its error.

    A picture that came before, under any name, is an error too: it would count as a second photo.
    """
    seen: dict[bytes, Path] = {}
    for path in photos:
        try:
            image = read_photo(path)
            digest = sha256(image.tobytes()).digest()
            first = seen.get(digest)
            seen.setdefault(digest, path)
            yield str(path), PhotoError(f"the same photo as {first}") if first else image
        except PhotoError as exc:
            reason = str(exc).removeprefix(f"{path}: ")
            if isinstance(exc.__cause__, PermissionError):
                reason += "; with sudo, photos may lie in any folder"
            yield str(path), PhotoError(reason)


def look(config: Config) -> Iterator[tuple[str, Image]]:
    """Yield every fifth picture of a few seconds from the camera, each with a name for messages."""
    with open_camera(config.camera, SystemClock()) as camera:
        for frame in islice(camera, 0, LOOK_FRAMES, LOOK_FRAMES // TEMPLATES_MAX):
            yield f"frame {frame.index}", frame.image


def _without(gallery: Gallery, subject_id: str) -> Gallery:
    return gallery.without(subject_id) if subject_id in gallery.templates else gallery
