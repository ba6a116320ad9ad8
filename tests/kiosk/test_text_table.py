"""Text tables: columns line up whatever the cells hold."""

import pytest

from kiosk.text_table import aligned

ROWS = [["stage", "n"], ["embed", "10"], ["a long name", "7"]]


def test_columns_start_at_the_same_place() -> None:
    """Each column is as wide as its widest cell, and two spaces separate columns."""
    assert list(aligned(ROWS)) == ["stage        n", "embed        10", "a long name  7"]


def test_numbers_end_at_the_same_place() -> None:
    """With ``numbers`` every column but the first is aligned to the right."""
    assert list(aligned(ROWS, numbers=True)) == [
        "stage         n",
        "embed        10",
        "a long name   7",
    ]


def test_a_table_can_be_wider_than_its_cells() -> None:
    """A least width pads a column, and a wider cell still fits."""
    assert list(aligned([["a", "1"]], numbers=True, widths_min=(3, 4))) == ["a       1"]
    assert list(aligned([["abcd", "1"]], widths_min=(3, 4))) == ["abcd  1"]


def test_a_table_without_rows_has_no_lines() -> None:
    """No rows are no error."""
    assert list(aligned([])) == []


def test_rows_of_unequal_length_are_an_error() -> None:
    """A row with a missing cell would shift the columns."""
    with pytest.raises(ValueError, match="zip"):
        list(aligned([["a", "b"], ["c"]]))
