"""The cohort of a recogniser: faces of nobody, the same for the same training set."""

from pathlib import Path

import numpy as np
import pytest

from kiosk.bundle import Bundle, load_bundle, write_bundle
from kiosk.errors import DatasetError
from kiosk.match import Cohort
from tests.support import small_bundle
from tests.support_train import make_crop_set, see
from train.cohort import make_cohort
from train.data import CropSet


@pytest.fixture(scope="module")
def crop_set(tmp_path_factory: pytest.TempPathFactory) -> CropSet:
    return make_crop_set(tmp_path_factory.mktemp("crops"), {"train": 8, "dev": 2, "test": 2})


@pytest.fixture(scope="module")
def cohort(crop_set: CropSet) -> Cohort:
    return make_cohort(see, crop_set)


def test_a_cohort_has_one_face_for_four_photos(cohort: Cohort) -> None:
    """Eight people with five photos each give ten directions of length 1."""
    assert cohort.centres.shape == (10, 128)
    assert np.linalg.norm(cohort.centres, axis=1) == pytest.approx(np.ones(10), abs=1e-3)


def test_the_cohort_looks_like_training_people_alone(cohort: Cohort, crop_set: CropSet) -> None:
    """Everybody on the training side has a face of the cohort near, and nobody else has."""
    nearest = {
        side: (see(np.concatenate([*crop_set.middle(crop_set.on(side))])) @ cohort.centres.T).max(1)
        for side in ("train", "dev", "test")
    }
    assert nearest["train"].min() > 0.9
    assert max(nearest["dev"].max(), nearest["test"].max()) < 0.8


def test_the_same_set_gives_the_same_cohort(cohort: Cohort, crop_set: CropSet) -> None:
    """Made again, not a bit of it differs, so that a bundle can be made again."""
    assert np.array_equal(make_cohort(see, crop_set).centres, cohort.centres)


def test_a_bundle_keeps_a_cohort_as_it_was_measured(cohort: Cohort, tmp_path: Path) -> None:
    """What the thresholds were set with is what the kiosk loads, bit for bit."""
    small = small_bundle()
    bundle = Bundle(
        small.card, small.model, small.golden_crops, small.golden_outputs, cohort.centres
    )
    write_bundle(tmp_path / "m.kiosk-model", bundle)
    assert np.array_equal(load_bundle(tmp_path / "m.kiosk-model").cohort, cohort.centres)


def test_too_few_training_photos_are_refused(tmp_path: Path) -> None:
    """With fewer than twenty the error says how many there are and what to do."""
    few = make_crop_set(tmp_path, {"train": 3, "dev": 2, "test": 2})
    with pytest.raises(DatasetError, match="15 photos on side 'train', expected 20 or more"):
        make_cohort(see, few)
