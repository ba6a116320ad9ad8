"""The comparison of classifier and enrolment, as text and files."""

import csv
import json
from pathlib import Path

import msgspec
import pytest

from train.classifier.comparison import Comparison, Method, render_comparison, write_comparison
from train.metrics import wilson


def method(name: str = "classifier of the report", **settings: object) -> Method:
    figures: dict[str, object] = {
        "held_out": wilson(8, 10),
        "unseen": wilson(3, 4),
        "threshold": 0.75,
        "right": wilson(7, 10),
        "wrong": wilson(1, 10),
        "strangers": wilson(1, 20),
        "new_person_s": 63.0,
    }
    return Method(name=name, **(figures | settings))  # type: ignore[arg-type]  # as the tests name them


@pytest.fixture
def comparison() -> Comparison:
    enrolled = method("enrolled from 3 photos", held_out=wilson(10, 10), new_person_s=0.04)
    return Comparison(
        people=3,
        photos=50,
        left_out={"no face": 2, "duplicate": 1},
        unseen_people=2,
        stranger_people=9,
        model_id="small-1",
        fpir=0.003,
        gallery_size=30,
        methods=(method(), enrolled),
    )


def line(text: str, label: str) -> str:
    return next(row for row in text.splitlines() if row.startswith(label))


@pytest.mark.parametrize(
    ("label", "cells"),
    [
        ("right name, every photo named (of 10)", ["80.0% (49.0% to 94.3%)", "100.0% (72.2%"]),
        ("... people outside the crop set's training split (of 4)", ["75.0% (30.1% to 95.4%)"] * 2),
        ("threshold", ["0.7500", "0.7500"]),
        ("at the threshold, right name (of 10)", ["70.0%", "70.0%"]),
        ("at the threshold, wrong name (of 10)", ["10.0%", "10.0%"]),
        ("at the threshold, strangers named (of 20)", ["5.0%", "5.0%"]),
        ("one more person", ["63.00 s", "0.04 s"]),
    ],
)
def test_each_figure_has_one_column_per_method(
    comparison: Comparison, label: str, cells: list[str]
) -> None:
    """There is one line per figure, with its number of photos, and one column per method."""
    text = render_comparison(comparison)
    head, row = line(text, " " * 9), line(text, label)
    columns = [head.index(one.name) for one in comparison.methods]
    for column, cell in zip(columns, cells, strict=True):
        assert row[column:].startswith(cell)


def test_a_figure_that_was_not_measured_has_no_line(comparison: Comparison) -> None:
    """Without a crop set there is no line on strangers or unseen people."""
    methods = tuple(method(one.name, strangers=None, unseen=None) for one in comparison.methods)
    bare = msgspec.structs.replace(
        comparison, methods=methods, unseen_people=None, stranger_people=None
    )
    assert "tranger" not in render_comparison(bare)
    assert "nseen" not in render_comparison(bare)


def test_the_notes_explain_the_figures(comparison: Comparison) -> None:
    """The notes name model, threshold, photos left out and the strangers."""
    text = render_comparison(comparison)
    assert "small-1, int8, not trained again" in text
    assert "FPIR 0.3% and 30 people" in text
    assert "3 people, 50 photos; left out: 1 duplicate, 2 no face." in text
    assert "Strangers: 9 people" in text


def test_all_files_say_the_same(comparison: Comparison, tmp_path: Path) -> None:
    """Text, JSON and CSV files hold the figures of the comparison."""
    write_comparison(comparison, tmp_path)
    assert (tmp_path / "comparison.txt").read_text() == render_comparison(comparison)
    stored = json.loads((tmp_path / "comparison.json").read_text())
    assert msgspec.convert(stored, Comparison) == comparison
    with (tmp_path / "comparison.csv").open(newline="") as file:
        rows = {(row["method"], row["figure"]): row for row in csv.DictReader(file)}
    assert len(rows) == 2 * (len(Method.__struct_fields__) - 1)
    for one in comparison.methods:
        assert float(rows[one.name, "held_out"]["low"]) == one.held_out.low
        assert float(rows[one.name, "new_person_s"]["value"]) == one.new_person_s
