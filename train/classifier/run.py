"""The run folder of recipe ``report``: what is in it, and how an interrupted run is taken up."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import keras
import msgspec
import numpy as np

from kiosk.atomic_file import atomic_write
from kiosk.errors import ConfigError, DatasetError
from train.evaluation.metrics import Bools
from train.plots import save_rows
from train.tables import read_rows

CONFIG_FILE: Final = "config.json"
MODEL_FILE: Final = "model.keras"
HISTORY_FILE: Final = "history.csv"
CURVES_FILE: Final = "curves.png"
BACKUP_FOLDER: Final = "backup"


@dataclass(frozen=True, slots=True)
class ClassifierConfig:
    """One run of the recipe.

    Attributes:
        size_px: Split of a photo.
        epochs: Epochs; the training does not stop early, because the report's did not.
        batch: Photos in a batch.
        learning_rate: Of Adam; Keras's default, as the report names none.
        widths: Filters of each convolution; each is followed by a pooling that halves the picture.
        dropout: Share dropped after each.
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
        """Check every value once."""
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
        config: How it was made.
        names: The people, in the order of the softmax.
        held_out: ``(n,)`` whether each photo was held out.
        history: A row an epoch: ``epoch`` from 1, ``seconds``, loss and accuracy of both sides.
        backend: Which library Keras trained with; ``seconds`` depend on it.
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
        """How long the epochs took in all, the check on held-out photos included, seconds."""
        return sum(row["seconds"] for row in self.history)


def load_run(folder: Path) -> Run:
    """Open a finished run.

    Raises:
        DatasetError: The folder is no finished run of this recipe.
    """
    try:
        facts = json.loads((folder / CONFIG_FILE).read_bytes())
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
        raise DatasetError(f"{folder}: no finished run of recipe `report` ({exc})") from exc


def settle(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write down what a new run is, or hold an old one against what is asked for.

    Raises:
        DatasetError: The folder holds another run.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / CONFIG_FILE
    text = json.dumps(facts, indent=1) + "\n"
    if not path.exists():
        with atomic_write(path) as partial:
            partial.write_text(text, encoding="utf-8")
    elif path.read_text(encoding="utf-8") != text:
        raise DatasetError(
            f"{path}: another run (options, photos or Keras backend differ); "
            "choose a new folder or repeat the run as it was"
        )


def recorder(folder: Path, history: list[dict[str, float]]) -> keras.callbacks.Callback:
    """Make the callback that adds each epoch to the history, in memory and on disk."""
    began_s = [0.0]

    def begin(epoch: int, logs: Mapping[str, float] | None) -> None:
        del epoch, logs
        began_s[0] = time.perf_counter()

    def end(epoch: int, logs: Mapping[str, float] | None) -> None:
        row = {"epoch": epoch + 1.0, "seconds": time.perf_counter() - began_s[0]}
        row |= {name: float(value) for name, value in (logs or {}).items()}
        history[epoch:] = [row]  # an epoch made anew replaces its first row
        save_rows(history, folder / HISTORY_FILE)

    return keras.callbacks.LambdaCallback(on_epoch_begin=begin, on_epoch_end=end)


def read_history(folder: Path) -> list[dict[str, float]]:
    """Read the epochs that a run has made so far."""
    path = folder / HISTORY_FILE
    return read_rows(path) if path.exists() else []
