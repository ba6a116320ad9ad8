"""What a run leaves to look at: training curves and the picture grid, as CSV and PNG.

matplotlib draws without a display (Agg) and is imported inside the functions, so that whatever
only reads numbers never loads it.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kiosk.atomic_file import atomic_write
from kiosk.errors import MissingExtraError
from kiosk.records import Image

_HELD_OUT: Final = "val_"
"""Keras's prefix of a figure that was measured on held-out photos."""
_PANEL_IN: Final = (5.0, 3.6)
_CELL_IN: Final = (2.2, 2.6)


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a classifier said of one photo.

    Attributes:
        actual: Who is on it; the empty string where that is not known.
        predicted: The name with the highest score; there always is one.
        score: The softmax of that name, 0 to 1.
    """

    actual: str
    predicted: str
    score: float


def save_rows(rows: Sequence[Mapping[str, float]], path: Path) -> None:
    """Write one CSV line a row, under the keys of the first row; floats are kept exactly."""
    with atomic_write(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else [])
        writer.writeheader()
        writer.writerows(rows)


def save_curves(history: Sequence[Mapping[str, float]], path: Path) -> None:
    """Draw how a training went, one panel a figure, training and held-out photos in each.

    Args:
        history: A row an epoch: ``epoch``, any figures, and ``val_`` figures on held-out photos.
        path: The PNG file.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    names = [
        name
        for name in (history[0] if history else {})
        if name not in {"epoch", "seconds"} and not name.startswith(_HELD_OUT)
    ]
    count = max(1, len(names))
    figure = _figure(_PANEL_IN[0] * count, _PANEL_IN[1])
    panels = figure.subplots(1, count, squeeze=False)[0]
    for panel, name in zip(panels, names, strict=False):
        for key, label in ((name, "training"), (_HELD_OUT + name, "held out")):
            if key in history[0]:
                panel.plot([row["epoch"] for row in history], [row[key] for row in history])
                panel.lines[-1].set_label(label)
        panel.set(xlabel="epoch", title=name)
        panel.legend()
    _save(figure, path)


def save_grid(
    photos: Image, predictions: Sequence[Prediction], path: Path, *, columns: int = 5
) -> None:
    """Draw photos with "Actual" and "Predicted" above each, wrong names in red.

    Args:
        photos: ``(n, height, width, 3)`` uint8 RGB.
        predictions: One for each photo.
        path: The PNG file.
        columns: Photos in a row.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    rows = max(1, -(-len(predictions) // columns))
    figure = _figure(_CELL_IN[0] * columns, _CELL_IN[1] * rows)
    cells = figure.subplots(rows, columns, squeeze=False).ravel()
    for cell in cells:
        cell.axis("off")
    for cell, photo, prediction in zip(cells, photos, predictions, strict=False):
        cell.imshow(photo)
        # Names are data: a dollar sign in one is not the start of a formula.
        cell.set_title(
            _caption(prediction), color=_colour(prediction), fontsize=8, parse_math=False
        )
    _save(figure, path)


def _caption(prediction: Prediction) -> str:
    return (
        f"Actual: {prediction.actual or 'not known'}\n"
        f"Predicted: {prediction.predicted} ({prediction.score:.0%})"
    )


def _colour(prediction: Prediction) -> str:
    wrong = bool(prediction.actual) and prediction.actual != prediction.predicted
    return "tab:red" if wrong else "black"


def _figure(width_in: float, height_in: float) -> Any:  # noqa: ANN401 - matplotlib has no types here
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415 - see the module
        from matplotlib.figure import Figure  # noqa: PLC0415 - see the module
    except ImportError as exc:
        message = "matplotlib is needed to draw; install attendance-kiosk[train]"
        raise MissingExtraError(message) from exc
    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _save(figure: Any, path: Path) -> None:  # noqa: ANN401 - as above
    with atomic_write(path) as partial:
        figure.savefig(partial, format="png", dpi=100)
