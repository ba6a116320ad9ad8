"""Give a run from SFace a short front, as a run of its own, to convert or to train further."""

import sys
from functools import partial
from pathlib import Path
from typing import Any, Final

import cv2
import keras
import numpy as np

from kiosk.errors import DatasetError
from kiosk.records import Floats, Image
from train.batches import Ints
from train.compiled import compiled
from train.dataset.crop_set import CropSet
from train.degrade import degrade
from train.embedder import build_form, load_embedder, save_embedder
from train.recipe import FitConfig, read_config, read_recipe, write_config
from train.run_folder import add_epoch
from train.sface.network import build_sface, read_network
from train.sface.short_front import blank_front, front_of, unexplained

_BATCH: Final = 8
"""Each picture has 784 places to learn from."""
_EPOCH: Final = 8_000
"""Pictures between two backups."""
_CLEAN: Final = 0.2
_TURNED: Final = 0.2
_RATE: Final = 8e-3
_WARMUP: Final = 200
_SPREAD_CROPS: Final = 64
_MEASURED: Final = 125
"""Batches of new pictures that the front is measured on at the end."""


def give_short_front(run: Path, crop_set: CropSet, out: Path, *, pictures: int, seed: int) -> float:
    """Train a short front, or go on where the command was interrupted.

    Args:
        run: A run folder that started from SFace.
        crop_set: Crops to learn from.
        out: The run folder to write.
        pictures: How many to learn from.
        seed: Of the weights, of the choice of crops, and of how they are made worse.

    Returns:
        The share of the variance of what the old front gives that the new one does not explain, on
        pictures that it did not learn from.

    Raises:
        DatasetError: The folder is no run from SFace, or has a short front already; the crop set
            has no training crops, or ``out`` holds another run.
    """
    before = read_config(run)
    if before.network != "sface":
        raise DatasetError(f"{run}: its network is not sface; only SFace can have a short front")
    if before.front == "short":
        raise DatasetError(f"{run}: it has a short front already")
    indices = crop_set.training_indices()
    old = build_sface(read_network(load_embedder(run)))
    config = FitConfig(network="sface", front="short", seed=seed)
    made = {"run": read_recipe(run), "pictures": pictures, "faces": len(indices)}
    write_config(out, config, short_front=made)
    cv2.setNumThreads(1)  # for pictures this small they cost time
    keras.utils.set_random_seed(seed)
    network = build_form(blank_front(read_network(old), seed), config)
    left = _learn(front_of(network), _Batches(crop_set, indices, old, pictures, seed), out)
    save_embedder(network, out)
    return left


def _learn(front: keras.Model, batches: "_Batches", out: Path) -> float:
    steps = batches.epochs * len(batches)
    schedule = keras.optimizers.schedules.CosineDecay(
        _RATE / 100, max(1, steps - _WARMUP), alpha=1e-3, warmup_target=_RATE,
        warmup_steps=_WARMUP,
    )  # fmt: skip
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=0.0, epsilon=1e-8)
    front.compile(optimizer, loss=unexplained(batches.spread()))
    front.fit(
        batches,
        epochs=batches.epochs,
        shuffle=False,
        callbacks=[
            # The history comes first: an epoch without a backup is repeated, as is its line.
            keras.callbacks.LambdaCallback(
                on_epoch_begin=batches.begin, on_epoch_end=partial(_write_epoch, out)
            ),
            keras.callbacks.BackupAndRestore(
                out / "backup", delete_checkpoint=False, double_checkpoint=True
            ),
        ],
        verbose=1 if sys.stdout.isatty() else 2,
    )
    # Measured apart: a command that is repeated after its end trains no epoch.
    batches.begin(batches.epochs)
    return float(front.evaluate(batches, steps=min(_MEASURED, len(batches)), verbose=0))


def _write_epoch(run: Path, epoch: int, logs: dict[str, float]) -> None:
    add_epoch(run, epoch, {"unexplained": float(logs["loss"])})


class _Batches(keras.utils.PyDataset):
    """Pictures, most of them made worse, and what the old front gives for them."""

    def __init__(
        self, crop_set: CropSet, indices: Ints, old: keras.Model, pictures: int, seed: int
    ) -> None:
        super().__init__()
        self._crop_set = crop_set
        self._indices = indices
        self._look = compiled(front_of(old), _BATCH)
        self._steps = max(1, min(pictures, _EPOCH) // _BATCH)
        self.epochs = max(1, round(pictures / _EPOCH))
        self._seed = seed
        self._epoch = 0

    def begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Begin an epoch, which has pictures of its own."""
        del logs
        self._epoch = epoch

    def spread(self) -> Floats:
        """Return the standard deviation of each channel of what the old front gives."""
        seen = self._look(self._pictures(np.random.default_rng(self._seed), _SPREAD_CROPS))
        return np.asarray(seen.std(axis=(0, 1, 2)))

    def __len__(self) -> int:
        """Return the number of batches per epoch."""
        return self._steps

    def __getitem__(self, number: int) -> tuple[Image, Floats]:
        """Return one batch of this epoch."""
        rng = np.random.default_rng((self._seed, self._epoch, number))
        pictures = self._pictures(rng, _BATCH)
        return pictures, self._look(pictures)

    def _pictures(self, rng: np.random.Generator, count: int) -> Image:
        return np.stack([
            self._picture(self._crop_set.crops[i], rng) for i in rng.choice(self._indices, count)
        ])  # fmt: skip

    def _picture(self, stored: Image, rng: np.random.Generator) -> Image:
        good, bad = degrade(stored, rng, turned=_TURNED)
        return good if rng.random() < _CLEAN else bad
