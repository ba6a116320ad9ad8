"""The gallery: the enrolled people, as templates (embeddings) and never as images.

A person has only a pseudonymous subject id here; the name is in the roster alone. The file is
encrypted (:mod:`kiosk.files.sealed_file`); one that an earlier version wrote is plain, is still
read, and is encrypted when it is next written.
"""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from kiosk.contract import EMBEDDING_DIM, fingerprint
from kiosk.decoder import decoder_of
from kiosk.errors import GalleryError, GalleryModelError, reason_of
from kiosk.files.atomic_file import atomic_write
from kiosk.files.bounded_file import read_file
from kiosk.files.sealed_file import KeySource, unseal
from kiosk.people.erased import Mark, Marks
from kiosk.people.keyring import Keyring, default_path
from kiosk.recognition.archive import read_archive, read_array
from kiosk.records import Floats

_FORMAT: Final = "attendance-kiosk gallery 1"
GALLERY_BYTES_MAX: Final = 64_000_000
"""Bytes of the largest gallery file; 3,000 people with ten templates each have 16 million."""
_SIZES: Final = {
    "header.npy": 16_000_000,
    "owners.npy": 1_000_000,
    "templates.npy": GALLERY_BYTES_MAX,
}


@dataclass(frozen=True, slots=True, eq=False)
class Gallery:
    """Enrolled people and their templates.

    Attributes:
        model_id: The model that computed the templates.
        templates: ``(t, 128)`` float32 of length 1 for each subject id.
        contract: The crop contract of that model (:func:`kiosk.contract.fingerprint`).
        revision: Counts the changes.
        marks: Who was erased or enrolled elsewhere (:mod:`kiosk.people.erased`), in a file that
            travels.
    """

    model_id: str
    templates: Mapping[str, Floats]
    contract: str = field(default_factory=fingerprint)
    revision: int = 0
    marks: Mapping[str, Mapping[str, Mark]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Reject a subject without templates: their mean is undefined."""
        if not all(len(templates) for templates in self.templates.values()):
            raise ValueError("expected at least one template a person")

    def __len__(self) -> int:
        """Return how many people are enrolled."""
        return len(self.templates)

    @property
    def content_hash(self) -> str:
        """12 hex digits, equal for the same people with the same templates, in any order."""
        digest = hashlib.sha256(f"{self.model_id}\n{self.contract}\n".encode())
        for subject in sorted(self.templates):
            rows = np.ascontiguousarray(self.templates[subject], np.float32)
            digest.update(f"{subject}\n{len(rows)}\n".encode() + rows.tobytes())
        return digest.hexdigest()[:12]

    def with_subject(self, subject_id: str, templates: Floats) -> "Gallery":
        """Return a gallery with this person added, or with their templates replaced."""
        return self._changed({**self.templates, subject_id: templates})

    def _changed(self, templates: Mapping[str, Floats]) -> "Gallery":
        return replace(self, templates=templates, revision=self.revision + 1)

    def without(self, subject_id: str) -> "Gallery":
        """Return a gallery without this person.

        Raises:
            GalleryError: Nobody with that id is enrolled.
        """
        if subject_id not in self.templates:
            raise GalleryError(f"subject {subject_id!r} is not enrolled; see `kiosk gallery list`")
        rest = {name: rows for name, rows in self.templates.items() if name != subject_id}
        return self._changed(rest)

    def merged(self, other: "Gallery") -> "Gallery":
        """Return a gallery with the people of both; ``other`` replaces people with the same id.

        Raises:
            GalleryModelError: The two galleries belong to different models.
        """
        if not other.belongs_to(self.model_id, self.contract):
            raise GalleryModelError(
                f"belongs to {other.model_id}, but the kiosk's gallery to {self.model_id};"
                " export it from a kiosk with the same model"
            )
        return self._changed({**self.templates, **other.templates})

    def belongs_to(self, model_id: str, contract: str) -> bool:
        """Return whether this model, under this crop contract, computed the templates."""
        return (self.model_id, self.contract) == (model_id, contract)


def load_gallery(path: Path, model_id: str | None = None, keys: KeySource | None = None) -> Gallery:
    """Read a gallery.

    Args:
        path: The file.
        model_id: The model in use, which cannot compare its embeddings with another model's
            templates; ``None`` accepts a gallery of any model.
        keys: The keys of an encrypted file; by default ``gallery.key`` beside it.

    Raises:
        GalleryError: The file is absent, truncated, not a gallery, or cannot be decrypted.
        GalleryModelError: The gallery does not belong to the model in use.
    """
    content = _content(path, keys)
    try:
        parts = read_archive(content, _SIZES)
        text, owners, stack = (read_array(parts[name]) for name in _SIZES)
        header = msgspec.json.decode(str(text[()]).encode())
    except (ValueError, RecursionError) as exc:
        raise GalleryError(f"{path}: not a complete gallery file; restore a copy") from exc
    _check(path, header, owners, stack)
    subjects: list[str] = header["subjects"]
    order = np.argsort(owners, kind="stable")
    starts = np.searchsorted(owners, np.arange(1, len(subjects)), sorter=order)
    templates = dict(zip(subjects, np.split(stack[order], starts), strict=bool(subjects)))
    revision = header.get("revision", 0)  # a kiosk before version 0.2 wrote none
    marks = _marks(path, header.get("marks", {}))
    gallery = Gallery(header["model_id"], templates, header["contract"], revision, marks)
    if model_id is not None and not gallery.belongs_to(model_id, fingerprint()):
        raise GalleryModelError(
            f"{path}: belongs to {gallery.model_id} (crop contract {gallery.contract}), but the"
            f" model in use is {model_id} ({fingerprint()}); begin a new gallery with"
            " `kiosk gallery renew`, or set model.bundle to the old model"
        )
    return gallery


def _content(path: Path, keys: KeySource | None) -> bytes:
    """Read and decrypt a file, again if a command gave it a new key between the two."""
    content = _bytes_of(path)
    keys = keys or Keyring(default_path(path))
    while True:
        try:
            return unseal(content, path, keys)
        except GalleryError:
            before, content = content, _bytes_of(path)
            if content == before:
                raise


def _bytes_of(path: Path) -> bytes:
    try:
        return read_file(path, GALLERY_BYTES_MAX)
    except FileNotFoundError as exc:
        raise GalleryError(f"{path}: absent; enrol people with `kiosk enrol` first") from exc
    except OSError as exc:
        raise GalleryError(f"{path}: cannot be read ({reason_of(exc)})") from exc


def _check(path: Path, header: object, owners: npt.NDArray[Any], stack: npt.NDArray[Any]) -> None:
    if not isinstance(header, dict) or header.get("format") != _FORMAT:
        raise GalleryError(f"{path}: not a gallery of this kiosk, expected {_FORMAT!r}")
    texts = [header.get("model_id"), header.get("contract")]
    if not all(isinstance(text, str) for text in texts):
        raise GalleryError(f"{path}: does not name its model and crop contract; restore a copy")
    if not isinstance(header.get("revision", 0), int):
        raise GalleryError(f"{path}: its revision is no number; restore a copy")
    # Another contract may have embeddings of another length.
    dim = EMBEDDING_DIM if header["contract"] == fingerprint() else None
    subjects = header.get("subjects")
    if not isinstance(subjects, list) or not all(isinstance(one, str) for one in subjects):
        raise GalleryError(f"{path}: its list of subjects is damaged; restore a copy")
    is_consistent = len(set(subjects)) == len(subjects) and _has_templates(stack, owners, dim)
    if not is_consistent or set(owners.tolist()) != set(range(len(subjects))):
        raise GalleryError(f"{path}: templates do not match the list of subjects; restore a copy")


def _marks(path: Path, found: object) -> Marks:
    try:
        return decoder_of(Marks).decode(msgspec.json.encode(found))
    except msgspec.ValidationError as exc:
        raise GalleryError(f"{path}: its list of erased people is damaged; restore a copy") from exc


def _has_templates(stack: npt.NDArray[Any], owners: npt.NDArray[Any], dim: int | None) -> bool:
    """Return whether each template has an owner and length 1: a longer one would always win."""
    if stack.dtype != np.float32 or stack.ndim != 2 or owners.ndim != 1:
        return False
    if stack.shape != (owners.size, stack.shape[1] if dim is None else dim):
        return False
    with np.errstate(all="ignore"):  # numbers of a damaged file may be of any size
        return bool(np.allclose(np.linalg.norm(stack, axis=1), 1.0, atol=1e-3))


def save_gallery(
    path: Path, gallery: Gallery, *, owner_of: Path | None = None, keys: KeySource | None = None
) -> None:
    """Write a gallery atomically, readable by its owner and group only; overwrite the old file.

    Args:
        path: The file to create or to replace.
        gallery: The gallery.
        owner_of: Who owns the file when root writes it
            (:func:`~kiosk.files.atomic_file.atomic_write`).
        keys: Encrypts the file; without them it is plain.

    Raises:
        GalleryError: The folder cannot be written, or there is no key.
    """
    content = encode_gallery(gallery)
    if keys is not None:
        content = keys.seal(content, owner_of)
    try:
        with atomic_write(path, 0o640, owner_of=owner_of, wipe=True) as partial:
            partial.write_bytes(content)
    except OSError as exc:
        raise GalleryError(f"{path}: cannot be written ({exc.strerror})") from exc


def encode_gallery(gallery: Gallery) -> bytes:
    """Return the content of a gallery file, not encrypted."""
    header: dict[str, Any] = {
        "format": _FORMAT,
        "model_id": gallery.model_id,
        "contract": gallery.contract,
        "revision": gallery.revision,
        "subjects": list(gallery.templates),
    }
    if gallery.marks:
        header["marks"] = msgspec.to_builtins(gallery.marks)
    rows = list(gallery.templates.values())
    owners = np.repeat(np.arange(len(rows)), [len(own) for own in rows])
    stack = np.concatenate(rows) if rows else np.empty((0, EMBEDDING_DIM), np.float32)
    data = io.BytesIO()
    np.savez(data, header=json.dumps(header), owners=owners.astype(np.int64), templates=stack)
    return data.getvalue()
