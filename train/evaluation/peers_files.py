"""What a comparison of recognisers leaves behind: CSV, JSON and a DET plot.

matplotlib draws without a display (Agg) and is imported inside the function that draws.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from kiosk.atomic_file import atomic_write
from kiosk.errors import MissingExtraError
from train.dataset.crop_set import CropSet
from train.evaluation.cohort import RecogniserUnderTest
from train.evaluation.evaluate import DRAWS, FPIRS, Report, embed_split
from train.evaluation.identify import draw_gallery
from train.evaluation.metrics import quantile_threshold
from train.evaluation.peers import figures, render_reports
from train.tables import cells, write_report

_FPIR_FROM: Final = 3e-4
_FPIR_TO: Final = 0.3
_POINTS: Final = 60


class DetCurve(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A detection error trade-off of open-set identification, on test people.

    Attributes:
        name: Of the recogniser.
        gallery_size: How many people were enrolled.
        fpir: Shares of strangers' probes given a name, rising.
        fnir: Shares of enrolled people's probes not given their own name, at the same thresholds.
    """

    name: str
    gallery_size: int
    fpir: tuple[float, ...]
    fnir: tuple[float, ...]


def det_curves(
    with_own_cohorts: Mapping[str, RecogniserUnderTest], crop_set: CropSet, gallery_size: int
) -> list[DetCurve]:
    """Sweep the threshold over test people.

    Args:
        with_own_cohorts: By name.
        crop_set: With test people.
        gallery_size: How many people to enrol.

    Raises:
        DatasetError: Too few test people can be enrolled.
    """
    curves = []
    for name, recogniser in with_own_cohorts.items():
        side = embed_split(recogniser.embed, crop_set, "test")
        trials = [
            draw_gallery(*side, recogniser.cohort, gallery_size, seed) for seed in range(DRAWS)
        ]
        own = np.sort(np.concatenate([trial.mated_scores for trial in trials]))
        strangers = np.sort(np.concatenate([trial.stranger_scores for trial in trials]))
        wanted = np.geomspace(_FPIR_FROM, _FPIR_TO, _POINTS)
        thresholds = np.array([quantile_threshold(strangers, fpir) for fpir in wanted])
        named = 1 - np.searchsorted(strangers, thresholds) / len(strangers)
        missed = np.searchsorted(own, thresholds) / len(own)
        curves.append(DetCurve(name, gallery_size, tuple(named.tolist()), tuple(missed.tolist())))
    return curves


def write_reports(reports: Sequence[Report], folder: Path) -> None:
    """Write ``evaluation.txt``, ``.json`` (all of it) and ``.csv`` (a figure of one a line)."""
    folder.mkdir(parents=True, exist_ok=True)
    write_report(folder, "evaluation", render_reports(reports) + "\n", reports, _table(reports))


def _table(reports: Sequence[Report]) -> Iterator[list[object]]:
    yield ["recogniser", "figure", "value", "low", "high", "n", "standard_error", "which"]
    for report in reports:
        for item in figures(report):
            yield [report.name, item.label, *cells(item.rate), item.error, item.note]


def save_det(curves: Sequence[DetCurve], reports: Sequence[Report], path: Path) -> None:
    """Draw the curves, and on each the thresholds set on development people.

    Args:
        curves: Of :func:`det_curves`.
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
        xlabel="FPIR: strangers' photos given a name",
        ylabel="FNIR: enrolled people's photos not given theirs",
        title=f"Test people, {curves[0].gallery_size} enrolled; dots: thresholds of development",
    )
    panel.grid(visible=True, which="both", alpha=0.3)
    panel.legend()
    with atomic_write(path) as partial:
        figure.savefig(partial, format="png", dpi=120)


def _operating_points(
    curve: DetCurve, reports: Sequence[Report]
) -> tuple[list[float], list[float]]:
    """Give the FPIR and FNIR that a recogniser's shipped thresholds have on test people."""
    found = [
        item
        for report in reports
        if report.name == curve.name
        for item in report.test
        if item.gallery_size == curve.gallery_size
    ]
    return [item.fpir.value for item in found], [item.fnir.value for item in found]
