"""Who is enrolled and who walks past: how photos are divided, and how walks are scored."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.recognition.match import Cohort
from kiosk.recognition.vectors import unit
from kiosk.records import Floats
from train.dataset.crop_set import Photo
from train.evaluation.recogniser import PLAIN_COSINE
from train.evaluation.walkers import (
    ENROLMENT_PHOTOS,
    WALK_FRAMES,
    WALKS_MAX,
    WalkScores,
    plan_walks,
    score_walks,
)

DIM = 16


def axis(number: int) -> Floats:
    return np.asarray(np.eye(DIM)[number], np.float32)


def photos_of(*people: tuple[str, int, str]) -> list[Photo]:
    """Photos of people: name (empty: unnamed), how many, family."""
    return [
        Photo("s", name, f"{name}{number}.jpg", family or f"s/{name}{number}")
        for name, count, family in people
        for number in range(count)
    ]


def score(photos: Sequence[Photo], embeddings: Floats, cohort: Cohort = PLAIN_COSINE) -> WalkScores:
    plan = plan_walks(photos)
    return score_walks(plan, photos, embeddings, embeddings[plan.enrolment], cohort)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=6))
def test_no_photo_is_used_twice(counts: list[int]) -> None:
    """A photo enrols, or is in one walk; only people with more photos than that are enrolled."""
    photos = photos_of(*((f"p{i}", count, f"f{i}") for i, count in enumerate(counts)))
    plan = plan_walks(photos)
    used = [*plan.enrolment.ravel().tolist(), *(i for walk in plan.walks for i in walk)]
    assert len(used) == len(set(used))
    assert len(plan.enrolment) == sum(count > ENROLMENT_PHOTOS for count in counts)
    assert all(1 <= len(walk) <= WALK_FRAMES for walk in plan.walks)
    for walk, row in zip(plan.walks, plan.own, strict=True):
        people = {photos[i].person for i in walk}
        assert len(people) == 1
        if row >= 0:
            assert people == {photos[i].person for i in plan.enrolment[row]}
    per_person = np.unique([photos[walk[0]].person for walk in plan.walks], return_counts=True)[1]
    assert per_person.max() <= WALKS_MAX


def test_unnamed_photos_are_strangers_of_one_photo_each() -> None:
    """Photos of people without a name never enrol anybody."""
    plan = plan_walks(photos_of(("", 9, "")))
    assert plan.enrolment.shape == (0, ENROLMENT_PHOTOS)
    assert [len(walk) for walk in plan.walks] == [1] * 9


def test_a_walk_is_scored_for_everybody_but_its_own_family() -> None:
    """A member of a family is no stranger to it; the person's own score is kept apart."""
    photos = photos_of(("ada", 4, "f1"), ("ben", 4, "f1"), ("cyd", 4, "f2"))
    embeddings = np.stack([axis(i) for i in (0, 1, 2) for _ in range(4)])
    scores = score(photos, embeddings)
    assert scores.mated == pytest.approx([1, 1, 1])
    is_family = np.isneginf(scores.strangers)
    assert is_family.tolist() == [[True, True, False], [True, True, False], [False, False, True]]
    assert scores.strangers[~is_family] == pytest.approx(np.zeros(4), abs=1e-6)


def test_a_walk_gets_the_highest_score_of_its_running_means() -> None:
    """The kiosk decides at each frame, so one good first frame counts, and so does a good mean."""
    photos = photos_of(("ada", 4, "f1"), ("x", 3, "f2"))
    first, second = unit(axis(0) + axis(1)), unit(axis(0) - axis(1))
    walk = plan_walks(photos).walks[1]
    embeddings = np.stack([axis(0)] * 7)
    for order, best in (((first, second, axis(5)), 1.0), ((axis(0), axis(5), axis(6)), 1.0)):
        for index, vector in zip(walk, order, strict=True):
            embeddings[index] = vector
        assert score(photos, embeddings).strangers[1, 0] == pytest.approx(best, abs=1e-6)


def test_templates_are_means_of_photos_and_their_mirror_images() -> None:
    """As in the kiosk's enrolment: each photo with its mirror image, then the mean."""
    photos = photos_of(("ada", 4, "f1"), ("x", 1, "f2"))
    plan = plan_walks(photos)
    embeddings = np.stack([axis(0)] * 4 + [axis(1)])
    mirrored = np.stack([axis(1)] * 3)[None]
    found = score_walks(plan, photos, embeddings, mirrored, PLAIN_COSINE)
    assert found.strangers[1, 0] == pytest.approx(np.sqrt(0.5))


def test_scores_are_normalised_by_the_cohort() -> None:
    """A person who resembles the cohort gets lower scores."""
    photos = photos_of(("ada", 4, "f1"), ("ben", 4, "f2"))
    embeddings = np.stack([axis(i) for i in (0, 1) for _ in range(4)])
    crowd = unit(axis(0) + 0.1 * np.random.default_rng(2).normal(size=(40, DIM)))
    mated = score(photos, embeddings, Cohort(crowd)).mated
    assert mated[0] < mated[1] - 0.2
