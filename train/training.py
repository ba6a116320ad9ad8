"""What all trainings do alike: learning rate, batches, backup."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import keras

from kiosk.errors import DatasetError, reason_of
from train.batch_queue import BatchQueue
from train.weights_file import save_weights

BACKUP_FOLDER: Final = "backup"


class Backup(keras.callbacks.Callback):
    """After each epoch, store all that the training needs to go on.

    Keras's own callback does not survive a full disk, nor a power cut between its two files.

    Args:
        run: The run folder.
    """

    def __init__(self, run: Path) -> None:
        super().__init__()
        self._path = _backup_file(run)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Store the weights of model and optimiser."""
        del epoch, logs
        self._path.parent.mkdir(exist_ok=True)
        save_weights(self.model, self._path)


def restore(model: keras.Model, run: Path, steps: int) -> int:
    """Load the backup of an interrupted training, if there is one.

    Args:
        model: The compiled model.
        run: The run folder.
        steps: Of an epoch.

    Returns:
        How many epochs it was trained for.

    Raises:
        DatasetError: The backup cannot be read.
    """
    path = _backup_file(run)
    if not path.exists():
        return 0
    model.optimizer.build(model.trainable_variables)
    try:
        model.load_weights(path)
    except (OSError, ValueError, KeyError) as exc:
        message = f"{path}: cannot be read ({reason_of(exc)}); delete it, and the run begins again"
        raise DatasetError(message) from exc
    # Rounded: in half precision the optimiser leaves out steps with an infinite gradient.
    return round(int(model.optimizer.iterations) / steps)


def _backup_file(run: Path) -> Path:
    return run / BACKUP_FOLDER / "latest.weights.h5"


def train_batches(
    model: keras.Model,
    batches: BatchQueue,
    epochs: int,
    run: Path,
    end_epoch: Callable[[int, Mapping[str, float]], None],
) -> None:
    """Train on the batches of a queue, or go on with an interrupted training.

    Args:
        model: The compiled model.
        batches: Set to each epoch.
        epochs: How many in all.
        run: The run folder, which gets a backup after each epoch.
        end_epoch: Takes number and losses of each epoch, before its backup is written: an epoch
            without a backup is repeated.

    Raises:
        DatasetError: The backup cannot be read.
        OSError: A file of the run folder cannot be written.
    """

    def begin_epoch(epoch: int, logs: Mapping[str, float] | None = None) -> None:
        del logs
        batches.epoch = epoch

    model.fit(
        batches,
        initial_epoch=restore(model, run, len(batches)),
        epochs=epochs,
        # Batches are random already, and a backup does not store the state of a shuffle.
        shuffle=False,
        callbacks=[
            keras.callbacks.LambdaCallback(on_epoch_begin=begin_epoch, on_epoch_end=end_epoch),
            Backup(run),
        ],
        # A progress bar on a terminal, one line per epoch in a log.
        verbose=1 if sys.stdout.isatty() else 2,
    )


def warm_cosine(
    rate: float, warmup: int, steps: int
) -> keras.optimizers.schedules.LearningRateSchedule:
    """Return a learning rate that rises over ``warmup`` of all ``steps``, and falls as a cosine."""
    return keras.optimizers.schedules.CosineDecay(
        rate / 100, max(1, steps - warmup), alpha=1e-3, warmup_target=rate, warmup_steps=warmup
    )
