"""Detection error trade-off (DET) curves of recognisers, and their plot.

matplotlib draws without a display (Agg) and is imported inside the function that draws.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from kiosk.errors import DatasetError, MissingExtraError
from kiosk.files.atomic_file import atomic_write
from train.dataset.crop_set import CropSet
from train.evaluation.embedded import embed_walks
from train.evaluation.evaluate import FPIRS, Report
from train.evaluation.identify import Galleries, Mix
from train.evaluation.recogniser import RecogniserUnderTest

_FPIR_TO: Final = 0.3
_POINTS: Final = 60


class DetCurve(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A DET curve of open-set identification on test people.

    Attributes:
        name: Of the recogniser.
        gallery_size: How many people were enrolled.
        fpir: Share of strangers' walks that get a name, ascending.
        fnir: Share of enrolled people's walks without their own name, at the same thresholds.
    """

    name: str
    gallery_size: int
    fpir: tuple[float, ...]
    fnir: tuple[float, ...]


def det_curves(
    recognisers: Mapping[str, RecogniserUnderTest], crop_set: CropSet, gallery_size: int
) -> list[DetCurve]:
    """Compute a curve of each recogniser: sweep the threshold over test people.

    Args:
        recognisers: By name.
        crop_set: Holds test people.
        gallery_size: How many people to enrol.

    Raises:
        DatasetError: Too few test people can be enrolled.
    """
    curves = []
    for name, recogniser in recognisers.items():
        scores = embed_walks(recogniser.embed, crop_set, "test").scores(recogniser.cohort)
        people = len(scores.template_sources)
        if people < gallery_size:
            raise DatasetError(f"{people} people can be enrolled, expected {gallery_size}")
        galleries = Galleries(scores, Mix.of(scores), gallery_size)
        highest = float(scores.strangers.max(initial=-1.0))
        thresholds = np.linspace(highest + 1e-6, float(scores.strangers.max(axis=1).min()), _POINTS)
        named, missed = (
            np.array([rate(float(one)) for one in thresholds])
            for rate in (galleries.fpir, galleries.fnir)
        )
        is_shown = named <= _FPIR_TO
        named, missed = named[is_shown], missed[is_shown]
        curves.append(DetCurve(name, gallery_size, tuple(named.tolist()), tuple(missed.tolist())))
    return curves


def save_det(curves: Sequence[DetCurve], reports: Sequence[Report], path: Path) -> None:
    """Draw the curves, with a dot at each threshold that was set on development people.

    Args:
        curves: From :func:`det_curves`.
        reports: Of the same recognisers; their test figures are the dots.
        path: The PNG file.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415  # see the module
    except ImportError as exc:
        message = "matplotlib is needed to draw; install attendance-kiosk[train]"
        raise MissingExtraError(message) from exc
    figure = Figure(figsize=(7.0, 5.0), layout="constrained")
    panel = figure.subplots()
    for curve in curves:
        panel.plot(curve.fpir, curve.fnir, label=curve.name)
        dots = _operating_points(curve, reports)
        panel.plot(*dots, "o", color=panel.lines[-1].get_color())
    for fpir in FPIRS:
        panel.axvline(fpir, color="grey", linestyle=":", linewidth=1)
    panel.set(
        xscale="log",
        yscale="log",
        xlabel="FPIR: strangers' walks that get a name",
        ylabel="FNIR: enrolled people's walks without their own name",
        title=f"Test people, {curves[0].gallery_size} enrolled; "
        "dots: thresholds set on development people",
    )
    panel.grid(visible=True, which="both", alpha=0.3)
    panel.legend()
    with atomic_write(path) as partial:
        figure.savefig(partial, format="png", dpi=120)


def _operating_points(
    curve: DetCurve, reports: Sequence[Report]
) -> tuple[list[float], list[float]]:
    """Return FPIR and FNIR on test people at the thresholds of the curve's recogniser."""
    found = [
        item
        for report in reports
        if report.name == curve.name
        for item in report.test
        if item.gallery_size == curve.gallery_size
    ]
    return [item.fpir.value for item in found], [item.fnir.value for item in found]
