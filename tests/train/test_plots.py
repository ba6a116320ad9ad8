"""Training curves and the picture grid."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from train.plots import Prediction, save_curves, save_grid

HISTORY = [
    {"epoch": 1.0, "seconds": 2.5, "accuracy": 0.1, "loss": 3.4, "val_accuracy": 1 / 3},
    {"epoch": 2.0, "seconds": 2.5, "accuracy": 0.6, "loss": 1.9, "val_accuracy": 0.04},
]


def look(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    image = cv2.imread(str(path))
    assert image is not None, f"{path} is no picture"
    return np.asarray(image, np.uint8)


def test_curves_show_training_and_held_out_figures(tmp_path: Path) -> None:
    """Held-out figures are drawn beside training figures: without them the picture differs."""
    save_curves(HISTORY, tmp_path / "both.png")
    alone = [{k: v for k, v in row.items() if not k.startswith("val_")} for row in HISTORY]
    save_curves(alone, tmp_path / "alone.png")
    both, one = look(tmp_path / "both.png"), look(tmp_path / "alone.png")
    assert both.shape == one.shape
    assert not np.array_equal(both, one)


@pytest.mark.parametrize("history", [[], HISTORY[:1]])
def test_short_histories_are_drawn_too(tmp_path: Path, history: list[dict[str, float]]) -> None:
    """A run of one epoch, or of none, has a picture too."""
    save_curves(history, tmp_path / "curves.png")
    assert look(tmp_path / "curves.png").size


def red_pixels(path: Path) -> int:
    blue, green, red = (look(path)[:, :, channel].astype(int) for channel in range(3))
    return int(np.sum((red > green + 60) & (red > blue + 60)))


@pytest.mark.parametrize(
    ("actual", "wrong"), [("Ada", False), ("Bo", True), ("", False)], ids=["right", "wrong", "?"]
)
def test_wrong_names_are_red(tmp_path: Path, actual: str, wrong: bool) -> None:  # noqa: FBT001 - a table
    """A caption is red if the name is wrong, and black if the actual name is not known."""
    grey = np.full((1, 32, 32, 3), 128, np.uint8)
    save_grid(grey, [Prediction(actual, "Ada", 0.5)], tmp_path / "grid.png")
    assert (red_pixels(tmp_path / "grid.png") > 0) is wrong


def test_photos_keep_their_colours(tmp_path: Path) -> None:
    """The grid takes RGB: a red photo is drawn red."""
    photo = np.zeros((1, 32, 32, 3), np.uint8)
    photo[..., 0] = 255
    save_grid(photo, [Prediction("Ada", "Ada", 1.0)], tmp_path / "grid.png", columns=1)
    assert red_pixels(tmp_path / "grid.png") > 1000


def test_the_grid_has_a_row_for_every_five(tmp_path: Path) -> None:
    """Six photos take two rows, which are twice as high as one."""
    photos = np.zeros((6, 16, 16, 3), np.uint8)
    said = [Prediction("Ada", "Ada", 1.0)] * 6
    save_grid(photos[:5], said[:5], tmp_path / "one.png")
    save_grid(photos, said, tmp_path / "two.png")
    assert look(tmp_path / "two.png").shape[0] == 2 * look(tmp_path / "one.png").shape[0]


def test_a_name_is_never_parsed_as_a_formula(tmp_path: Path) -> None:
    """Dollar signs in a name are drawn, not parsed."""
    photo = np.zeros((1, 16, 16, 3), np.uint8)
    save_grid(photo, [Prediction("A$\\frac$", "B$\\x$", 1.0)], tmp_path / "grid.png")
    assert look(tmp_path / "grid.png").size
