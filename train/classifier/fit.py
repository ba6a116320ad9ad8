"""Recipe ``report``: train the classifier that this project grew from, kept for comparison.

A student trained a plain CNN on 2,572 photos of 31 people: 224 by 224 pixels scaled to 0 to 1,
80/20, 30 epochs of batches of 32. The report describes Conv2D, MaxPooling2D, BatchNormalization
and Dropout, then Flatten and a softmax over the 31 names, but not how wide or how many; the widths
here are ours, chosen so that 30 epochs take about a quarter of an hour on two cores with
TensorFlow (with PyTorch or JAX six times that).

One thing is not repeated: photos of one group (a burst, a copy) are never divided between training
and held-out photos.
"""

import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import msgspec
import numpy as np
from keras import layers

from kiosk.errors import DatasetError
from kiosk.files.atomic_file import atomic_write
from kiosk.records import Floats, Image
from train.classifier.photos import LabelledPhotos
from train.classifier.run import (
    CURVES_FILE,
    MODEL_FILE,
    ClassifierConfig,
    Run,
    history_callback,
    load_run,
)
from train.dataset.near_duplicates import split_groups
from train.metrics import Bools
from train.plots import Prediction, save_curves
from train.run_folder import read_history, write_or_check_config
from train.training import BACKUP_FOLDER, Backup, restore


def build_classifier(classes: int, config: ClassifierConfig) -> keras.Model:
    """Build and compile the network.

    Returns:
        A model from ``(n, size, size, 3)`` uint8 RGB to ``(n, classes)`` softmax scores.
    """
    side = config.size_px
    # Scaling is part of the graph, so that no caller can forget it.
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
    """Train, resume an interrupted run, or load a finished run.

    Args:
        folder: The run folder; it is created if absent. It gets ``config.json``, ``history.csv``
            and a backup with each epoch, at the end ``curves.png`` and ``model.keras``.
        labelled: All photos; a share of them is held out.
        config: The hyperparameters; ``None`` takes the report's.
        progress: Show Keras's progress bar.

    Raises:
        DatasetError: The photos have another size, no photo would be held out or none trained on,
            or the folder holds a run of other photos or another configuration.
    """
    config = config or ClassifierConfig()
    _check_images(labelled.images, config)
    shares = (1 - config.held_out, config.held_out)
    held_out = split_groups(labelled.groups, labelled.labels, shares, config.seed) == 1
    if held_out.all() or not held_out.any():
        raise DatasetError("groups: the training or the held-out part is empty; use smaller groups")
    write_or_check_config(folder, _facts(labelled, held_out, config))
    if not (folder / MODEL_FILE).exists():
        _train(folder, labelled, held_out, config, progress=progress)
    return load_run(folder)


def score(run: Run, images: Image) -> Floats:
    """Compute the score of every person for each photo.

    Args:
        run: A finished run.
        images: ``(n, size, size, 3)`` uint8 RGB.

    Returns:
        ``(n, names)`` float32, softmax.

    Raises:
        DatasetError: The photos have another shape or type.
    """
    _check_images(images, run.config)
    if len(images) == 0:
        return np.empty((0, len(run.names)), dtype=np.float32)
    found = run.model.predict(images, batch_size=run.config.batch, verbose=0)
    return np.asarray(found, dtype=np.float32)


def predict(run: Run, images: Image, actual: Sequence[str] | None = None) -> list[Prediction]:
    """Name the person on each photo as the report did: every photo gets a name.

    Args:
        run: A finished run.
        images: ``(n, size, size, 3)`` uint8 RGB.
        actual: The person on each, if known.

    Raises:
        DatasetError: The photos have another shape or type.
    """
    known = [""] * len(images) if actual is None else actual
    return [
        Prediction(name, run.names[int(row.argmax())], float(row.max()))
        for name, row in zip(known, score(run, images), strict=True)
    ]


def _check_images(images: Image, config: ClassifierConfig) -> None:
    side = config.size_px
    if images.shape[1:] != (side, side, 3) or images.dtype != np.uint8:
        raise DatasetError(
            f"images: expected (n, {side}, {side}, 3) uint8, got {images.shape} {images.dtype}"
        )


def _facts(labelled: LabelledPhotos, held_out: Bools, config: ClassifierConfig) -> dict[str, Any]:
    """Return all that a run depends on; an interrupted run is resumed only with the same facts."""
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
    # The finished epochs count too, or a resumed run would repeat the order of its first epochs.
    keras.utils.set_random_seed(config.seed + len(history))
    model = build_classifier(len(labelled.names), config)
    steps = math.ceil(np.count_nonzero(~held_out) / config.batch)
    model.fit(
        labelled.images[~held_out],
        labelled.labels[~held_out],
        validation_data=(labelled.images[held_out], labelled.labels[held_out]),
        initial_epoch=restore(model, folder, steps),
        epochs=config.epochs,
        batch_size=config.batch,
        # The row first: if the power fails between the two, epoch and row are repeated.
        callbacks=[history_callback(folder, history), Backup(folder)],
        verbose=1 if progress else 0,
    )
    save_curves(history, folder / CURVES_FILE)
    with atomic_write(folder / MODEL_FILE) as partial:
        model.save(partial)
    shutil.rmtree(folder / BACKUP_FOLDER)  # not before the model is stored
