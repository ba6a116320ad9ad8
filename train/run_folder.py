"""A run folder: the configuration of the run, and a history with one line per epoch."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from kiosk.errors import DatasetError
from kiosk.files.atomic_file import atomic_write
from kiosk.files.bounded_file import read_file
from train.places import make_folder
from train.tables import read_rows, write_rows

CONFIG_FILE: Final = "config.json"
CONFIG_BYTES_MAX: Final = 16_000_000
HISTORY_FILE: Final = "history.csv"


def write_or_check_config(folder: Path, facts: Mapping[str, object]) -> None:
    """Write the configuration into a new run folder, or compare it with that of an old folder.

    Args:
        folder: The run folder; it is created if absent.
        facts: All that a run depends on, as JSON values.

    Raises:
        DatasetError: The folder holds another run.
    """
    try:
        make_folder(folder)
    except OSError as exc:
        raise DatasetError(f"{folder}: cannot be made ({exc.strerror})") from exc
    path = folder / CONFIG_FILE
    text = json.dumps(facts, indent=1) + "\n"
    if not path.exists():
        with atomic_write(path) as partial:
            partial.write_text(text, encoding="utf-8")
        return
    try:
        kept = read_file(path, CONFIG_BYTES_MAX)
    except OSError as exc:
        raise DatasetError(f"{path}: cannot be read ({exc.strerror})") from exc
    if kept != text.encode():
        raise DatasetError(
            f"{path}: another run (options, photos or Keras backend differ); "
            "choose a new run folder or the same options"
        )


def read_history(folder: Path) -> list[dict[str, float]]:
    """Read the epochs that a run has finished so far.

    Raises:
        DatasetError: The file is malformed.
    """
    path = folder / HISTORY_FILE
    return read_rows(path) if path.exists() else []


def write_history(folder: Path, history: Sequence[Mapping[str, float]]) -> None:
    """Write the history atomically, one line per epoch."""
    write_rows(folder / HISTORY_FILE, history)


def add_epoch(folder: Path, epoch: int, figures: Mapping[str, float]) -> None:
    """Add an epoch to the history; a repeated epoch takes the place of its first line.

    Raises:
        DatasetError: The file is malformed.
    """
    before = [row for row in read_history(folder) if row["epoch"] < epoch]
    write_history(folder, [*before, {"epoch": float(epoch), **figures}])
