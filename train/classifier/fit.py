"""Recipe ``report``: the classifier that this project grew from, kept as the baseline.

A student trained a plain CNN on 2,572 photos of 31 people: 224 by 224 pixels scaled to 0 to 1,
80/20, 30 epochs of batches of 32. Its report describes Conv2D, MaxPooling2D, BatchNormalization
and Dropout, then Flatten and a softmax over the 31 names, but not how wide or how many; the widths
here are ours, chosen so that 30 epochs take about a quarter of an hour on two cores with
TensorFlow (with PyTorch or JAX six times that).

One thing is not repeated: photos of one group (a burst, a copy) never stand on both sides.
"""

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import msgspec
import numpy as np
from keras import layers

from kiosk.atomic_file import atomic_write
from kiosk.errors import DatasetError
from kiosk.records import Floats, Image
from train.classifier.run import (
    BACKUP_FOLDER,
    CURVES_FILE,
    MODEL_FILE,
    ClassifierConfig,
    Run,
    load_run,
    read_history,
    recorder,
    settle,
)
from train.dataset.near_duplicates import split_groups
from train.evaluation.metrics import Bools, Ints
from train.plots import Prediction, save_curves

__all__ = [
    "ClassifierConfig",
    "LabelledPhotos",
    "Prediction",
    "Run",
    "build_classifier",
    "fit_classifier",
    "load_run",
    "predict",
    "score",
]


@dataclass(frozen=True, slots=True, eq=False)
class LabelledPhotos:
    """Photos of the people to be told apart.

    Attributes:
        images: ``(n, size, size, 3)`` uint8 RGB.
        labels: ``(n,)`` int64, who is on each: an index into ``names``.
        names: The people, two or more, each on some photo.
        groups: ``(n,)`` int64, photos of one group stay on one side of the split
            (:func:`train.dataset.near_duplicates.groups`).

    Raises:
        DatasetError: They do not fit together.
    """

    images: Image
    labels: Ints
    names: tuple[str, ...]
    groups: Ints

    def __post_init__(self) -> None:
        """Check that the parts fit together."""
        for part in ("labels", "groups"):
            shape = getattr(self, part).shape
            if shape != (len(self.images),):
                raise DatasetError(f"{part}: expected ({len(self.images)},), got {shape}")
        people = len(self.names)
        if people < 2 or set(self.labels.tolist()) != set(range(people)):
            raise DatasetError(f"labels: expected each of 0 to {people - 1}, at least two people")

    def fingerprint(self) -> str:
        """Identify the photos and their labels: SHA-256, hexadecimal."""
        digest = hashlib.sha256(self.labels.tobytes())
        for photo in self.images:
            digest.update(np.ascontiguousarray(photo).data)
        return digest.hexdigest()


def build_classifier(classes: int, config: ClassifierConfig) -> keras.Model:
    """Build and compile the network.

    Returns:
        A model from ``(n, size, size, 3)`` uint8 RGB to ``(n, classes)`` softmax scores.
    """
    side = config.size_px
    # Scaling stands inside the graph, so that no caller can forget it.
    parts = [keras.Input((side, side, 3), dtype="uint8", name="photo"), layers.Rescaling(1 / 255)]
    for width in config.widths:
        parts += [
            layers.Conv2D(width, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.BatchNormalization(),
            layers.Dropout(config.dropout),
        ]
    parts += [layers.Flatten(), layers.Dense(classes, activation="softmax")]
    model = keras.Sequential(parts, name="report")
    model.compile(
        optimizer=keras.optimizers.Adam(config.learning_rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def fit_classifier(
    folder: Path,
    labelled: LabelledPhotos,
    config: ClassifierConfig | None = None,
    *,
    progress: bool = True,
) -> Run:
    """Train, take up a run that was interrupted, or give back one that is finished.

    Args:
        folder: The run folder; it is made if need be. It gets ``config.json``, ``history.csv``
            and a backup with each epoch, at the end ``curves.png`` and ``model.keras``.
        labelled: All photos; a share of them is held out.
        config: The recipe; ``None`` takes the report's.
        progress: Show Keras's progress bar.

    Raises:
        DatasetError: The photos have another size, a side of the split would be empty, or the
            folder holds a run of other photos or another recipe.
    """
    config = config or ClassifierConfig()
    _check_photos(labelled.images, config)
    shares = (1 - config.held_out, config.held_out)
    held_out = split_groups(labelled.groups, labelled.labels, shares, config.seed) == 1
    if held_out.all() or not held_out.any():
        raise DatasetError("groups: one side of the split is empty; expected smaller groups")
    settle(folder, _facts(labelled, held_out, config))
    if not (folder / MODEL_FILE).exists():
        _train(folder, labelled, held_out, config, progress=progress)
    return load_run(folder)


def score(run: Run, photos: Image) -> Floats:
    """Give every person's score for each photo.

    Args:
        run: A finished run.
        photos: ``(n, size, size, 3)`` uint8 RGB.

    Returns:
        ``(n, names)`` float32, softmax.

    Raises:
        DatasetError: The photos have another shape or type.
    """
    _check_photos(photos, run.config)
    if len(photos) == 0:
        return np.empty((0, len(run.names)), dtype=np.float32)
    found = run.model.predict(photos, batch_size=run.config.batch, verbose=0)
    return np.asarray(found, dtype=np.float32)


def predict(run: Run, photos: Image, actual: Sequence[str] | None = None) -> list[Prediction]:
    """Name the person on each photo as the report did: somebody always is named.

    Args:
        run: A finished run.
        photos: ``(n, size, size, 3)`` uint8 RGB.
        actual: Who is on each, where known.

    Raises:
        DatasetError: The photos have another shape or type.
    """
    known = [""] * len(photos) if actual is None else actual
    return [
        Prediction(name, run.names[int(row.argmax())], float(row.max()))
        for name, row in zip(known, score(run, photos), strict=True)
    ]


def _check_photos(photos: Image, config: ClassifierConfig) -> None:
    side = config.size_px
    if photos.shape[1:] != (side, side, 3) or photos.dtype != np.uint8:
        raise DatasetError(
            f"photos: expected (n, {side}, {side}, 3) uint8, got {photos.shape} {photos.dtype}"
        )


def _facts(labelled: LabelledPhotos, held_out: Bools, config: ClassifierConfig) -> dict[str, Any]:
    """Say all that makes a run what it is; an interrupted run is taken up under the same alone."""
    return {
        "recipe": "report",
        "backend": keras.backend.backend(),
        "config": msgspec.to_builtins(config),
        "names": labelled.names,
        "photos": len(labelled.images),
        "photos_sha256": labelled.fingerprint(),
        "held_out": np.flatnonzero(held_out).tolist(),
    }


def _train(
    folder: Path,
    labelled: LabelledPhotos,
    held_out: Bools,
    config: ClassifierConfig,
    *,
    progress: bool,
) -> None:
    history = read_history(folder)
    # The epochs done count too, or a run taken up would repeat the order of its first epochs.
    keras.utils.set_random_seed(config.seed + len(history))
    model = build_classifier(len(labelled.names), config)
    backup = keras.callbacks.BackupAndRestore(
        folder / BACKUP_FOLDER, double_checkpoint=True, delete_checkpoint=False
    )
    model.fit(
        labelled.images[~held_out],
        labelled.labels[~held_out],
        validation_data=(labelled.images[held_out], labelled.labels[held_out]),
        epochs=config.epochs,
        batch_size=config.batch,
        # The row first: if the power fails between the two, the epoch and its row are made anew.
        callbacks=[recorder(folder, history), backup],
        verbose=1 if progress else 0,
    )
    save_curves(history, folder / CURVES_FILE)
    with atomic_write(folder / MODEL_FILE) as partial:
        model.save(partial)
    shutil.rmtree(folder / BACKUP_FOLDER)  # not before the model is safe
