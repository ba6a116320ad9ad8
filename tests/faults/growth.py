"""Measure processes and files again and again, and say what grows."""

import csv
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import linear_regression
from typing import Final

_MIB: Final = 2**20
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_MEMORY, _OPEN, _SIZE = "memory, MiB", "open files", "files, MiB"
_LIMITS: Final = {_MEMORY: 20.0, _OPEN: 4.0, _SIZE: 10.0}
"""How much of each may be added in an hour."""
_WARM_UP: Final = 4
"""The first part of so many is left out: caches fill, libraries are loaded."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What was measured at one time.

    Attributes:
        at_s: Seconds since the beginning.
        values: By what was measured, "part: memory, MiB".
    """

    at_s: float
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Growth:
    """How one value has changed.

    Attributes:
        what: What was measured.
        first: After the warm-up.
        last: At the end.
        per_hour: Slope of the line through all values between (least squares).
        limit: From which slope on it counts as growing.
    """

    what: str
    first: float
    last: float
    per_hour: float
    limit: float

    @property
    def is_good(self) -> bool:
        """Whether it does not grow."""
        return self.per_hour <= self.limit


def sample(
    at_s: float, processes: Mapping[str, int], folder: Path, files: Mapping[str, str]
) -> Sample:
    """Measure.

    Args:
        at_s: Seconds since the beginning.
        processes: Process ids by name.
        folder: Where the files are.
        files: Patterns below the folder by name.
    """
    values: dict[str, float] = {}
    for name, pid in processes.items():
        resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        values[f"{name}: {_MEMORY}"] = resident * _PAGE / _MIB
        values[f"{name}: {_OPEN}"] = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    for name, pattern in files.items():
        values[f"{name}: {_SIZE}"] = sum(map(_size, folder.glob(pattern))) / _MIB
    return Sample(at_s, values)


def growths(samples: Sequence[Sample]) -> list[Growth]:
    """Return how each value has changed after the warm-up; pure."""
    warm = samples[len(samples) // _WARM_UP :]
    times = [one.at_s / 3600 for one in warm]
    found = []
    for what in warm[0].values:
        values = [one.values[what] for one in warm]
        slope = linear_regression(times, values).slope
        limit = _LIMITS[what.split(": ")[1]]
        found.append(Growth(what, values[0], values[-1], slope, limit))
    return found


def write(samples: Sequence[Sample], path: Path) -> None:
    """Write a table, one line for each time."""
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["seconds", *samples[0].values])
        table.writerows([f"{one.at_s:.1f}", *one.values.values()] for one in samples)


def draw(samples: Sequence[Sample], path: Path) -> None:
    """Draw all values over the time; the suffix (svg, png) says how."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 9), layout="constrained")
    minutes = [one.at_s / 60 for one in samples]
    for unit, axes in zip(_LIMITS, figure.subplots(len(_LIMITS), sharex=True), strict=True):
        for what in samples[0].values:
            name, of = what.split(": ")
            if of == unit:
                axes.plot(minutes, [one.values[what] for one in samples], label=name)
        axes.set_ylabel(unit)
        axes.set_ylim(bottom=0)
        axes.legend(fontsize="small")
    axes.set_xlabel("minutes")
    figure.savefig(path)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:  # a log that was emptied meanwhile
        return 0
