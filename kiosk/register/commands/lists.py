"""Read a list of people or kiosks from CSV, and report every wrong line at once."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from kiosk.errors import RosterError
from kiosk.files.bounded_file import read_file
from kiosk.files.csv_table import CSV_BYTES_MAX
from kiosk.printable import printable

_TEXT_MAX: Final = 200
_SHOWN: Final = 20
"""Problems that are listed; more are counted."""


def read_list(path: Path, header: Sequence[str], key: Sequence[str]) -> list[tuple[str, ...]]:
    """Read a CSV file: UTF-8 (a byte order mark is allowed), the header required.

    Args:
        path: The file.
        header: Its columns, in this order.
        key: The columns that together may not be there twice.

    Returns:
        The values of each line; none is empty.

    Raises:
        RosterError: The file cannot be read, is empty, or lines are wrong: all are named.
    """
    try:
        text = read_file(path, CSV_BYTES_MAX).decode("utf-8-sig")
    except OSError as exc:
        raise RosterError(f"{path}: cannot be read ({exc.strerror})") from exc
    except UnicodeDecodeError as exc:
        raise RosterError(f"{path}: not UTF-8; save the file as UTF-8 CSV") from exc
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        lines = [(reader.line_num, [cell.strip() for cell in row]) for row in reader if row]
    except csv.Error as exc:
        raise RosterError(f"{path}:{reader.line_num}: not CSV ({exc})") from exc
    if not lines or lines[0][1] != list(header):
        raise RosterError(f"{path}:1: the header is wrong, expected: {','.join(header)}")
    if not lines[1:]:
        raise RosterError(f"{path}: no lines after the header; an empty list would reject all")
    _check(path, header, key, lines[1:])
    return [tuple(row) for _, row in lines[1:]]


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
