"""Time method calls, and summarise durations as median and 99th percentile."""

import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np


class Timing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Summary of the durations of one stage or model.

    Attributes:
        name: The stage or model.
        n: Number of measurements.
        median_ms: Median, milliseconds.
        p99_ms: 99th percentile, milliseconds; the maximum of fewer than 100 measurements.
    """

    name: str
    n: int
    median_ms: float
    p99_ms: float


class Stopwatch:
    """Durations by name.

    Attributes:
        total_s: Sum of all durations, seconds.
    """

    def __init__(self) -> None:
        self.total_s = 0.0
        self._durations: defaultdict[str, list[float]] = defaultdict(list)

    def add(self, name: str, took_s: float) -> None:
        """Add one duration, seconds."""
        self._durations[name].append(took_s)
        self.total_s += took_s

    def count(self, name: str) -> int:
        """Return the number of durations of a name."""
        return len(self._durations[name])

    def timing(self, name: str) -> Timing:
        """Summarise the durations of a name.

        Raises:
            KeyError: The name has no durations.
        """
        if not self._durations[name]:
            raise KeyError(name)
        took_ms = np.array(self._durations[name]) * 1000
        # "higher" returns a duration that was measured instead of interpolating between two.
        p99_ms = np.percentile(took_ms, 99, method="higher")
        return Timing(name, len(took_ms), float(np.median(took_ms)), float(p99_ms))


class TimedMethod:
    """Proxy of an object that times one of its methods; all other attributes are the object's.

    The time that other timed methods take within a call is theirs, and not part of its duration.

    Args:
        target: The object.
        method: Name of the method to time.
        name: Name of its durations in the stopwatch.
        stopwatch: Receives the durations.

    Attributes:
        argument: First argument of the last call.
        result: Return value of the last call.
    """

    def __init__(self, target: object, method: str, name: str, stopwatch: Stopwatch) -> None:
        self.argument: Any = None
        self.result: Any = None
        self._target = target
        setattr(self, method, self._timed(getattr(target, method), name, stopwatch))

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever the target has
        """Return an attribute of the object."""
        return getattr(self._target, name)

    def _timed(
        self, run: Callable[..., Any], name: str, stopwatch: Stopwatch
    ) -> Callable[..., Any]:
        def timed(*arguments: Any) -> Any:  # noqa: ANN401  # whatever the method takes
            inside_s, start_s = stopwatch.total_s, time.perf_counter()
            self.result = run(*arguments)
            took_s = time.perf_counter() - start_s
            stopwatch.add(name, took_s - (stopwatch.total_s - inside_s))
            self.argument = arguments[0]
            return self.result

        return timed
