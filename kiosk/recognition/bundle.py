"""The model bundle: one file that ``convert`` writes and the kiosk loads.

A zip archive ``*.kiosk-model`` that holds ``model.tflite`` (int8 in, int8 out), ``card.json``
(:class:`kiosk.recognition.card.ModelCard`), ``golden.npz`` (crops with the int8 outputs that they
must give) and ``cohort.npy`` (float16, the impostor cohort of :mod:`kiosk.recognition.match`).
"""

import hashlib
import io
import zipfile
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from kiosk.contract import COHORT_NEAREST, COHORT_WEIGHT, CROP_PX, EMBEDDING_DIM, fingerprint
from kiosk.decoder import decoder_of
from kiosk.errors import ModelError, reason_of
from kiosk.files.atomic_file import atomic_write
from kiosk.files.bounded_file import read_file
from kiosk.recognition.archive import read_archive, read_array
from kiosk.recognition.card import ModelCard
from kiosk.records import Floats, Image

BUNDLE_ENDING: Final = ".kiosk-model"
"""How the name of a bundle ends."""
BUNDLE_BYTES_MAX: Final = 64_000_000
"""Bytes of the largest bundle; the one that ships has 8 million."""
_SIZES: Final = {
    "model.tflite": 64_000_000,
    "card.json": 1_000_000,
    "golden.npz": 16_000_000,
    "cohort.npy": 64_000_000,
}
_GOLDEN_SIZES: Final = {"crops.npy": 16_000_000, "outputs.npy": 1_000_000}

GOLDEN_STEPS = 12
"""How many int8 steps another runtime or processor may differ by. tflite-runtime 2.14 rounds
differently from its successor: by up to 5 steps here, and embeddings of 63 faces have a cosine of
0.987 or more. No constant output passes: the outputs of two golden crops differ by 33."""


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """A loaded model bundle.

    Attributes:
        card: The model card.
        model: The TFLite file's bytes.
        golden_crops: ``(n, 112, 112, 3)`` uint8 RGB.
        golden_outputs: ``(n, 128)`` int8.
        cohort: ``(m, 128)`` float32 of length 1, except for rounding to float16; no rows where
            scores are plain cosines.
    """

    card: ModelCard
    model: bytes
    golden_crops: Image
    golden_outputs: npt.NDArray[np.int8]
    cohort: Floats


def default_bundle() -> Path:
    """Return the path of the bundle that ships with the kiosk."""
    return Path(str(files("kiosk") / f"default{BUNDLE_ENDING}"))


def bundle_path(configured: str) -> Path:
    """Return the path of ``model.bundle``, or of the shipped bundle when that key is empty."""
    return Path(configured) if configured else default_bundle()


def load_bundle(path: Path) -> Bundle:
    """Read and check a bundle whose thresholds are for scores as this kiosk computes them.

    Raises:
        ModelError: As :func:`read_bundle`, or the thresholds are for other scores.
    """
    bundle = read_bundle(path)
    found = bundle.card.cohort_nearest, bundle.card.cohort_weight
    if found != (COHORT_NEAREST, COHORT_WEIGHT):
        raise ModelError(
            f"{path}: thresholds for the {found[0]} nearest of the cohort and weight {found[1]}, "
            f"this kiosk uses {COHORT_NEAREST} and {COHORT_WEIGHT}; give the bundle to "
            "`kiosk-convert` of the kiosk's own version, which measures it again"
        )
    return bundle


def read_bundle(path: Path) -> Bundle:
    """Read and check a bundle, whatever scores its thresholds are for.

    Raises:
        ModelError: The file is truncated, not a bundle, changed since it was written, or made for
            another contract.
    """
    try:
        data = read_file(path, BUNDLE_BYTES_MAX)
    except OSError as exc:
        raise ModelError(f"{path}: cannot be read ({reason_of(exc)})") from exc
    try:
        parts = read_archive(data, _SIZES)
        card = decoder_of(ModelCard).decode(parts["card.json"])
        golden = read_archive(parts["golden.npz"], _GOLDEN_SIZES)
        crops, outputs = (read_array(golden[name]) for name in _GOLDEN_SIZES)
        cohort = read_array(parts["cohort.npy"])
    except (ValueError, RecursionError) as exc:
        message = f"{path}: not a complete model bundle of `kiosk-convert` ({exc})"
        hint = "copy it here again, or repeat `kiosk-convert` if an older version wrote it"
        raise ModelError(f"{message}; {hint}") from exc
    model = parts["model.tflite"]
    _check(path, card, model)
    _check_golden(path, crops, outputs)
    _check_cohort(path, cohort)
    return Bundle(card, model, crops, outputs, cohort.astype(np.float32))


def _check_golden(path: Path, crops: npt.NDArray[Any], outputs: npt.NDArray[Any]) -> None:
    found = (crops.dtype, *crops.shape), (outputs.dtype, *outputs.shape)
    count = crops.shape[0] if crops.ndim else 0
    if count == 0 or found != (
        (np.uint8, count, CROP_PX, CROP_PX, 3),
        (np.int8, count, EMBEDDING_DIM),
    ):
        raise ModelError(f"{path}: golden.npz: expected crops and their outputs, found {found}")


def _check_cohort(path: Path, cohort: npt.NDArray[Any]) -> None:
    if cohort.dtype != np.float16 or cohort.ndim != 2 or cohort.shape[1] != EMBEDDING_DIM:
        found = (cohort.dtype, *cohort.shape)
        raise ModelError(f"{path}: cohort.npy: expected float16 embeddings, found {found}")
    with np.errstate(all="ignore"):  # numbers of a damaged file may be of any size
        lengths = np.linalg.norm(cohort.astype(np.float32), axis=1)
    if not np.allclose(lengths, 1.0, atol=1e-2) or 0 < len(cohort) < COHORT_NEAREST:
        expected = f"none or at least {COHORT_NEAREST} embeddings of length 1"
        raise ModelError(f"{path}: cohort.npy: expected {expected}")


def _check(path: Path, card: ModelCard, model: bytes) -> None:
    digest = hashlib.sha256(model).hexdigest()
    if digest != card.sha256:
        raise ModelError(f"{path}: model.tflite has sha256 {digest}, card.json says {card.sha256}")
    if card.contract != fingerprint():
        raise ModelError(
            f"{path}: made for crop contract {card.contract}, this kiosk has {fingerprint()}; "
            "convert the model again with the kiosk's own version"
        )


def write_bundle(path: Path, bundle: Bundle) -> None:
    """Write a bundle atomically.

    Raises:
        ModelError: The folder cannot be written.
    """
    golden = io.BytesIO()
    np.savez_compressed(golden, crops=bundle.golden_crops, outputs=bundle.golden_outputs)
    cohort = io.BytesIO()
    np.save(cohort, bundle.cohort.astype(np.float16))
    card = msgspec.json.format(msgspec.json.encode(bundle.card), indent=1)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in (
            ("card.json", card),
            ("model.tflite", bundle.model),
            ("golden.npz", golden.getvalue()),
            ("cohort.npy", cohort.getvalue()),
        ):
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    try:
        with atomic_write(path) as partial:
            partial.write_bytes(packed.getvalue())
    except OSError as exc:
        raise ModelError(f"{path}: cannot be written ({exc.strerror})") from exc
