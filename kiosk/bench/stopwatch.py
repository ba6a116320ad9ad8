"""Time what is called; sum it up as median and 99th percentile."""

import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np


class Timing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long something took.

    Attributes:
        name: What.
        n: How often it was measured.
        median_ms: Median, milliseconds.
        p99_ms: 99th percentile, milliseconds; the longest where there are fewer than 100.
    """

    name: str
    n: int
    median_ms: float
    p99_ms: float


class Stopwatch:
    """Collects durations by name.

    Attributes:
        total_s: The sum of all durations noted, seconds.
    """

    def __init__(self) -> None:
        self.total_s = 0.0
        self._noted: defaultdict[str, list[float]] = defaultdict(list)

    def note(self, name: str, took_s: float) -> None:
        """Add one duration, seconds."""
        self._noted[name].append(took_s)
        self.total_s += took_s

    def count(self, name: str) -> int:
        """Tell how many durations of that name there are."""
        return len(self._noted[name])

    def timing(self, name: str) -> Timing:
        """Sum up the durations of a name.

        Raises:
            KeyError: There are none.
        """
        if not self._noted[name]:
            raise KeyError(name)
        took_ms = np.array(self._noted[name]) * 1000
        # A percentile that was measured, not one interpolated between two of them.
        p99_ms = np.percentile(took_ms, 99, method="higher")
        return Timing(name, len(took_ms), float(np.median(took_ms)), float(p99_ms))


class Timed:
    """Stands before an object and times one of its methods; all else it passes on.

    Args:
        target: The object.
        method: Which method to time.
        name: What the stopwatch calls it.
        watch: The stopwatch.

    Attributes:
        argument: The first argument of the newest call.
        result: What the newest call returned.
    """

    def __init__(self, target: object, method: str, name: str, watch: Stopwatch) -> None:
        self.argument: Any = None
        self.result: Any = None
        self._target = target
        setattr(self, method, self._timed(getattr(target, method), name, watch))

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever the target has
        """Pass on what is not timed."""
        return getattr(self._target, name)

    def _timed(self, run: Callable[..., Any], name: str, watch: Stopwatch) -> Callable[..., Any]:
        def timed(*arguments: Any) -> Any:  # noqa: ANN401  # whatever the method takes
            start_s = time.perf_counter()
            self.result = run(*arguments)
            watch.note(name, time.perf_counter() - start_s)
            self.argument = arguments[0]
            return self.result

        return timed
