"""Evaluation reports side by side, as a text table and as files."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from kiosk.text_table import aligned
from train.evaluation.evaluate import Report
from train.evaluation.figures import figures
from train.metrics import TenFold
from train.tables import figure_cells, write_report

_NOTES: Final = (
    "In brackets: 95 % intervals (LFW: Wilson's; else a bootstrap over people).",
    "Thresholds are set for the FPIR expected of development people who walk past: half of them on",
    "photos (walks of up to three, with one mix of data sets), half in videos, if there are any.",
    "No test person is among them. Without a domain's name, a figure is of both.",
    "Extrapolated: for more people than were measured, by train/evaluation/domains.py; in videos,",
    "where fewer people are, also below that.",
    "Scores, except LFW's, are normalised by a cohort of training people, one per recogniser.",
    "Walks, one second: the kiosk's own rule within one second of good frames; its FNIR is the",
    "share of enrolled people who get no name in that second.",
    "Turned camera: single frames of strangers who walk past; everybody is enrolled with the same",
    "camera. Unchecked: without the check that a face is upright.",
    "Worst group and relatives: at the threshold of the smallest FPIR and the largest gallery.",
)


def render_reports(reports: Sequence[Report]) -> str:
    """Return the reports of one run side by side, one column each."""
    columns = [{figure.label: figure for figure in figures(report)} for report in reports]
    rows = [["", *(report.name for report in reports)]]
    for label in columns[0] if columns else ():
        found = [column.get(label) for column in columns]
        rows.append([label, *(str(figure or "not measured") for figure in found)])
        notes = [figure.note if figure else "" for figure in found]
        if any(notes):
            rows.append(["    which", *notes])
    return "\n".join([*aligned(rows), "", *_NOTES])


def write_reports(reports: Sequence[Report], folder: Path) -> None:
    """Write ``evaluation.txt``, ``.json`` (all of it) and ``.csv`` (a line per figure)."""
    folder.mkdir(parents=True, exist_ok=True)
    write_report(folder, "evaluation", render_reports(reports) + "\n", reports, _table(reports))


def _table(reports: Sequence[Report]) -> Iterator[list[object]]:
    yield ["recogniser", "figure", "value", "low", "high", "n", "standard_error", "which"]
    for report in reports:
        for item in figures(report):
            found = item.measured
            error = found.standard_error if isinstance(found, TenFold) else ""
            yield [report.name, item.label, *figure_cells(found), error, item.note]
