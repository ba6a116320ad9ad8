"""False match rates within demographic groups and between relatives."""

from itertools import combinations

import numpy as np
import pytest

from kiosk.recognition.match import Cohort
from kiosk.recognition.vectors import unit
from kiosk.records import Floats
from tests.support_recognition import embedding
from train.dataset.crop_set import Photo
from train.evaluation.demographics import AGE_BANDS, group_rates, relatives_rate, utkface_group
from train.evaluation.recogniser import PLAIN_COSINE


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("26_1_2_20170116.jpg", "female, 20-39, Asian"),
        ("9_0_0_x.jpg", "male, 0-9, White"),
        ("10_0_1_x.jpg", "male, 10-19, Black"),
        ("116_1_4_x.jpg", "female, 60-120, Other"),
        ("40_0_3_x", "male, 40-59, Indian"),
        ("130_0_3_x.jpg", None),
        ("26_2_2_x.jpg", None),
        ("26_1_5_x.jpg", None),
        ("26_1_2017.jpg", None),
        ("a_1_2_x.jpg", None),
        ("-1_1_2_x.jpg", None),
    ],
)
def test_a_utkface_file_name_tells_the_group(name: str, group: str | None) -> None:
    """A name has age, sex and race label in this order; a name without all three has no group."""
    assert utkface_group(name) == group


def test_age_bands_leave_no_gap() -> None:
    """Every age from 0 to 120 is in one band."""
    assert [age for low, high in AGE_BANDS for age in range(low, high + 1)] == [*range(121)]


def group_scene() -> tuple[Floats, list[Photo]]:
    """Two groups large enough and one too small, and photos of another source."""
    rng = np.random.default_rng(1)
    names = ["26_1_2"] * 25 + ["26_0_2"] * 20 + ["5_1_1"] * 19
    photos = [Photo("utkface", "", f"{name}_{i}.jpg", "g") for i, name in enumerate(names)]
    photos += [Photo("other", "", f"70_1_2_{i}.jpg", "g") for i in range(30)]
    spread = np.array([1.0] * 25 + [0.2] * 20 + [1.0] * 49)
    return unit(np.eye(8)[0] + spread[:, None] * rng.normal(size=(len(photos), 8))), photos


def test_groups_are_measured_within_themselves() -> None:
    """A group's false match rate is the share of its pairs at or above the threshold."""
    vectors, photos = group_scene()
    worst, other = group_rates(vectors, photos, PLAIN_COSINE, 0.5)
    assert (worst.group, worst.photos) == ("male, 20-39, Asian", 20)
    assert (other.group, other.photos) == ("female, 20-39, Asian", 25)
    for found, own in ((worst, vectors[25:45]), (other, vectors[:25])):
        above = [float(a @ b) >= 0.5 for a, b in combinations(own, 2)]
        assert found.fmr.value == pytest.approx(np.mean(above))
    assert worst.fmr.value > other.fmr.value


def test_scores_of_groups_and_relatives_are_normalised() -> None:
    """Strangers who all resemble the cohort are no false matches after normalisation."""
    vectors, photos = group_scene()
    crowd = Cohort(vectors[25:45])
    worst = {g.group: g.fmr.value for g in group_rates(vectors, photos, PLAIN_COSINE, 0.6)}
    held = {g.group: g.fmr.value for g in group_rates(vectors, photos, crowd, 0.6)}
    assert worst["male, 20-39, Asian"] > 0.9
    assert held["male, 20-39, Asian"] == 0.0
    family = [Photo("families", name, name, "F1") for name in "ab"]
    plain = relatives_rate(vectors[25:27], family, PLAIN_COSINE, 0.6)
    normalised = relatives_rate(vectors[25:27], family, crowd, 0.6)
    assert plain is not None
    assert normalised is not None
    assert (plain.value, normalised.value) == (1.0, 0.0)


def test_relatives_are_pairs_of_two_members_of_a_family() -> None:
    """Photos of one person, of two families and of other sources are not compared."""
    people = [("F1", "a"), ("F1", "a"), ("F1", "b"), ("F2", "c"), ("F2", "d"), ("F3", "e")]
    photos = [Photo("families", name, f"{i}", family) for i, (family, name) in enumerate(people)]
    photos += [Photo("s", "x", "6", "F1"), Photo("s", "y", "7", "F1")]
    vectors = np.ones((8, 1), np.float32)
    vectors[4] = -1
    found = relatives_rate(vectors, photos, PLAIN_COSINE, 0.5)
    assert found is not None
    # a-b twice with cosine 1, c-d once with cosine -1.
    assert (found.value, found.n) == (pytest.approx(2 / 3), 3)


def test_without_relatives_there_is_no_figure() -> None:
    """A set without families has no figure for relatives."""
    assert (
        relatives_rate(embedding(1)[None], [Photo("s", "p0", "0.jpg", "s/p0")], PLAIN_COSINE, 0.5)
        is None
    )
