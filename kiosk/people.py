"""Manage the enrolled people: list, erase, renew.

Nothing here loads the detector or the model's runtime: people can be listed and erased when the
model has changed or is absent. :mod:`kiosk.enrolment` enrols them, and
:mod:`kiosk.gallery_transfer` exports and imports them.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from kiosk.config import Config
from kiosk.contract import fingerprint
from kiosk.errors import GalleryError, GalleryModelError, ModelError
from kiosk.mqtt.outbox import Outbox
from kiosk.recognition.bundle import bundle_path, load_bundle
from kiosk.recognition.gallery import Gallery, load_gallery, save_gallery
from kiosk.recognition.old_galleries import keep_aside, old_galleries
from kiosk.roster import Roster, load_roster, remove_from_roster
from kiosk.write_lock import write_lock


@dataclass(frozen=True, slots=True)
class Erasure:
    """Where an erased person was found.

    Attributes:
        gallery: In the gallery in use.
        old_galleries: In these files, which were kept aside when the model changed.
        roster: In the roster.
        attended: In the attendance kept on this kiosk.
    """

    gallery: bool
    old_galleries: tuple[str, ...]
    roster: bool
    attended: bool


@dataclass(frozen=True, slots=True)
class Renewal:
    """A new gallery after a change of model.

    Attributes:
        model_id: The model in use, to which the new gallery belongs.
        kept: The old gallery.
        enrol_again: Name by subject id of each person in the old gallery; ``None`` when the
            roster has no name.
    """

    model_id: str
    kept: str
    enrol_again: dict[str, str | None]


def list_people(config: Config) -> dict[str, int]:
    """Return how many templates each enrolled person has, by subject id.

    Raises:
        GalleryError: The gallery cannot be read.
    """
    gallery = load_gallery(config.gallery_path)
    return {subject: len(templates) for subject, templates in gallery.templates.items()}


def gallery_version(config: Config) -> dict[str, Any]:
    """Return version and content hash of the gallery, and how many people it holds.

    Raises:
        GalleryError: The gallery cannot be read.
    """
    gallery = load_gallery(config.gallery_path)
    facts = {"version": gallery.revision, "hash": gallery.content_hash}
    return {**facts, "people": len(gallery), "model_id": gallery.model_id}


def remove_person(config: Config, subject_id: str) -> Erasure:
    """Erase a person from all galleries, the roster and the attendance kept on this kiosk.

    Events that wait for the broker stay: they are the school's record and are erased there.

    Raises:
        GalleryError: The person is in no gallery, or a gallery cannot be read or written.
        RosterError: The roster cannot be read or written.
        OutboxError: The outbox cannot be read or written.
        InUseError: Another command is writing the gallery.
    """
    _galleries_without(config, subject_id)  # an unknown id needs no lock
    with write_lock(config, "kiosk gallery remove"):
        rest = _galleries_without(config, subject_id)
        rostered = bool(config.state.roster) and remove_from_roster(
            Path(config.state.roster), subject_id, owner_of=config.directory
        )
        attended = False
        if config.outbox_path.exists():
            with Outbox(config.outbox_path) as outbox:
                attended = outbox.forget(subject_id) > 0
        # The galleries last, the one in use after the old ones: while a gallery holds the person,
        # an erasure that failed can be asked for again.
        for path, gallery in rest.items():
            save_gallery(path, gallery, owner_of=config.directory)
    old = tuple(path.name for path in rest if path != config.gallery_path)
    return Erasure(config.gallery_path in rest, old, rostered, attended)


def _galleries_without(config: Config, subject_id: str) -> dict[Path, Gallery]:
    """Return each gallery that holds the person, without them.

    Raises:
        GalleryError: The person is in none, or a gallery cannot be read.
    """
    rest = {
        path: gallery.without(subject_id)
        for path, gallery in _all_galleries(config).items()
        if subject_id in gallery.templates
    }
    if not rest:
        raise GalleryError(f"subject {subject_id!r} is not enrolled; see `kiosk gallery list`")
    return rest


def _all_galleries(config: Config) -> dict[Path, Gallery]:
    """Read the old galleries, then the one in use; it may be absent only if there are old ones.

    Raises:
        GalleryError: One of them cannot be read.
    """
    found: dict[Path, Gallery] = {}
    for path in old_galleries(config.gallery_path):
        try:
            found[path] = load_gallery(path)
        except GalleryError as exc:
            raise GalleryError(f"{exc}, or delete this old gallery") from exc
    if config.gallery_path.exists() or not found:
        found[config.gallery_path] = load_gallery(config.gallery_path)
    return found


def renew_gallery(config: Config, today: date) -> Renewal:
    """Begin a new, empty gallery for the model in use, and keep the old one aside.

    Args:
        config: Names the gallery, the model bundle and the roster.
        today: Becomes part of the old gallery's new name.

    Raises:
        GalleryError: The gallery already belongs to the model in use, or cannot be read or written.
        ModelError: The model bundle cannot be used.
        RosterError: The roster cannot be read.
        InUseError: Another command is writing the gallery.
    """
    model_id = load_bundle(bundle_path(config.model.bundle)).card.model_id
    _gallery_to_renew(config, model_id)  # a gallery that stays as it is needs no lock
    roster_path = Path(config.state.roster)
    has_roster = bool(config.state.roster) and roster_path.exists()
    roster = load_roster(roster_path) if has_roster else Roster()
    with write_lock(config, "kiosk gallery renew"):
        old = _gallery_to_renew(config, model_id)
        kept = keep_aside(config.gallery_path, old.model_id, today)
        try:
            empty = Gallery(model_id, {}, revision=old.revision + 1)
            save_gallery(config.gallery_path, empty, owner_of=config.directory)
        except GalleryError:
            kept.unlink()  # the old gallery stays in use, under its one name
            raise
    again = {subject: roster.names.get(subject) for subject in old.templates}
    return Renewal(model_id, str(kept), again)


def _gallery_to_renew(config: Config, model_id: str) -> Gallery:
    """Read the gallery; reject one that belongs to the model in use already."""
    old = load_gallery(config.gallery_path)
    if old.belongs_to(model_id, fingerprint()):
        raise GalleryError(f"{config.gallery_path}: belongs to {model_id}, which is in use already")
    return old


def note_on_model(config: Config) -> str:
    """Return a note if the gallery does not belong to the model in use; otherwise empty text.

    Also empty when the gallery or the bundle cannot be read: the command itself needs no model.
    """
    try:
        model_id = load_bundle(bundle_path(config.model.bundle)).card.model_id
        load_gallery(config.gallery_path, model_id)
    except GalleryModelError as exc:
        return str(exc)
    except (GalleryError, ModelError):
        return ""
    return ""
