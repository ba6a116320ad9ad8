"""Draw the training curves and the picture grid of a run, as PNG files.

matplotlib draws without a display (Agg) and is imported inside the functions, so that code which
only reads numbers never loads it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kiosk.errors import MissingExtraError
from kiosk.files.atomic_file import atomic_write
from kiosk.records import Image

_HELD_OUT: Final = "val_"
"""Keras's prefix of a figure measured on held-out photos."""
_PANEL_IN: Final = (5.0, 3.6)
_CELL_IN: Final = (2.2, 2.6)


@dataclass(frozen=True, slots=True)
class Prediction:
    """The classifier's answer for one photo.

    Attributes:
        actual: The person on it; empty if not known.
        predicted: The name with the highest score.
        score: The softmax of that name, 0 to 1.
    """

    actual: str
    predicted: str
    score: float


def save_curves(history: Sequence[Mapping[str, float]], path: Path) -> None:
    """Draw the training curves, one panel per figure, with training and held-out photos in each.

    Args:
        history: One row per epoch: ``epoch``, any figures, and ``val_`` figures on held-out photos.
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
    """Draw photos with "Actual" and "Predicted" above each; wrong names are red.

    Args:
        photos: ``(n, height, width, 3)`` uint8 RGB.
        predictions: One for each photo.
        path: The PNG file.
        columns: Photos per row.

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
        # Names are data: a dollar sign in a name does not start a formula.
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
