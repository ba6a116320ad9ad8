"""The impostor cohort: it contains no real face, and a training set gives one cohort."""

from pathlib import Path

import numpy as np
import pytest

from kiosk.recognition.bundle import Bundle, load_bundle, write_bundle
from kiosk.recognition.match import Cohort
from kiosk.records import Floats, Image
from tests.support_recognition import small_bundle
from tests.support_train import make_crop_set, see
from train.dataset.crop_set import CropSet
from train.evaluation.cohort import (
    MEANS_MIN,
    PEOPLE_PER_MEAN,
    make_cohort,
    one_photo_each,
    with_own_cohorts,
)
from train.evaluation.recogniser import PLAIN_COSINE


@pytest.fixture(scope="module")
def crop_set(tmp_path_factory: pytest.TempPathFactory) -> CropSet:
    folder = tmp_path_factory.mktemp("crops")
    return make_crop_set(folder, {"train": 240, "dev": 6, "test": 6}, each=3)


@pytest.fixture(scope="module")
def cohort(crop_set: CropSet) -> Cohort:
    return make_cohort(see, crop_set)


def test_a_cohort_has_at_most_one_mean_for_eight_people(cohort: Cohort) -> None:
    """240 people give thirty means of length 1, minus those of too few people."""
    assert MEANS_MIN <= len(cohort.embeddings) <= 240 // PEOPLE_PER_MEAN
    assert np.linalg.norm(cohort.embeddings, axis=1) == pytest.approx(1.0, abs=1e-3)


def test_no_mean_of_the_cohort_is_a_real_face(cohort: Cohort, crop_set: CropSet) -> None:
    """Every mean is as far from each training photo as an average of several photos is."""
    photos = see(np.concatenate([*crop_set.contract_crops(crop_set.indices_of("train"))]))
    assert (photos @ cohort.embeddings.T).max() < 0.95


def test_a_mean_of_one_or_two_people_is_left_out(
    crop_set: CropSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A k-means centre of fewer than three people would show them, so it is left out."""
    chosen = np.sort(one_photo_each(crop_set))
    crops = np.concatenate([*crop_set.contract_crops(chosen)])
    alone = {crops[7].tobytes(), crops[40].tobytes()}

    def far_from_all(batch: Image) -> Floats:
        vectors = see(batch)
        outside = [crop.tobytes() in alone for crop in batch]
        vectors[outside] = np.eye(1, vectors.shape[1], dtype=np.float32)
        return vectors

    kept = make_cohort(far_from_all, crop_set).embeddings
    monkeypatch.setattr("train.evaluation.cohort.PEOPLE_PER_MEAN_MIN", 1)
    everything = make_cohort(far_from_all, crop_set).embeddings
    is_left_out = np.array([not (kept == face).all(axis=1).any() for face in everything])
    assert len(kept) + is_left_out.sum() == len(everything)
    owner = (far_from_all(crops) @ everything.T).argmax(axis=1)
    sizes = np.bincount(owner, minlength=len(everything))[is_left_out]
    assert 0 < sizes.min() <= sizes.max() <= 2


def test_a_person_with_many_photos_counts_once(crop_set: CropSet) -> None:
    """One photo of each training person is used, and no other photo."""
    chosen = one_photo_each(crop_set)
    people = [crop_set.photos[i].identity for i in chosen]
    assert len(people) == len(set(people)) == 240
    assert {crop_set.splits[i] for i in chosen} == {"train"}


def test_every_unnamed_photo_counts_as_a_person(tmp_path: Path) -> None:
    """Unnamed photos may show anybody, so each counts as one person."""
    named = make_crop_set(tmp_path / "named", {"train": 3, "dev": 1})
    photos = [p if p.person == "p0" else type(p)("drawn", "", p.photo, "") for p in named.photos]
    CropSet.write(tmp_path / "some", named.crops, photos, named.splits)
    assert len(one_photo_each(CropSet.load(tmp_path / "some"))) == 1 + 2 * 5


def test_people_of_the_cohort_can_be_recognised(cohort: Cohort, crop_set: CropSet) -> None:
    """Enrolled training people score far higher against themselves than against each other."""
    rows = see(np.concatenate([*crop_set.contract_crops(crop_set.indices_of("train"))]))
    scores = cohort.scores(rows[::3], rows[1::3])
    own = np.diag(scores)
    others = scores[~np.eye(len(scores), dtype=bool)]
    assert np.mean(own > np.quantile(others, 0.99)) > 0.9


def test_the_same_set_gives_the_same_cohort(cohort: Cohort, crop_set: CropSet) -> None:
    """A second cohort is equal bit by bit, so that a bundle can be reproduced."""
    assert np.array_equal(make_cohort(see, crop_set).embeddings, cohort.embeddings)


def test_a_bundle_keeps_a_cohort_as_it_was_measured(cohort: Cohort, tmp_path: Path) -> None:
    """The kiosk loads the cohort that the thresholds were set with, bit by bit."""
    small = small_bundle()
    bundle = Bundle(
        small.card, small.model, small.golden_crops, small.golden_outputs, cohort.embeddings
    )
    write_bundle(tmp_path / "m.kiosk-model", bundle)
    assert np.array_equal(load_bundle(tmp_path / "m.kiosk-model").cohort, cohort.embeddings)


def test_too_few_people_give_no_cohort(tmp_path: Path) -> None:
    """With fewer than 160 people scores stay plain cosines."""
    few = make_crop_set(tmp_path, {"train": 159, "dev": 2, "test": 2}, each=1)
    assert make_cohort(see, few) is PLAIN_COSINE


def test_each_recogniser_gets_a_cohort_of_its_own(tmp_path: Path) -> None:
    """The cohorts come from the same photos, each with the recogniser's own embeddings."""
    crops = make_crop_set(tmp_path, {"train": 240, "dev": 2, "test": 2}, each=1)
    found = with_own_cohorts({"one": see, "other": lambda x: -see(x)}, crops)
    one, other = (recogniser.cohort.embeddings for recogniser in found.values())
    assert len(one) >= MEANS_MIN
    assert np.array_equal(one, -other)
