"""Figures in CSV files are read back as they were written."""

from pathlib import Path

from train.metrics import Rate, TenFold
from train.tables import figure_cells, read_rows, write_rows


def test_rows_survive_the_file(tmp_path: Path) -> None:
    """Rows read from the CSV file equal the written rows, to the last digit."""
    history = [{"epoch": 1.0, "loss": 3.4, "accuracy": 1 / 3}, {"epoch": 2.0, "loss": 1e-9}]
    history[1]["accuracy"] = 0.04
    write_rows(tmp_path / "history.csv", history)
    assert read_rows(tmp_path / "history.csv") == history


def test_no_rows_are_a_file_without_rows(tmp_path: Path) -> None:
    """A run that ended before its first epoch has a history without rows."""
    write_rows(tmp_path / "history.csv", [])
    assert read_rows(tmp_path / "history.csv") == []


def test_a_figure_without_an_interval_leaves_its_cells_empty() -> None:
    """Value, low, high and n have a column each; what a figure lacks is an empty cell."""
    assert figure_cells(Rate(0.5, 0.4, 0.6, 80)) == [0.5, 0.4, 0.6, 80]
    assert figure_cells(TenFold(0.99, 0.001, 6000)) == [0.99, "", "", 6000]
    assert figure_cells(3.5) == [3.5, "", "", ""]
    assert figure_cells(None) == ["", "", "", ""]
