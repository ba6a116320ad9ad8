"""What a technician or teacher does at a desk: enrol, erase, export, import, watch."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import msgspec

from kiosk.camera.open import open_camera
from kiosk.clock import SystemClock
from kiosk.config import Config, make_directory
from kiosk.errors import ConfigError, GalleryError
from kiosk.mqtt.outbox import Outbox
from kiosk.recognition.enrol import TEMPLATES_MAX, Enrolment
from kiosk.recognition.gallery import Gallery, load_gallery, save_gallery
from kiosk.recognition.photo import read_photo
from kiosk.recognition.recogniser import Recogniser, build_recogniser
from kiosk.records import Image
from kiosk.roster import add_to_roster, remove_from_roster
from kiosk.timetable import Name

LOOK_FRAMES = 60
"""How many frames a short look at the camera takes; every fifth is used."""


def enrol(
    config: Config,
    subject_id: str,
    photos: Sequence[Path],
    *,
    use_camera: bool = False,
    name: str | None = None,
) -> Enrolment:
    """Enrol a person, or enrol them anew, and write the gallery.

    Args:
        config: Where the gallery and the roster are, and which model.
        subject_id: Pseudonymous id.
        photos: Files.
        use_camera: Take pictures with the configured camera, too.
        name: For the roster; ``None`` leaves it alone.

    Raises:
        PhotoError: A file is no picture, or no picture was usable.
        GalleryModelError: The gallery was made by another model.
        ConfigError: The subject id or the options cannot be used.
        RosterError: The roster or the name cannot be used.
    """
    _check_subject(subject_id)
    if bool(photos) == use_camera:
        raise ConfigError("enrol: expected photos or --camera, one of the two")
    if name is not None and not config.state.roster:
        raise ConfigError("state.roster: needed for --name")
    recogniser = build_recogniser(config)
    gallery = _gallery_or_new(config, recogniser)
    others = gallery.without(subject_id) if subject_id in gallery.templates else gallery
    pictures = look(config) if use_camera else ((str(path), read_photo(path)) for path in photos)
    outcome = recogniser.enroller(len(others)).enrol(pictures, others)
    make_directory(config)
    # First the roster, which refuses a wrong line: nobody is enrolled by a command that failed.
    if name is not None:
        add_to_roster(Path(config.state.roster), subject_id, name)
    save_gallery(config.gallery_path, others.with_subject(subject_id, outcome.templates))
    return outcome


def _check_subject(subject_id: str) -> None:
    try:
        msgspec.convert(subject_id, Name)
    except msgspec.ValidationError as exc:
        raise ConfigError(f"subject id {subject_id!r}: letters, digits, . _ - alone") from exc


def look(config: Config) -> Iterator[tuple[str, Image]]:
    """Take pictures for a few seconds, apart from each other."""
    with open_camera(config.camera, SystemClock()) as camera:
        for frame in islice(camera, 0, LOOK_FRAMES, LOOK_FRAMES // TEMPLATES_MAX):
            yield f"frame {frame.index}", frame.image


def _gallery_or_new(config: Config, recogniser: Recogniser) -> Gallery:
    model_id = recogniser.embedder.model_id
    if not config.gallery_path.exists():
        return Gallery(model_id, {})
    return load_gallery(config.gallery_path, model_id)


def _gallery(config: Config) -> Gallery:
    recogniser = build_recogniser(config)
    return load_gallery(config.gallery_path, recogniser.embedder.model_id)


def list_people(config: Config) -> dict[str, int]:
    """Count each enrolled person's templates."""
    return {subject: len(rows) for subject, rows in _gallery(config).templates.items()}


def remove_person(config: Config, subject_id: str) -> dict[str, bool]:
    """Erase a person from the gallery, the roster and the attendance kept on this kiosk.

    Events that wait for the broker stay: they are the school's record and are erased there.
    """
    rest = _gallery(config).without(subject_id)
    rostered = bool(config.state.roster) and remove_from_roster(
        Path(config.state.roster), subject_id
    )
    attended = False
    if config.outbox_path.exists():
        with Outbox(config.outbox_path) as outbox:
            attended = outbox.forget(subject_id) > 0
    # Last of all: while the person is enrolled, an erasure that failed can be asked for again.
    save_gallery(config.gallery_path, rest)
    return {"gallery": True, "roster": rostered, "attended": attended}


def export_gallery(config: Config, path: Path) -> int:
    """Copy the gallery to a file; how many people it holds."""
    gallery = _gallery(config)
    save_gallery(path, gallery)
    return len(gallery)


def import_gallery(config: Config, path: Path) -> int:
    """Take in the people of a gallery file; how many are enrolled then."""
    recogniser = build_recogniser(config)
    found = load_gallery(path, recogniser.embedder.model_id)
    if not found.templates:
        raise GalleryError(f"{path}: nobody is enrolled in it")
    make_directory(config)
    merged = _gallery_or_new(config, recogniser).merged(found)
    save_gallery(config.gallery_path, merged)
    return len(merged)
