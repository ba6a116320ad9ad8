"""Write an enrolment so that no failure, at any moment, leaves a face under another one's name.

An id that has a name and no face is harmless, and so is one that has a face and no name. So the
name of a new person is written before the face. Where another face takes an id, the former name
goes before the face changes, and the new one comes after it. What a command has written before it
fails is undone; a full disk or a kill leaves at most an id without a name.
"""

from contextlib import ExitStack, suppress

from kiosk.config.keys import Config
from kiosk.errors import ConfigError, KioskError
from kiosk.files.presence import may_exist
from kiosk.people.erased import ErasedList, load_erased, mark_enrolled, save_erased
from kiosk.people.keyring import Keyring
from kiosk.people.roster import add_to_roster, load_roster, remove_from_roster
from kiosk.recognition.gallery import Gallery, load_gallery, save_gallery


def save_enrolment(
    config: Config,
    subject_id: str,
    name: str | None,
    before: Gallery,
    after: Gallery,
    *,
    is_another: bool,
) -> bool:
    """Write gallery, roster and the mark of the enrolment; the caller holds the lock.

    Args:
        config: Names the files.
        subject_id: The person.
        name: Their name for the roster; ``None`` leaves the roster unchanged.
        before: The gallery as it is.
        after: The gallery with the person.
        is_another: Whether the id has another face in ``before``.

    Returns:
        Whether the name replaced another one.

    Raises:
        ConfigError: The id has another face and a name, and no new name is given.
        GalleryError: A file cannot be written; then nothing has changed, if the disk allows it.
        RosterError: The same for the roster, or the name is empty.
    """
    former = _name_of(config, subject_id)
    if name is None and former is not None and is_another:
        raise ConfigError(
            f"subject {subject_id!r}: the roster has the name of the person who is"
            " replaced; give the new name (--name)"
        )
    new = former if name is None else name.strip()
    erased = load_erased(config)
    with ExitStack() as undo:
        undo.callback(_restore, config, subject_id, former, before, erased)
        _write_name(config, subject_id, None if is_another and new != former else new)
        # Before the gallery: an erasure that came here from another kiosk is older than this.
        mark_enrolled(config, subject_id)
        _write_gallery(config, after)
        _write_name(config, subject_id, new)
        undo.pop_all()
    return former not in {None, new}


def _name_of(config: Config, subject_id: str) -> str | None:
    path = config.roster_path
    names = load_roster(path).names if path is not None and may_exist(path) else {}
    return names.get(subject_id)


def _write_name(config: Config, subject_id: str, name: str | None) -> None:
    """Give an id this name, or none, in the roster; a name that it has already is not written."""
    path = config.roster_path
    if path is None or _name_of(config, subject_id) == name:
        return
    if name is None:
        remove_from_roster(path, subject_id, owner_of=config.directory)
    else:
        add_to_roster(path, subject_id, name, owner_of=config.directory)


def _write_gallery(config: Config, gallery: Gallery) -> None:
    keys = Keyring.of(config)
    save_gallery(config.gallery_path, gallery, owner_of=config.directory, keys=keys)


def _restore(
    config: Config, subject_id: str, name: str | None, gallery: Gallery, erased: ErasedList
) -> None:
    """Undo what was written; a name comes back only with the face that it belongs to."""
    with suppress(KioskError):
        if load_erased(config) != erased:
            save_erased(config, erased)
    with suppress(KioskError):
        present = Gallery(gallery.model_id, {})
        if may_exist(config.gallery_path):
            present = load_gallery(config.gallery_path, keys=Keyring.of(config))
        if present.content_hash != gallery.content_hash:
            _write_gallery(config, gallery)
        _write_name(config, subject_id, name)
