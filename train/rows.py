"""Read back the history that a run wrote."""

import csv
from pathlib import Path

from kiosk.errors import DatasetError


def read_rows(path: Path) -> list[dict[str, float]]:
    """Read a CSV file of figures.

    Raises:
        DatasetError: Absent or malformed.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]
    except (OSError, ValueError, TypeError) as exc:
        raise DatasetError(f"{path}: not the history of a run ({exc})") from exc
