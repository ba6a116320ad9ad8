"""What a morning's wave was measured to be, and its table."""

import math
from collections.abc import Collection
from dataclasses import dataclass

from tests.scale.district import Size


@dataclass(frozen=True, slots=True)
class Times:
    """How long something took, seconds."""

    count: int
    p50: float
    p99: float
    longest: float


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured.

    Attributes:
        size: The district.
        seconds: How long the wave was to last, and lasted.
        marks: Students with a mark at the end.
        visible: From publishing until an open page showed the mark.
        stages: Where that time went: to the register, until the marker took the event, and from
            there to the page (commit, news to the page, fetch).
        unseen: Students of open pages whom no page has shown.
        pages: Each kind of request.
        failed: Requests without a page.
        memory_mib: Largest memory of each program.
        cpu_s: Its processor time in the wave.
        settled_s: From the last event until all marks were made.
        load: Processes that were ready to run, mean of a minute.
    """

    size: Size
    seconds: tuple[float, float]
    marks: int
    visible: Times
    stages: dict[str, Times]
    unseen: int
    pages: dict[str, Times]
    failed: dict[str, int]
    memory_mib: dict[str, float]
    cpu_s: dict[str, float]
    settled_s: float
    load: float


def times_of(values: Collection[float]) -> Times:
    """Return the figures of these times, seconds."""
    ordered = sorted(values)
    if not ordered:
        return Times(0, math.nan, math.nan, math.nan)
    p50, p99 = (ordered[min(len(ordered) - 1, int(len(ordered) * p))] for p in (0.5, 0.99))
    return Times(len(ordered), p50, p99, ordered[-1])


def table(database: str, result: Result) -> str:
    """Return a result as a text."""
    stages = {f"  until it {name}": one for name, one in result.stages.items()}
    rows = {"publish to visible": result.visible, **stages, **result.pages}
    head = (
        f"{database}, {result.size.kiosks} kiosks, {result.marks} marks in "
        f"{result.seconds[1]:.0f} s (asked for {result.seconds[0]:.0f}), all made "
        f"{result.settled_s:.1f} s later, load {result.load:.1f}"
    )
    lines = [head, f"{'seconds':34} {'count':>7} {'p50':>8} {'p99':>8} {'longest':>8}"]
    lines += [
        f"{what:34} {one.count:7} {one.p50:8.3f} {one.p99:8.3f} {one.longest:8.3f}"
        for what, one in rows.items()
    ]
    lines += [
        f"{name}: {result.memory_mib[name]:.0f} MiB at most, {used:.0f} s of processor time"
        for name, used in result.cpu_s.items()
    ]
    lines.append(
        f"never shown: {result.unseen}; requests without a page: {result.failed or 'none'}"
    )
    return "\n".join(lines)
