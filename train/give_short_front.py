"""Give SFace a short front, as a run of its own, to convert or to train further."""

import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import cv2
import keras
import numpy as np

from kiosk.errors import DatasetError
from kiosk.recognition.bundle import BUNDLE_ENDING
from kiosk.records import Floats
from train.batch_queue import BatchQueue
from train.dataset.crop_set import CropSet
from train.embedder import build_form, load_embedder, save_embedder
from train.features import distance_itself
from train.front_pictures import FrontPictures
from train.recipe import FitConfig, read_config, read_recipe, write_config
from train.run_folder import add_epoch
from train.sface.int8_weights import read_bundle_weights
from train.sface.network import build_sface, read_network
from train.sface.short_front import blank_front, compare_fronts, front_of
from train.sface.weights import Sface
from train.training import train_batches, warm_cosine

_BATCH: Final = 8
"""Each picture has 784 places to learn from."""
_EPOCH: Final = 8_000
"""Pictures between two backups, at most."""
_RATE: Final = 8e-3
_WARMUP: Final = 200
_SPREAD_CROPS: Final = 64
_MEASURED: Final = 125
"""Batches of new pictures that the front is measured on at the end."""


def give_short_front(
    before: Path, crop_set: CropSet, out: Path, *, pictures: int, seed: int, workers: int = 1
) -> float:
    """Train a short front, or go on where the command was interrupted.

    Args:
        before: A run folder that started from SFace; or a bundle of SFace, whose weights are read
            back from int8.
        crop_set: Crops to learn from.
        out: The run folder to write.
        pictures: How many to learn from; :func:`pictures_seen` rounds up to whole batches.
        seed: Of the weights, of the choice of crops, and of how they are made worse.
        workers: How many processes make the pictures; with any number the weights are the same.

    Returns:
        The share of the variance of what the old front gives that the new one does not explain, on
        pictures that it did not learn from.

    Raises:
        DatasetError: The folder is no run from SFace, or has a short front already; the crop set
            has no training crops, or ``out`` holds another run; or a process that makes pictures
            was ended by the system.
        ModelError: The bundle cannot be read, or is not SFace with its own front.
    """
    indices = crop_set.training_indices()
    sface, recipe = _read(before)
    config = FitConfig(network="sface", front="short", seed=seed)
    made = {"run": recipe, "pictures": pictures, "faces": len(indices)}
    write_config(out, config, photos=crop_set.digest(), short_front=made)
    cv2.setNumThreads(1)  # for pictures this small they cost time
    keras.utils.set_random_seed(seed)
    network = build_form(blank_front(sface, seed), config)
    maker = FrontPictures(crop_set, indices, _BATCH, seed)
    left = _learn(network, front_of(build_sface(sface)), maker, out, pictures, workers)
    save_embedder(network, out)
    return left


def pictures_seen(pictures: int) -> int:
    """Return how many pictures a front learns from: those asked for, or a few more."""
    epochs, steps = _divide(pictures)
    return epochs * steps * _BATCH


def _divide(pictures: int) -> tuple[int, int]:
    """Return how many epochs, and how many batches in each, have this many pictures or more."""
    epochs = math.ceil(pictures / _EPOCH)
    return epochs, math.ceil(pictures / epochs / _BATCH)


def _read(before: Path) -> tuple[Sface, Any]:
    """Return the weights of a run or a bundle, and how they were made."""
    if before.name.endswith(BUNDLE_ENDING):
        return read_bundle_weights(before)
    config = read_config(before)
    if config.network != "sface":
        raise DatasetError(f"{before}: its network is not sface; only SFace can have a short front")
    if config.front == "short":
        raise DatasetError(f"{before}: it has a short front already")
    return read_network(load_embedder(before)), read_recipe(before)


def _learn(
    network: keras.Model,
    old: keras.Model,
    maker: FrontPictures,
    out: Path,
    pictures: int,
    workers: int,
) -> float:
    epochs, steps = _divide(pictures)
    learner = compare_fronts(front_of(network), old, _spread(old, maker))
    schedule = warm_cosine(_RATE, _WARMUP, steps * epochs)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=0.0, epsilon=1e-8)
    learner.compile(optimizer, loss={"unexplained": distance_itself})
    with BatchQueue(maker, steps, workers) as batches:
        train_batches(learner, batches, epochs, out, partial(_write_epoch, out))
        # Measured apart: a command that is repeated after its end trains no epoch.
        batches.epoch = epochs
        return float(learner.evaluate(batches, steps=min(_MEASURED, steps), verbose=0))


def _spread(old: keras.Model, maker: FrontPictures) -> Floats:
    """Return the standard deviation of each channel of what the old front gives."""
    pictures = maker.draw(np.random.default_rng(maker.seed), _SPREAD_CROPS)
    maps = old.predict(pictures, batch_size=_BATCH, verbose=0)  # one call takes four times as long
    return np.asarray(maps.std(axis=(0, 1, 2)))


def _write_epoch(run: Path, epoch: int, logs: Mapping[str, float]) -> None:
    add_epoch(run, epoch, {"unexplained": float(logs["loss"])})
