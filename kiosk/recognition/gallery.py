"""The gallery: who is enrolled, as templates (embeddings) and never as images.

A subject is known here by a pseudonymous id alone; the name stands only in the roster.
"""

import io
import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from kiosk.atomic_file import atomic_write
from kiosk.contract import EMBEDDING_DIM, fingerprint
from kiosk.errors import GalleryError, GalleryModelError
from kiosk.records import Floats

_FORMAT: Final = "attendance-kiosk gallery 1"
# What np.load raises over a file that was cut, changed or is none. RuntimeError: a changed flag
# says that it is encrypted. TypeError: one bare array.
_DAMAGE: Final = (zipfile.BadZipFile, EOFError, RuntimeError, ValueError, KeyError, TypeError)


@dataclass(frozen=True, slots=True, eq=False)
class Gallery:
    """Enrolled people and their templates.

    Attributes:
        model_id: The model that made the templates.
        templates: ``(t, 128)`` float32 of length 1 for each subject id.
    """

    model_id: str
    templates: Mapping[str, Floats]

    def __post_init__(self) -> None:
        """Refuse somebody who could not be matched with: the mean of no templates is none."""
        if not all(len(part) for part in self.templates.values()):
            raise ValueError("expected at least one template a person")

    def __len__(self) -> int:
        """How many people are enrolled."""
        return len(self.templates)

    def with_subject(self, subject_id: str, templates: Floats) -> "Gallery":
        """Add a person, or replace their templates."""
        return Gallery(self.model_id, {**self.templates, subject_id: templates})

    def without(self, subject_id: str) -> "Gallery":
        """Erase a person.

        Raises:
            GalleryError: Nobody of that id is enrolled.
        """
        if subject_id not in self.templates:
            raise GalleryError(f"subject {subject_id!r} is not enrolled; see `kiosk gallery list`")
        return Gallery(self.model_id, {k: v for k, v in self.templates.items() if k != subject_id})

    def merged(self, other: "Gallery") -> "Gallery":
        """Take in another gallery; its people replace those of the same id.

        Raises:
            GalleryModelError: Another model made it.
        """
        if other.model_id != self.model_id:
            raise GalleryModelError(
                f"gallery of model {other.model_id}, expected {self.model_id}; enrol again"
            )
        return Gallery(self.model_id, {**self.templates, **other.templates})


def load_gallery(path: Path, model_id: str) -> Gallery:
    """Read a gallery.

    Args:
        path: The file.
        model_id: The model in use; templates of another model mean nothing to it.

    Raises:
        GalleryError: Absent, truncated or foreign.
        GalleryModelError: Another model made it.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            header = json.loads(str(file["header"]))
            owners, stack = file["owners"], file["templates"]
    except FileNotFoundError as exc:
        raise GalleryError(f"{path}: absent; enrol people with `kiosk enrol` first") from exc
    except OSError as exc:
        raise GalleryError(f"{path}: cannot be read ({exc.strerror or exc})") from exc
    except _DAMAGE as exc:
        raise GalleryError(f"{path}: not a whole gallery file ({exc}); restore a copy") from exc
    _check(path, header, owners, stack, model_id)
    subjects: list[str] = header["subjects"]
    return Gallery(model_id, {s: stack[owners == i] for i, s in enumerate(subjects)})


def _check(
    path: Path,
    header: dict[str, Any],
    owners: npt.NDArray[Any],
    stack: npt.NDArray[Any],
    model_id: str,
) -> None:
    if not isinstance(header, dict) or header.get("format") != _FORMAT:
        raise GalleryError(f"{path}: not a gallery of this kiosk, expected {_FORMAT!r}")
    subjects = header.get("subjects")
    is_whole = isinstance(subjects, list) and _whole(stack, owners)
    if not is_whole or set(owners.tolist()) != set(range(len(header["subjects"]))):
        raise GalleryError(f"{path}: templates do not fit the list of subjects; restore a copy")
    if header.get("model_id") != model_id or header.get("contract") != fingerprint():
        raise GalleryModelError(
            f"{path}: made by model {header.get('model_id')}, in use is {model_id}; "
            "enrol everybody again, or set model.bundle to the old model"
        )


def _whole(stack: npt.NDArray[Any], owners: npt.NDArray[Any]) -> bool:
    """Whether each template has an owner and length 1: a longer one would win always."""
    if stack.dtype != np.float32 or stack.shape != (owners.size, EMBEDDING_DIM):
        return False
    return owners.ndim == 1 and np.allclose(np.linalg.norm(stack, axis=1), 1.0, atol=1e-3)


def save_gallery(path: Path, gallery: Gallery) -> None:
    """Write a gallery, whole or not at all, readable by its owner and group alone.

    Raises:
        GalleryError: The folder cannot be written.
    """
    header = {
        "format": _FORMAT,
        "model_id": gallery.model_id,
        "contract": fingerprint(),
        "subjects": list(gallery.templates),
    }
    owners = _owners(gallery.templates.values())
    stack = [*gallery.templates.values(), np.empty((0, EMBEDDING_DIM), np.float32)]
    data = io.BytesIO()
    np.savez(data, header=json.dumps(header), owners=owners, templates=np.concatenate(stack))
    try:
        with atomic_write(path, 0o640) as partial:
            partial.write_bytes(data.getvalue())
    except OSError as exc:
        raise GalleryError(f"{path}: cannot be written ({exc.strerror})") from exc


def _owners(templates: Iterable[Floats]) -> npt.NDArray[np.int64]:
    return np.array([i for i, part in enumerate(templates) for _ in part], np.int64)
