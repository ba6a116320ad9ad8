"""The classifier's report: rates, strangers, the cost of a new student."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.errors import DatasetError
from kiosk.records import Floats, Image
from train.classifier.photos import LabelledPhotos
from train.classifier.report import (
    ClassifierReport,
    compute_report,
    render_report,
    report_classifier,
    threshold_that_keeps,
)
from train.classifier.run import ClassifierConfig, Run

NAMES = ("Ada", "Bo")
SIDE = 12
LABELS = np.array([0, 0, 0, 1, 0, 1])
HELD_OUT = np.array([False, False, False, False, True, True])
# All training photos of Ada and Bo get the right name; of the two held out, Bo's gets Ada's name.
FOUND = np.array(
    [[0.99, 0.01], [0.9, 0.1], [0.52, 0.48], [0.1, 0.9], [0.7, 0.3], [0.6, 0.4]], np.float32
)
STRANGERS = np.array([[0.95, 0.05], [0.55, 0.45], [0.39, 0.61], [0.5, 0.5]], np.float32)


class Model:
    """A model whose scores are the first two pixels of each photo, in hundredths."""

    def predict(self, photos: Image, *, batch_size: int, verbose: int) -> Floats:
        del batch_size, verbose
        return np.asarray(photos[:, 0, :2, 0] / 100, np.float32)


def photos_of(found: Floats) -> Image:
    photos = np.zeros((len(found), SIDE, SIDE, 3), np.uint8)
    photos[:, 0, :2, 0] = np.round(found * 100)
    return photos


@pytest.fixture
def run(tmp_path: Path) -> Run:
    history = tuple({"epoch": float(n), "seconds": 2.0} for n in (1, 2, 3))
    config = ClassifierConfig(size_px=SIDE, widths=(2,))
    return Run(tmp_path, config, NAMES, HELD_OUT, history, "tensorflow", Model())


@pytest.fixture
def labelled() -> LabelledPhotos:
    return LabelledPhotos(photos_of(FOUND), LABELS, NAMES, np.arange(6))


def test_training_and_held_out_photos_are_both_measured(run: Run) -> None:
    """Training and held-out photos have a rate, a number of photos and an interval each."""
    report = compute_report(run, FOUND, LABELS, None, None)
    assert (report.train.value, report.train.n) == (1.0, 4)
    assert (report.held_out.value, report.held_out.n) == (0.5, 2)
    assert 0 < report.held_out.low < 0.5 < report.held_out.high < 1


def test_the_report_has_the_rate_of_guessing(run: Run) -> None:
    """The report has the rates of guessing and of always naming the commonest training person."""
    report = compute_report(run, FOUND, LABELS, None, None)
    assert (report.chance, report.commonest) == (0.5, 0.5)


def test_strangers_are_counted_at_the_threshold_of_known_people(run: Run) -> None:
    """The threshold comes only from held-out photos; strangers who reach it get a name."""
    report = compute_report(run, FOUND, LABELS, STRANGERS, None)
    assert report.threshold == pytest.approx(0.6)
    assert report.kept.value == 1.0
    assert report.kept_right.value == 0.5
    assert report.strangers is not None
    assert (report.strangers.named_at_threshold.value, report.strangers.named_at_threshold.n) == (
        0.5,
        4,
    )


def test_without_a_threshold_every_stranger_is_named(run: Run) -> None:
    """Without a threshold the rate of named strangers is 1."""
    strangers = compute_report(run, FOUND, LABELS, STRANGERS, None).strangers
    assert strangers is not None
    assert (strangers.named_without.value, strangers.named_without.n) == (1.0, 4)


@pytest.mark.parametrize("stranger_scores", [None, STRANGERS[:0]])
def test_without_strangers_there_is_no_figure(run: Run, stranger_scores: Floats | None) -> None:
    """Without photos of strangers the report says so and has no rate."""
    report = compute_report(run, FOUND, LABELS, stranger_scores, None)
    assert report.strangers is None
    assert "strangers: not measured" in render_report(report)


def test_a_new_student_costs_the_whole_training(run: Run) -> None:
    """The report has the time of all epochs, and the enrolment time if it was measured."""
    report = compute_report(run, FOUND, LABELS, None, 0.25)
    assert (report.training_s, report.epochs) == (6.0, 3)
    assert "the training repeated:  6 s (Keras on tensorflow)" in render_report(report)
    assert "enrolment in the kiosk: 0.25 s" in render_report(report)
    unmeasured = compute_report(run, FOUND, LABELS, None, None)
    assert "enrolment in the kiosk: not measured" in render_report(unmeasured)


@given(
    st.lists(st.floats(0, 1, width=32), min_size=1, max_size=50),
    st.sampled_from([0.5, 0.9, 1.0]),
)
def test_the_threshold_is_the_highest_that_keeps_the_share(best: list[float], keep: float) -> None:
    """At least the share reaches the threshold, and a smaller share any higher threshold."""
    scores = np.array(best, np.float32)
    threshold = threshold_that_keeps(scores, keep)
    assert np.mean(scores >= threshold) >= keep - 1e-9
    assert np.mean(scores > threshold) < keep


def test_all_files_say_the_same(run: Run, labelled: LabelledPhotos) -> None:
    """Text, JSON and CSV files hold the returned figures."""
    report = report_classifier(run, labelled, photos_of(STRANGERS), enrolment_s=0.5)
    assert (run.folder / "report.txt").read_text() == render_report(report)
    stored = json.loads((run.folder / "report.json").read_text())
    assert stored["strangers"]["named_at_threshold"]["value"] == 0.5
    with (run.folder / "report.csv").open(newline="") as file:
        rows = {row["figure"]: row for row in csv.DictReader(file)}
    assert float(rows["held_out"]["low"]) == stored["held_out"]["low"]
    assert float(rows["strangers.named_at_threshold"]["value"]) == 0.5
    assert float(rows["enrolment_s"]["value"]) == 0.5
    assert set(rows) >= set(ClassifierReport.__struct_fields__) - {"strangers"}


def test_the_text_has_a_number_and_an_interval_per_rate(run: Run) -> None:
    """Every printed rate has its number of photos and its interval."""
    text = render_report(compute_report(run, FOUND, LABELS, STRANGERS, None))
    assert "right name on training photos: 100.0% of 4 (51.0% to 100.0%)" in text
    assert "right name on held-out photos: 50.0% of 2 (9.5% to 90.5%)" in text


def test_no_name_is_in_the_figures(run: Run, labelled: LabelledPhotos) -> None:
    """Reports hold no person's name, so they can be published."""
    report_classifier(run, labelled, photos_of(STRANGERS))
    for ending in ("txt", "json", "csv"):
        text = (run.folder / f"report.{ending}").read_text()
        assert not any(name in text for name in NAMES)


def test_the_grid_shows_only_held_out_photos(
    run: Run, labelled: LabelledPhotos, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The grid has no training photo."""
    shown: list[tuple[set[bytes], set[str]]] = []
    monkeypatch.setattr(
        "train.classifier.report.save_grid",
        lambda photos, said, path: shown.append(
            ({photo.tobytes() for photo in photos}, {path.name, *(p.actual for p in said)})
        ),
    )
    report_classifier(run, labelled)
    held_out = {photo.tobytes() for photo in labelled.images[HELD_OUT]}
    assert shown == [(held_out, {"grid.png", "Ada", "Bo"})]


def test_the_grid_is_a_png_file(run: Run, labelled: LabelledPhotos) -> None:
    """The grid is written as a PNG file."""
    report_classifier(run, labelled)
    assert (run.folder / "grid.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("change", ["fewer", "names"])
def test_photos_of_another_run_are_rejected(
    run: Run, labelled: LabelledPhotos, change: str
) -> None:
    """Photos of another run are rejected, because its training photos might count as held out."""
    other = {
        "fewer": LabelledPhotos(labelled.images[1:], LABELS[1:], NAMES, np.arange(5)),
        "names": replace(labelled, names=("Ada", "Di")),
    }[change]
    with pytest.raises(DatasetError, match="trained on other photos or names"):
        report_classifier(run, other)
