"""Write figures to CSV, JSON and text files, and read them back."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from kiosk.errors import DatasetError, reason_of
from kiosk.files.atomic_file import atomic_write
from kiosk.files.bounded_file import read_file
from train.metrics import Rate, TenFold

_ROWS_BYTES_MAX: Final = 16_000_000


def read_rows(path: Path) -> list[dict[str, float]]:
    """Read a CSV file of figures.

    Raises:
        DatasetError: Absent or malformed.
    """
    try:
        lines = csv.DictReader(io.StringIO(read_file(path, _ROWS_BYTES_MAX).decode(), newline=""))
        return [{k: float(v) for k, v in row.items()} for row in lines]
    except (OSError, ValueError, TypeError, csv.Error) as exc:
        raise DatasetError(f"{path}: not the history of a run ({reason_of(exc)})") from exc


def write_rows(path: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """Write one CSV line per row, under the keys of the first row; floats keep every digit."""
    with atomic_write(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else [])
        writer.writeheader()
        writer.writerows(rows)


def write_table(path: Path, table: Iterable[Sequence[object]]) -> None:
    """Write a CSV file atomically, header first."""
    with atomic_write(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(table)


def write_report(
    folder: Path, name: str, text: str, record: object, table: Iterable[Sequence[object]]
) -> None:
    """Write ``name.txt`` for people, ``name.json`` (all of it) and ``name.csv`` (the table).

    Args:
        folder: An existing folder.
        name: Of the files, without suffix.
        text: The report for people.
        record: What msgspec can encode.
        table: The header and the lines of the CSV file.
    """
    json = msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n"
    for suffix, data in (("txt", text.encode()), ("json", json)):
        with atomic_write(folder / f"{name}.{suffix}") as partial:
            partial.write_bytes(data)
    write_table(folder / f"{name}.csv", table)


def figure_cells(figure: object) -> list[object]:
    """Return value, low, high and n of a figure as CSV cells; cells that it lacks are empty."""
    if isinstance(figure, Rate):
        return [figure.value, figure.low, figure.high, figure.n]
    if isinstance(figure, TenFold):
        return [figure.accuracy, "", "", figure.n]
    return ["" if figure is None else figure, "", "", ""]
