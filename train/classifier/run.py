"""The run folder of recipe ``report``: its files, and how a finished run is loaded."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import keras
import msgspec
import numpy as np

from kiosk.errors import ConfigError, DatasetError, reason_of
from kiosk.files.bounded_file import read_file
from train.metrics import Bools
from train.run_folder import CONFIG_BYTES_MAX, CONFIG_FILE, read_history, write_history

MODEL_FILE: Final = "model.keras"
CURVES_FILE: Final = "curves.png"


@dataclass(frozen=True, slots=True)
class ClassifierConfig:
    """The hyperparameters of one run.

    Attributes:
        size_px: Side of a photo.
        epochs: Epochs; the training does not stop early, because the report's did not.
        batch: Photos per batch.
        learning_rate: Of Adam; Keras's default, as the report states none.
        widths: Filters of each convolution; each is followed by a pooling that halves the picture.
        dropout: Share of activations dropped after each.
        held_out: Share of the photos that is held out.
        seed: Of the split and of everything random in the training.

    Raises:
        ConfigError: A value is out of range.
    """

    size_px: int = 224
    epochs: int = 30
    batch: int = 32
    learning_rate: float = 1e-3
    widths: tuple[int, ...] = (16, 32, 64)
    dropout: float = 0.25
    held_out: float = 0.2
    seed: int = 2026

    def __post_init__(self) -> None:
        """Check every value."""
        # Each convolution takes two pixels and each pooling halves; one must be left at the end.
        least_px = 3 * 2 ** len(self.widths) - 2
        problems = {
            "size_px": (f"at least {least_px} for these widths", self.size_px < least_px),
            "epochs": ("at least 1", self.epochs < 1),
            "batch": ("at least 1", self.batch < 1),
            "learning_rate": ("above 0", self.learning_rate <= 0),
            "widths": ("one or more, each at least 1", min(self.widths, default=0) < 1),
            "dropout": ("0 or more and below 1", not 0 <= self.dropout < 1),
            "held_out": ("above 0 and below 1", not 0 < self.held_out < 1),
        }
        for name, (expected, bad) in problems.items():
            if bad:
                raise ConfigError(f"{name}: expected {expected}, got {getattr(self, name)}")


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A finished run.

    Attributes:
        folder: Where it is stored.
        config: Its hyperparameters.
        names: The people, in the order of the softmax.
        held_out: ``(n,)`` whether each photo was held out.
        history: One row per epoch: ``epoch`` from 1, ``seconds``, loss and accuracy on training
            and on held-out photos.
        backend: The library that Keras trained with; ``seconds`` depend on it.
        model: From ``(n, size, size, 3)`` uint8 RGB to ``(n, names)`` softmax.
    """

    folder: Path
    config: ClassifierConfig
    names: tuple[str, ...]
    held_out: Bools
    history: tuple[Mapping[str, float], ...]
    backend: str
    model: keras.Model

    @property
    def training_s(self) -> float:
        """Duration of all epochs, validation on held-out photos included, seconds."""
        return sum(row["seconds"] for row in self.history)


def load_run(folder: Path) -> Run:
    """Load a finished run.

    Raises:
        DatasetError: The folder is no finished run of this recipe.
    """
    try:
        facts = json.loads(read_file(folder / CONFIG_FILE, CONFIG_BYTES_MAX))
        held_out = np.zeros(facts["photos"], dtype=np.bool_)
        held_out[facts["held_out"]] = True
        return Run(
            folder=folder,
            config=msgspec.convert(facts["config"], ClassifierConfig),
            names=tuple(facts["names"]),
            held_out=held_out,
            history=tuple(read_history(folder)),
            backend=facts["backend"],
            model=keras.saving.load_model(folder / MODEL_FILE),
        )
    except (OSError, ValueError, KeyError, TypeError, IndexError) as exc:
        raise DatasetError(
            f"{folder}: no finished run of recipe `report` ({reason_of(exc)})"
        ) from exc


def history_callback(folder: Path, history: list[dict[str, float]]) -> keras.callbacks.Callback:
    """Build the Keras callback that adds each epoch to the history, in memory and on disk."""
    began_s = [0.0]

    def begin(epoch: int, logs: Mapping[str, float] | None) -> None:
        del epoch, logs
        began_s[0] = time.perf_counter()

    def end(epoch: int, logs: Mapping[str, float] | None) -> None:
        row = {"epoch": epoch + 1.0, "seconds": time.perf_counter() - began_s[0]}
        row |= {name: float(value) for name, value in (logs or {}).items()}
        history[epoch:] = [row]  # a repeated epoch replaces its first row
        write_history(folder, history)

    return keras.callbacks.LambdaCallback(on_epoch_begin=begin, on_epoch_end=end)
