"""Enrolment measured on the photos of the classifier."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kiosk.contract import COHORT_NEAREST
from kiosk.recognition.gallery import Gallery
from kiosk.recognition.match import Cohort
from kiosk.recognition.vectors import unit
from kiosk.records import Floats, Image
from train.classifier.enrolment import (
    ENROLMENT_PHOTOS,
    classifier_method,
    draw_enrolment,
    enrolment_methods,
    enrolment_seconds,
)
from train.classifier.photos import LabelledPhotos, ReportPhotos
from train.classifier.report import ClassifierReport, Strangers
from train.classifier.run import ClassifierConfig, Run
from train.dataset.crop_set import Photo
from train.evaluation.recogniser import PLAIN_COSINE
from train.metrics import wilson

SIDE, EACH = 24, 15
NAMES = ("Ada", "Bo")
LABELS = np.repeat([0, 1], EACH)
HELD_OUT = np.tile(np.arange(EACH) >= 12, 2)
NOBODY = np.empty((0, 112, 112, 3), np.uint8)


class Embedder:
    """Reads a direction and a weight against a common one out of a crop's first two pixels."""

    def __init__(self) -> None:
        self.seen = 0

    def embed(self, crop: Image) -> Floats:
        self.seen += 1
        vector = np.zeros(128)
        vector[crop[0, 0, 0]] = crop[0, 1, 0]
        vector[127] = 100 - crop[0, 1, 0]
        return unit(vector)


class Model:
    """A model whose scores are the first two pixels of each photo, in hundredths."""

    def predict(self, photos: Image, *, batch_size: int, verbose: int) -> Floats:
        del batch_size, verbose
        return np.asarray(photos[:, 0, :2, 0] / 100, np.float32)


def crops(directions: list[int], weight: int = 100) -> Image:
    made = np.zeros((len(directions), 112, 112, 3), np.uint8)
    made[:, 0, 0, 0], made[:, 0, 1, 0] = directions, weight
    return made


@pytest.fixture
def run(tmp_path: Path) -> Run:
    history = ({"epoch": 1.0, "seconds": 7.0},)
    config = ClassifierConfig(size_px=SIDE, widths=(2,))
    return Run(tmp_path, config, NAMES, HELD_OUT, history, "tensorflow", Model())


@pytest.fixture
def report_photos() -> ReportPhotos:
    photos = np.zeros((len(LABELS), SIDE, SIDE, 3), np.uint8)
    labelled = LabelledPhotos(photos, LABELS, NAMES, np.arange(len(LABELS)))
    records = tuple(Photo("one", NAMES[who], str(i), "") for i, who in enumerate(LABELS))
    return ReportPhotos(labelled, crops(LABELS.tolist()), records, ())


def test_enrolment_uses_only_training_photos() -> None:
    """No held-out photo is enrolled, none twice, and the smaller set is part of the larger."""
    ten = draw_enrolment(LABELS, HELD_OUT, 10, seed=3)
    three = draw_enrolment(LABELS, HELD_OUT, 3, seed=3)
    for who, (few, many) in enumerate(zip(three, ten, strict=True)):
        assert len(set(many.tolist())) == 10
        assert not HELD_OUT[many].any()
        assert (LABELS[many] == who).all()
        assert few.tolist() == many[:3].tolist()


def test_another_seed_draws_other_photos() -> None:
    """The seed decides which photos are enrolled, and the same seed gives the same photos."""
    drawn = [[own.tolist() for own in draw_enrolment(LABELS, HELD_OUT, 5, s)] for s in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_a_person_with_few_photos_is_enrolled_from_all_of_them() -> None:
    """A person with fewer photos than asked for is enrolled from all of them."""
    assert [len(own) for own in draw_enrolment(LABELS, HELD_OUT, 99, seed=0)] == [12, 12]


def test_a_perfect_recogniser_names_everybody(run: Run, report_photos: ReportPhotos) -> None:
    """Every held-out photo gets the right name at the threshold, for each number of photos."""
    methods = enrolment_methods(run, report_photos, NOBODY, None, Embedder(), PLAIN_COSINE, 0.5)
    assert [method.name for method in methods] == [
        f"enrolled from {n} photos" for n in ENROLMENT_PHOTOS
    ]
    for method in methods:
        assert (method.held_out.value, method.held_out.n) == (1.0, 6)
        assert (method.right.value, method.wrong.value, method.threshold) == (1.0, 0.0, 0.5)
        assert (method.strangers, method.unseen) == (None, None)


def test_no_more_photos_are_enrolled_than_asked_for(run: Run, report_photos: ReportPhotos) -> None:
    """A feature of the fourth chosen photo alone is recognised from ten photos, not from three."""
    fourth = [own[3] for own in draw_enrolment(LABELS, HELD_OUT, 10, run.config.seed)]
    looks = LABELS + 20
    looks[fourth] = looks[HELD_OUT] = 0
    looks[[fourth[1], *np.flatnonzero(HELD_OUT & (LABELS == 1))]] = 1
    changed = replace(report_photos, crops=crops(looks.tolist()))
    # One template of ten that fits: the cosine to the mean of all is a ninth.
    three, ten = enrolment_methods(run, changed, NOBODY, None, Embedder(), PLAIN_COSINE, 0.1)
    assert (three.right.value, ten.right.value) == (0.0, 1.0)


def test_a_photo_that_gets_another_name_is_wrong(run: Run, report_photos: ReportPhotos) -> None:
    """Held-out photos of Bo that look like Ada are wrong, with and without a threshold."""
    looks = np.where(HELD_OUT, 0, LABELS)
    mixed = replace(report_photos, crops=crops(looks.tolist()))
    method = enrolment_methods(run, mixed, NOBODY, None, Embedder(), PLAIN_COSINE, 0.5)[0]
    assert (method.held_out.value, method.right.value, method.wrong.value) == (0.5, 0.5, 0.5)


def test_a_name_below_the_threshold_is_neither_right_nor_wrong(
    run: Run, report_photos: ReportPhotos
) -> None:
    """A face that is near nobody gets the nearest name at rank 1 and no name at the threshold."""
    faint = report_photos.crops.copy()
    faint[HELD_OUT] = crops(LABELS[HELD_OUT].tolist(), weight=10)
    changed = replace(report_photos, crops=faint)
    method = enrolment_methods(run, changed, NOBODY, None, Embedder(), PLAIN_COSINE, 0.5)[0]
    assert (method.held_out.value, method.right.value, method.wrong.value) == (1.0, 0.0, 0.0)


def test_strangers_who_reach_the_threshold_are_counted(
    run: Run, report_photos: ReportPhotos
) -> None:
    """One of four strangers looks like Ada and gets her name."""
    strangers = crops([0, 5, 6, 7])
    method = enrolment_methods(run, report_photos, strangers, None, Embedder(), PLAIN_COSINE, 0.5)[
        0
    ]
    assert method.strangers == wilson(1, 4)


def test_names_are_given_by_normalised_scores(run: Run, report_photos: ReportPhotos) -> None:
    """With a cohort of people like Ada, her photos do not reach the threshold, but Bo's do."""
    like_ada = Embedder().embed(report_photos.crops[np.flatnonzero(LABELS == 0)[0]])
    cohort = Cohort(np.tile(like_ada, (COHORT_NEAREST, 1)))
    method = enrolment_methods(run, report_photos, NOBODY, None, Embedder(), cohort, 0.6)[0]
    assert (method.right.value, method.wrong.value) == (0.5, 0.0)


def test_unseen_people_have_their_own_rate(run: Run, report_photos: ReportPhotos) -> None:
    """If Bo's photos are wrong and only Bo is unseen, the share for unseen people is 0."""
    looks = np.where(HELD_OUT, 0, LABELS)
    mixed = replace(report_photos, crops=crops(looks.tolist()))
    unseen = np.array([False, True])
    method = enrolment_methods(run, mixed, NOBODY, unseen, Embedder(), PLAIN_COSINE, 0.5)[0]
    assert method.unseen == wilson(0, 3)


def test_the_classifier_is_measured_on_the_same_photos(
    run: Run, report_photos: ReportPhotos
) -> None:
    """The rates come from the held-out photos, and a new person costs the whole training."""
    held = np.flatnonzero(HELD_OUT)
    report_photos.labelled.images[held, 0, :2, 0] = [[90, 10], [40, 60], [45, 55]] * 2
    nothing = wilson(0, 1)
    report = ClassifierReport(
        2, nothing, nothing, 0.5, 0.5, 0.6, nothing, nothing, Strangers(wilson(2, 9), nothing, 0.5),
        1, 7.0, "tensorflow", None,
    )  # fmt: skip
    method = classifier_method(run, report_photos, report, np.array([True, False]))
    assert method.held_out == wilson(3, 6)
    assert method.unseen == wilson(1, 3)
    assert (method.right, method.wrong) == (wilson(2, 6), wilson(2, 6))
    assert (method.strangers, method.new_person_s) == (wilson(2, 9), 7.0)


def test_the_enrolment_time_includes_every_photo() -> None:
    """Each photo is embedded once, and the returned time is above 0."""
    embedder = Embedder()
    photos = np.zeros((3, SIDE, SIDE, 3), np.uint8)
    assert enrolment_seconds(photos, crops([1, 1, 1]), embedder, Gallery("", {}), PLAIN_COSINE) > 0
    assert embedder.seen == 3
