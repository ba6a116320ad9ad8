"""The figures of an evaluation report as a flat list: label, kind and value of each."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from kiosk.contract import CROP_PX
from train.evaluation.evaluate import Report
from train.evaluation.identify import Identification
from train.evaluation.lfw import Lfw
from train.evaluation.walks import GALLERY_SIZES
from train.metrics import Rate, TenFold

_HALF_WIDTH: Final = 1.96
"""Of a 95 % interval, in standard errors."""


class FigureKind(Enum):
    """What a figure measures; code that compares figures uses this, never the label."""

    ACCURACY = "accuracy"
    """A share of right decisions, such as TAR: more is better."""
    FALSE_MATCH = "false match"
    """A share of strangers who get somebody's name (FPIR, FMR), the worst error: less is better."""
    MISS = "miss"
    """A share of enrolled people who do not get their name (FNIR): less is better."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a report.

    Attributes:
        label: For people.
        kind: What it measures.
        measured: The figure with its interval or its standard error; ``None``: not measured.
        note: What it applies to.
    """

    label: str
    kind: FigureKind
    measured: Rate | TenFold | None
    note: str = ""

    @property
    def value(self) -> float | None:
        """The figure alone."""
        if isinstance(self.measured, TenFold):
            return self.measured.accuracy
        return None if self.measured is None else self.measured.value

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval; without end, if the figure was not measured."""
        found = self.measured
        if found is None:
            return -math.inf, math.inf
        if isinstance(found, TenFold):
            half = _HALF_WIDTH * found.standard_error
            return found.accuracy - half, found.accuracy + half
        return found.low, found.high

    def __str__(self) -> str:
        """Return the figure as the cell of a table."""
        found = self.measured
        if found is None:
            return "not measured"
        if isinstance(found, TenFold):
            return f"{found.accuracy:.2%} ± {found.standard_error:.2%}"
        return f"{found.value:.2%} ({found.low:.2%} to {found.high:.2%})"


def figures(report: Report) -> list[Figure]:
    """List the figures that reports are compared by, in the order of the table."""
    worst = report.groups[0] if report.groups else None
    return [
        *_lfw_figures(report.lfw),
        *_identification_figures(report),
        Figure(
            "worst group: false match rate (test)",
            FigureKind.FALSE_MATCH,
            worst.fmr if worst else None,
            note=worst.group if worst else "",
        ),
        Figure("relatives: false match rate (test)", FigureKind.FALSE_MATCH, report.relatives),
        *_walk_figures(report),
        *_turned_figures(report),
    ]


def _lfw_figures(lfw: Lfw | None) -> Iterator[Figure]:
    if lfw is None:
        return
    accuracy = FigureKind.ACCURACY
    yield Figure("LFW, ten folds: accuracy ± standard error", accuracy, lfw.verification)
    yield Figure("LFW: TAR at FAR 1 %", accuracy, lfw.tar_at_far_1)
    yield Figure("LFW: TAR at FAR 0.1 %", accuracy, lfw.tar_at_far_01)


def _identification_figures(report: Report) -> Iterator[Figure]:
    miss, false_match = FigureKind.MISS, FigureKind.FALSE_MATCH
    for at, point in enumerate(report.operating_points):
        extrapolated = ", extrapolated" if point.extrapolated else ""
        case = f"{point.gallery_size} enrolled, FPIR {point.fpir * 100:g} %{extrapolated}"
        for domain, found in _domains(report):
            yield Figure(f"{case}: FNIR{domain}", miss, found[at].fnir)
            yield Figure(f"{case}: measured FPIR{domain}", false_match, found[at].fpir)


def _domains(report: Report) -> Iterator[tuple[str, Sequence[Identification]]]:
    """List the error rates on each side: all, by domain, and on test people by plain cosine."""
    yield " (development)", report.development
    if report.videos:
        yield ", photos (development)", report.development_photos
        yield ", videos (development)", report.development_videos
    yield " (test)", report.test
    if report.videos:
        yield ", photos (test)", report.photos
        yield ", videos (test)", report.videos
    yield ", plain cosine (test)", report.cosine


def _turned_figures(report: Report) -> Iterator[Figure]:
    for row in report.turned:
        case = f"camera turned by {row.angle}°, {row.gallery_size} enrolled: strangers named"
        yield Figure(case, FigureKind.FALSE_MATCH, row.named)
        yield Figure(f"{case}, unchecked", FigureKind.FALSE_MATCH, row.named_unchecked)


def _walk_figures(report: Report) -> Iterator[Figure]:
    """List the figures of walks, of all people together."""
    enrolled = GALLERY_SIZES["all"]
    for one in report.walks:
        if one.half != "all":
            continue
        width = "" if one.face_px == CROP_PX else f", {one.face_px} px"
        probe = f"{one.probe}, plain cosine" if one.is_cosine else one.probe
        case = f"walks, {enrolled} enrolled{width}, {probe}, FPIR {one.fpir_asked * 100:g} %"
        if one.is_operating_point:
            yield Figure(f"{case}, operating point: FNIR", FigureKind.MISS, one.fnir)
            yield Figure(
                f"{case}, operating point: measured FPIR", FigureKind.FALSE_MATCH, one.fpir
            )
        else:
            yield Figure(f"{case}: FNIR", FigureKind.MISS, one.fnir)
