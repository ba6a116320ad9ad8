"""Carry enrolled people from kiosk to kiosk: export the gallery to a file, and import one.

The list of erased people travels with the file (:mod:`kiosk.people.erased`): an import brings
nobody back who was erased, here or there, and erases here who was erased there.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kiosk.cli import DEFAULT_CONFIG
from kiosk.config.keys import Config
from kiosk.config.private_file import make_directory
from kiosk.erasure.erase import erase_person
from kiosk.erasure.galleries import Galleries
from kiosk.erasure.outcome import Failure
from kiosk.errors import GalleryError, GalleryModelError, ModelError
from kiosk.files.presence import may_exist
from kiosk.files.sealed_file import Passphrase
from kiosk.people.erased import load_erased, mark_enrolled, save_erased
from kiosk.people.keyring import Keyring
from kiosk.people.own_files import refuse_kiosk_file
from kiosk.people.roster import load_roster
from kiosk.people.write_lock import write_lock
from kiosk.recognition.bundle import Bundle, bundle_path, load_bundle
from kiosk.recognition.gallery import Gallery, load_gallery, save_gallery
from kiosk.recognition.match import Cohort, templates_score
from kiosk.recognition.old_galleries import old_galleries
from kiosk.records import Floats

_NAMED_MAX = 10
"""How many ids an error message names."""


@dataclass(frozen=True, slots=True)
class Import:
    """The outcome of an import.

    Attributes:
        people: How many people are enrolled now.
        added: Ids that were not enrolled before.
        replaced: Ids that were enrolled with the same face.
        another_face: Ids that were enrolled with another face, or with one that could not be
            compared.
        removed: Ids that are no longer enrolled, because the file does not hold them.
        refused: Ids of the file that were not imported, because they were erased.
        erased: Ids that were erased here, because they were erased where the file comes from.
        failed: What could not be erased.
    """

    people: int
    added: tuple[str, ...]
    replaced: tuple[str, ...]
    another_face: tuple[str, ...]
    removed: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    erased: tuple[str, ...] = ()
    failed: tuple[Failure, ...] = ()


def export_gallery(
    config: Config,
    path: Path,
    passphrase: Passphrase | None = None,
    *,
    config_file: Path = DEFAULT_CONFIG,
) -> int:
    """Copy the gallery and the list of erased people to a file; return how many people it holds.

    Args:
        config: Names the gallery.
        path: The file; one that is no file of the kiosk is replaced.
        passphrase: Encrypts the file; without it the file is plain.
        config_file: The file that the configuration was read from.

    Raises:
        ConfigError: The path leads to a file of the kiosk.
        GalleryError: The gallery cannot be read, or the file cannot be written.
    """
    own = [(one, "a gallery of an earlier model") for one in old_galleries(config.gallery_path)]
    own.append((bundle_path(config.model.bundle), "the model"))
    refuse_kiosk_file(path, config, config_file, own)
    gallery = load_gallery(config.gallery_path, keys=Keyring.of(config))
    marked = replace(gallery, marks=load_erased(config).marks)
    save_gallery(path, marked, owner_of=path.parent, keys=passphrase)
    return len(gallery)


def import_gallery(
    config: Config,
    path: Path,
    *,
    may_replace: bool = False,
    only: bool = False,
    again: bool = False,
    passphrase: Passphrase | None = None,
) -> Import:
    """Add the people of a gallery file to the gallery, and erase those who were erased there.

    A person who is enrolled with the same face gets the templates of the file.

    Args:
        config: Names the gallery and the model, which compares faces.
        path: The gallery file.
        may_replace: Whether an id that is enrolled with another face is replaced. Without it such
            an id stops the import.
        only: Afterwards exactly the people of the file are enrolled, under its version: the gallery
            is a copy of it.
        again: Import people who were erased, too, and erase nobody.
        passphrase: That of the file, if it is encrypted.

    Raises:
        GalleryError: A gallery cannot be read or written, the file holds nobody, or an id is
            enrolled with another face.
        GalleryModelError: The two galleries belong to different models.
        ConfigError: The thresholds of section ``decision`` are invalid.
        InUseError: Another command is writing the gallery.
    """
    if not may_exist(path):
        raise GalleryError(f"{path}: absent; expected a file that `kiosk gallery export` has made")
    file = load_gallery(path, keys=passphrase or Keyring.of(config))
    if not file.templates and not file.marks:
        raise GalleryError(f"{path}: nobody is enrolled in it")
    make_directory(config)
    keys = Keyring.of(config)
    with write_lock(config, "kiosk gallery import"):
        known = load_erased(config).merged(file.marks)
        refused = tuple(s for s in file.templates if known.is_erased(s) and not again)
        added = replace(file, templates=_without(file, refused), marks={})
        present = Gallery(added.model_id, {}, added.contract)
        if may_exist(config.gallery_path):
            present = load_gallery(config.gallery_path, keys=keys)
        try:
            merged = present.merged(added)
        except GalleryModelError as exc:
            raise GalleryModelError(f"{path}: {exc}") from exc
        same, different = _compare(config, present, added)
        if different and not may_replace:
            raise GalleryError(_refusal(path, different))
        if only:
            merged = added
        save_erased(config, known)
        if again:
            mark_enrolled(config, *(s for s in file.templates if known.is_erased(s)))
        save_gallery(config.gallery_path, merged, owner_of=config.directory, keys=keys)
    removed = tuple(subject for subject in present.templates if subject not in merged.templates)
    new = tuple(subject for subject in added.templates if subject not in present.templates)
    gone, failed = ((), ()) if again else _erase_marked(config)
    people = len(merged) - sum(subject in merged.templates for subject in gone)
    return Import(people, new, same, different, removed, refused, gone, failed)


def _without(gallery: Gallery, subjects: tuple[str, ...]) -> dict[str, Floats]:
    return {one: rows for one, rows in gallery.templates.items() if one not in subjects}


def _erase_marked(config: Config) -> tuple[tuple[str, ...], tuple[Failure, ...]]:
    """Erase everybody who is on this kiosk and marked as erased; return who, and what failed."""
    erased = load_erased(config)
    gone = tuple(one for one in _subjects(config) if erased.is_erased(one))
    failed = [failure for one in gone for failure in erase_person(config, one).failed]
    return gone, tuple(dict.fromkeys(failed))


def _subjects(config: Config) -> list[str]:
    """Return everybody in a gallery or in the roster of this kiosk."""
    found: dict[str, None] = {}
    for gallery in Galleries.read(config).found.values():
        found.update(dict.fromkeys(gallery.templates))
    if config.roster_path is not None and may_exist(config.roster_path):
        found.update(dict.fromkeys(load_roster(config.roster_path).names))
    return list(found)


def _compare(
    config: Config, present: Gallery, added: Gallery
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Split the ids that both galleries have: the same face, and another face."""
    both = [subject for subject in added.templates if subject in present.templates]
    equal = {s for s in both if np.array_equal(present.templates[s], added.templates[s])}
    if len(equal) == len(both):
        return tuple(both), ()
    bundle = _usable_bundle(config, added)
    if bundle is not None:
        section = config.decision
        _, same_min = bundle.card.thresholds(
            section.fpir,
            len(present),
            threshold=section.threshold,
            unsure=section.unsure_threshold,
        )
        cohort = Cohort(bundle.cohort)
        equal |= {
            subject
            for subject in both
            if templates_score(cohort, present.templates[subject], added.templates[subject])
            >= same_min
        }
    same = tuple(subject for subject in both if subject in equal)
    return same, tuple(subject for subject in both if subject not in equal)


def _usable_bundle(config: Config, gallery: Gallery) -> Bundle | None:
    """Return the model bundle; ``None`` if it cannot compare the templates of this gallery."""
    try:
        bundle = load_bundle(bundle_path(config.model.bundle))
    except ModelError:
        return None
    is_own = gallery.belongs_to(bundle.card.model_id, bundle.card.contract)
    return bundle if is_own else None


def _refusal(path: Path, different: tuple[str, ...]) -> str:
    named = ", ".join(different[:_NAMED_MAX])
    more = f" and {len(different) - _NAMED_MAX} more" if len(different) > _NAMED_MAX else ""
    return (
        f"{path}: nothing was imported: enrolled here with another face: {named}{more}; replace"
        " them with --replace"
    )
