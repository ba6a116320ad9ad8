"""Manage the enrolled people: list them, begin a new gallery, give it a new key.

Nothing here loads the detector or the model's runtime: people can be listed when the model has
changed or is absent. :mod:`kiosk.enrolment` enrols them, :mod:`kiosk.erasure` erases them, and
:mod:`kiosk.gallery.transfer` exports and imports them.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from kiosk.config.keys import Config
from kiosk.config.private_file import make_directory
from kiosk.contract import fingerprint
from kiosk.erasure.galleries import Galleries
from kiosk.errors import GalleryError, GalleryModelError, ModelError
from kiosk.files.presence import may_exist
from kiosk.people.keyring import Keyring
from kiosk.people.roster import Roster, load_roster
from kiosk.people.write_lock import write_lock
from kiosk.recognition.bundle import bundle_path, load_bundle
from kiosk.recognition.gallery import Gallery, load_gallery, save_gallery
from kiosk.recognition.old_galleries import keep_aside


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
    gallery = load_gallery(config.gallery_path, keys=Keyring.of(config))
    return {subject: len(templates) for subject, templates in gallery.templates.items()}


def gallery_version(config: Config) -> dict[str, Any]:
    """Return version and content hash of the gallery, and how many people it holds.

    Raises:
        GalleryError: The gallery cannot be read.
    """
    gallery = load_gallery(config.gallery_path, keys=Keyring.of(config))
    facts = {"version": gallery.revision, "hash": gallery.content_hash}
    return {**facts, "people": len(gallery), "model_id": gallery.model_id}


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
    has_roster = bool(config.state.roster) and may_exist(roster_path)
    roster = load_roster(roster_path) if has_roster else Roster()
    with write_lock(config, "kiosk gallery renew"):
        old = _gallery_to_renew(config, model_id)
        kept = keep_aside(config.gallery_path, old.model_id, today)
        try:
            empty = Gallery(model_id, {}, revision=old.revision + 1)
            keys = Keyring.of(config)
            save_gallery(config.gallery_path, empty, owner_of=config.directory, keys=keys)
        except GalleryError:
            kept.unlink()  # the old gallery stays in use, under its one name
            raise
    again = {subject: roster.names.get(subject) for subject in old.templates}
    return Renewal(model_id, str(kept), again)


def _gallery_to_renew(config: Config, model_id: str) -> Gallery:
    """Read the gallery; reject one that belongs to the model in use already."""
    old = load_gallery(config.gallery_path, keys=Keyring.of(config))
    if old.belongs_to(model_id, fingerprint()):
        raise GalleryError(f"{config.gallery_path}: belongs to {model_id}, which is in use already")
    return old


def rekey(config: Config) -> tuple[str, ...]:
    """Give all galleries a new key; return their names.

    What a disk keeps of galleries that were encrypted with the former key is then worthless.

    Raises:
        GalleryError: There is none, or one of them cannot be read or written: the former key stays.
        InUseError: Another command is writing the gallery.
    """
    make_directory(config)
    with write_lock(config, "kiosk gallery rekey"):
        galleries = Galleries.read(config)
        if not galleries.found and not galleries.failed:
            raise GalleryError(
                f"{config.gallery_path}: absent; enrol people with `kiosk enrol` first"
            )
        if not galleries.rewrite():
            reasons = "; ".join(one.reason for one in galleries.failed)
            message = f"the former key stays in use, too: {reasons}"
            raise GalleryError(message) from galleries.cause
    return tuple(path.name for path in galleries.found)


def note_on_model(config: Config) -> str:
    """Return a note if the gallery does not belong to the model in use; otherwise empty text.

    Also empty when the gallery or the bundle cannot be read: the command itself needs no model.
    """
    try:
        model_id = load_bundle(bundle_path(config.model.bundle)).card.model_id
        load_gallery(config.gallery_path, model_id, Keyring.of(config))
    except GalleryModelError as exc:
        return str(exc)
    except (GalleryError, ModelError):
        return ""
    return ""
