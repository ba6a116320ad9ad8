"""Carry enrolled people from kiosk to kiosk: export the gallery to a file, and import one."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kiosk.config import Config, make_directory
from kiosk.errors import GalleryError, GalleryModelError, ModelError
from kiosk.recognition.bundle import Bundle, bundle_path, load_bundle
from kiosk.recognition.gallery import Gallery, load_gallery, save_gallery
from kiosk.recognition.match import Cohort, templates_score
from kiosk.write_lock import write_lock

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
    """

    people: int
    added: tuple[str, ...]
    replaced: tuple[str, ...]
    another_face: tuple[str, ...]
    removed: tuple[str, ...] = ()


def export_gallery(config: Config, path: Path) -> int:
    """Copy the gallery to a file; return how many people it holds.

    Raises:
        GalleryError: The gallery cannot be read, or the file cannot be written.
    """
    gallery = load_gallery(config.gallery_path)
    save_gallery(path, gallery, owner_of=path.parent)
    return len(gallery)


def import_gallery(
    config: Config, path: Path, *, may_replace: bool = False, only: bool = False
) -> Import:
    """Add the people of a gallery file to the gallery.

    A person who is enrolled with the same face gets the templates of the file.

    Args:
        config: Names the gallery and the model, which compares faces.
        path: The gallery file.
        may_replace: Whether an id that is enrolled with another face is replaced. Without it such
            an id stops the import.
        only: Afterwards exactly the people of the file are enrolled, under its version: the gallery
            is a copy of it.

    Raises:
        GalleryError: A gallery cannot be read or written, the file holds nobody, or an id is
            enrolled with another face.
        GalleryModelError: The two galleries belong to different models.
        ConfigError: The thresholds of section ``decision`` are invalid.
        InUseError: Another command is writing the gallery.
    """
    added = load_gallery(path)
    if not added.templates:
        raise GalleryError(f"{path}: nobody is enrolled in it")
    make_directory(config)
    with write_lock(config, "kiosk gallery import"):
        present = Gallery(added.model_id, {}, added.contract)
        if config.gallery_path.exists():
            present = load_gallery(config.gallery_path)
        try:
            merged = present.merged(added)
        except GalleryModelError as exc:
            raise GalleryModelError(f"{path}: {exc}") from exc
        same, different = _compare(config, present, added)
        if different and not may_replace:
            raise GalleryError(_refusal(path, different))
        if only:
            merged = added
        save_gallery(config.gallery_path, merged, owner_of=config.directory)
    gone = tuple(subject for subject in present.templates if subject not in merged.templates)
    new = tuple(subject for subject in added.templates if subject not in present.templates)
    return Import(len(merged), new, same, different, gone)


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
