"""Read a list of people or kiosks from CSV, and report every wrong line at once."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from kiosk.errors import RosterError
from kiosk.files.csv_table import read_csv
from kiosk.printable import printable

_TEXT_MAX: Final = 200
_SHOWN: Final = 20
"""Problems that are listed; more are counted."""


def read_list(path: Path, header: Sequence[str], key: Sequence[str]) -> list[tuple[str, ...]]:
    """Read a CSV file as a spreadsheet writes it (:func:`kiosk.files.csv_table.read_csv`).

    Args:
        path: The file.
        header: Its columns, in this order.
        key: The columns that together may not be there twice.

    Returns:
        The values of each line; none is empty.

    Raises:
        RosterError: The file cannot be read, is empty, or lines are wrong: all are named.
    """
    rows = read_csv(path, header).rows
    if not rows:
        raise RosterError(f"{path}: no lines after the header; an empty list would reject all")
    _check(path, header, key, [(int(place.rpartition(":")[2]), row) for place, row in rows])
    return [tuple(row) for _, row in rows]


def _check(
    path: Path, header: Sequence[str], key: Sequence[str], lines: Sequence[tuple[int, list[str]]]
) -> None:
    problems: list[str] = []
    seen: dict[tuple[str, ...], int] = {}
    places = [header.index(name) for name in key]
    for number, row in lines:
        problem = _problem(header, row)
        if not problem:
            first = seen.setdefault(tuple(row[i] for i in places), number)
            problem = f"the same {', '.join(key)} as line {first}" if first != number else ""
        if problem:
            problems.append(f"{path}:{number}: {problem}")
    if problems:
        more = [f"and {len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else []
        raise RosterError("\n".join([*problems[:_SHOWN], *more]))


def _problem(header: Sequence[str], row: Sequence[str]) -> str:
    """Return what is wrong with a line; "" if nothing is. Values stay out: they may be names."""
    if len(row) != len(header):
        return f"{len(row)} columns, expected {len(header)}: {','.join(header)}"
    for name, value in zip(header, row, strict=True):
        if not value:
            return f"{name} is empty"
        if len(value) > _TEXT_MAX or printable(value) != value:
            return f"{name} is longer than {_TEXT_MAX} characters, or not printable"
    return ""
