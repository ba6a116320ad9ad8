"""Enrol a person from photos or from the camera, and write the gallery and the roster."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import msgspec

from kiosk.camera.open import open_camera
from kiosk.clock import SystemClock
from kiosk.config import Config, make_directory
from kiosk.errors import ConfigError
from kiosk.recognition.enrol import TEMPLATES_MAX, Enrolment
from kiosk.recognition.gallery import Gallery, load_gallery, save_gallery
from kiosk.recognition.photo import read_photo
from kiosk.recognition.recogniser import build_recogniser
from kiosk.records import Image
from kiosk.roster import add_to_roster
from kiosk.timetable import Name
from kiosk.write_lock import write_lock

LOOK_FRAMES = 60
"""How many frames are read from the camera for an enrolment; every fifth is used."""


def enrol(
    config: Config,
    subject_id: str,
    photos: Sequence[Path],
    *,
    use_camera: bool = False,
    name: str | None = None,
) -> Enrolment:
    """Enrol a person, or replace their templates, and write the gallery.

    Args:
        config: Names the gallery, the roster, the model and the camera.
        subject_id: Pseudonymous id.
        photos: Photo files; none with ``use_camera``.
        use_camera: Take pictures with the configured camera.
        name: The person's name for the roster; ``None`` leaves the roster unchanged.

    Raises:
        PhotoError: A file is not a photo, or no picture was usable.
        GalleryModelError: The gallery belongs to another model.
        ConfigError: The subject id or the options are invalid.
        RosterError: The roster or the name is invalid.
        InUseError: Another command is writing the gallery.
    """
    _check_subject(subject_id)
    if bool(photos) == use_camera:
        raise ConfigError("enrol: expected photos or --camera, one of the two")
    if name is not None and not config.state.roster:
        raise ConfigError("state.roster: needed for --name")
    recogniser = build_recogniser(config)
    gallery = _gallery_or_new(config, recogniser.embedder.model_id)
    enroller = recogniser.enroller(len(_others(gallery, subject_id)))
    pictures = look(config) if use_camera else ((str(path), read_photo(path)) for path in photos)
    outcome = enroller.enrol(pictures, _others(gallery, subject_id))
    make_directory(config)
    with write_lock(config, "kiosk enrol"):
        # Another command may have changed the gallery since the pictures were taken.
        others = _others(_gallery_or_new(config, recogniser.embedder.model_id), subject_id)
        # The roster first, which rejects a wrong line: a command that failed must enrol nobody.
        if name is not None:
            add_to_roster(Path(config.state.roster), subject_id, name, owner_of=config.directory)
        enrolled = others.with_subject(subject_id, outcome.templates)
        save_gallery(config.gallery_path, enrolled, owner_of=config.directory)
    return replace(outcome, near=enroller.near(outcome.templates, others))


def _check_subject(subject_id: str) -> None:
    try:
        msgspec.convert(subject_id, Name)
    except msgspec.ValidationError as exc:
        raise ConfigError(f"subject id {subject_id!r}: letters, digits, . _ - alone") from exc


def look(config: Config) -> Iterator[tuple[str, Image]]:
    """Yield every fifth picture of a few seconds from the camera, each with a name for messages."""
    with open_camera(config.camera, SystemClock()) as camera:
        for frame in islice(camera, 0, LOOK_FRAMES, LOOK_FRAMES // TEMPLATES_MAX):
            yield f"frame {frame.index}", frame.image


def _gallery_or_new(config: Config, model_id: str) -> Gallery:
    if not config.gallery_path.exists():
        return Gallery(model_id, {})
    return load_gallery(config.gallery_path, model_id)


def _others(gallery: Gallery, subject_id: str) -> Gallery:
    return gallery.without(subject_id) if subject_id in gallery.templates else gallery
