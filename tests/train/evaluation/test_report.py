"""Evaluation reports side by side: one table, and files with all figures."""

import csv
from pathlib import Path

import msgspec

from tests.support_train import a_report
from train.evaluation.evaluate import Report
from train.evaluation.figures import figures
from train.evaluation.report import render_reports, write_reports
from train.metrics import Rate


def test_reports_stand_side_by_side() -> None:
    """Names are the header, and each figure is one row with a value per recogniser."""
    text = render_reports([a_report("ours", with_lfw=True), a_report("sface", with_lfw=True)])
    lines = text.splitlines()
    assert lines[0].split() == ["ours", "sface"]
    for label, value in (
        ("LFW, ten folds: accuracy ± standard error", "99.12% ± 0.15%"),
        ("LFW: TAR at FAR 0.1 %", "1.23% (1.01% to 1.99%)"),
        ("420 enrolled, FPIR 0.3 %: FNIR (test)", "25.00% (20.00% to 30.00%)"),
        ("420 enrolled, FPIR 0.3 %: FNIR, plain cosine (test)", "50.00% (40.00% to 60.00%)"),
        ("30 enrolled, FPIR 1 %: FNIR (development)", "1.23% (1.01% to 1.99%)"),
        ("worst group: false match rate (test)", "50.00% (40.00% to 60.00%)"),
        ("relatives: false match rate (test)", "1.23% (1.01% to 1.99%)"),
    ):
        (row,) = [line for line in lines if line.startswith(label)]
        assert row.count(value) == 2
    assert text.count("female, 0-9, Asian") == 2


def test_domains_stand_beside_each_other_on_both_sides() -> None:
    """With videos, the figures of development and of test people are given for each domain."""
    report = a_report("ours")
    names = ("development_photos", "development_videos", "photos", "videos")
    text = render_reports([msgspec.structs.replace(report, **dict.fromkeys(names, report.test))])
    for side in ("development", "test"):
        for figure in ("measured FPIR", "FNIR"):
            for domain in ("", ", photos", ", videos"):
                assert text.count(f"30 enrolled, FPIR 1 %: {figure}{domain} ({side})") == 1


def test_columns_never_touch() -> None:
    """A long name and a figure of 100 % do not touch the next column."""
    sure = msgspec.structs.replace(a_report("x" * 60), relatives=Rate(1.0, 1.0, 1.0, 9))
    lines = render_reports([sure, sure]).splitlines()
    (row,) = [line for line in lines if line.startswith("relatives")]
    assert row.count("100.00% (100.00% to 100.00%)  ") == 1
    assert lines[0].split() == ["x" * 60] * 2


def test_a_figure_that_was_not_measured_says_so() -> None:
    """Without LFW there is no LFW row; a missing figure of relatives is "not measured"."""
    nobody = msgspec.structs.replace(a_report("ours"), relatives=None, groups=())
    text = render_reports([nobody])
    assert "LFW, ten folds" not in text
    assert text.count("not measured") == 2
    assert "nan" not in text


def test_files_hold_all_figures(tmp_path: Path) -> None:
    """The JSON file decodes to the reports; the CSV file has a line per figure and report."""
    reports = [a_report("ours", with_lfw=True), a_report("sface")]
    write_reports(reports, tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "evaluation.csv",
        "evaluation.json",
        "evaluation.txt",
    ]
    written = (tmp_path / "out" / "evaluation.json").read_bytes()
    assert msgspec.json.decode(written, type=list[Report]) == reports
    with (tmp_path / "out" / "evaluation.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == sum(len(figures(report)) for report in reports)
    first, *_, last = rows
    assert (first["recogniser"], first["value"], first["standard_error"]) == (
        "ours",
        "0.9912",
        "0.0015",
    )
    assert (last["figure"], last["low"], last["n"]) == (
        "relatives: false match rate (test)",
        "0.0101",
        "900",
    )
