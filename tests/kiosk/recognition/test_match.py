"""Matching: the nearest person, with scores normalised by the impostor cohort."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.contract import COHORT_NEAREST, COHORT_WEIGHT
from kiosk.recognition.gallery import Gallery
from kiosk.recognition.match import Cohort, Matcher, mean_template
from kiosk.recognition.vectors import unit
from kiosk.records import Floats, Match
from tests.support_recognition import NO_COHORT, PLAIN, embedding

seeds = st.integers(0, 999)


def templates(seed: int, count: int) -> Floats:
    return unit(np.random.default_rng(seed).normal(size=(count, 128)))


def gallery(*counts: int) -> Gallery:
    """People ``s-0``, ``s-1``, ... with these numbers of templates."""
    return Gallery("model", {f"s-{i}": templates(i, count) for i, count in enumerate(counts)})


def around(direction: Floats, seed: int, count: int, spread: float = 0.3) -> Floats:
    """Embeddings near one direction, ``(count, 128)``."""
    return unit(direction + spread * templates(seed, count))


@given(st.lists(st.integers(1, 4), min_size=2, max_size=6), seeds, st.sampled_from([0, 20, 40]))
def test_a_match_equals_direct_computation(counts: list[int], seed: int, strangers: int) -> None:
    """A score is the cosine to a person's mean less a share of the average impostor mean."""
    people, probe = gallery(*counts), embedding(seed)
    cohort = Cohort(templates(5000 + seed, strangers) if strangers else NO_COHORT)

    def reached(face: Floats) -> float:
        if not strangers:
            return 0.0
        cosines = sorted(float(face @ other) for other in cohort.embeddings)
        return float(np.mean(cosines[-COHORT_NEAREST:]))

    expected = {}
    for subject, rows in people.templates.items():
        mean = unit(rows.mean(axis=0))
        lowered = COHORT_WEIGHT * (reached(mean) + reached(probe)) / 2
        expected[subject] = float(mean @ probe) - lowered
    first, second = sorted(expected, key=lambda subject: -expected[subject])[:2]
    best, next_best = (np.clip(expected[subject], -1.0, 1.0) for subject in (first, second))
    matcher = Matcher(people, cohort)
    match = matcher.match(probe)
    assert match.subject_id == first
    assert match.score == pytest.approx(best, abs=1e-5)
    assert match.margin == pytest.approx(best - next_best, abs=1e-5)
    assert matcher.scores(probe[None])[0] == pytest.approx([*expected.values()], abs=1e-5)


@given(seeds)
def test_similar_cohort_members_lower_the_score(seed: int) -> None:
    """The same cosine gives a lower score for a face that many strangers resemble."""
    common, rare = embedding(seed), embedding(5000 + seed)
    cohort = Cohort(around(common, seed, 20))
    people = Gallery("model", {"common": common[None], "rare": rare[None]})
    matcher = Matcher(people, cohort)
    assert matcher.match(common).score < matcher.match(rare).score


@given(seeds, seeds)
def test_a_score_is_symmetric(one: int, other: int) -> None:
    """Two faces have one score, whichever of them is the probe."""
    cohort = Cohort(templates(7, 30))
    faces = np.stack([embedding(one), embedding(5000 + other)])
    scores = cohort.scores(faces, faces)
    assert scores == pytest.approx(scores.T, abs=1e-6)


def test_far_cohort_members_do_not_count() -> None:
    """Cohort members beyond the nearest twenty do not change the impostor mean."""
    near, far = around(embedding(1), 2, COHORT_NEAREST), -around(embedding(1), 3, 50)
    face = embedding(1)[None]
    alone, together = (
        Cohort(faces).impostor_mean(face) for faces in (near, np.concatenate([near, far]))
    )
    assert alone == pytest.approx(together)


def test_an_empty_gallery_matches_nobody() -> None:
    """With nobody enrolled the match has no person, score -1 and margin 0."""
    assert Matcher(gallery(), PLAIN).match(embedding(1)) == Match(None, -1.0, 0.0)


def test_with_one_person_the_margin_is_to_the_lowest_score() -> None:
    """With one person enrolled the margin is the distance to -1."""
    match = Matcher(gallery(1), PLAIN).match(templates(0, 1)[0])
    assert match.subject_id == "s-0"
    assert (match.score, match.margin) == pytest.approx((1.0, 2.0))


def test_equal_templates_have_no_margin() -> None:
    """The same template under two ids gives margin 0, so neither gets a name."""
    twin = templates(1, 1)
    people = Gallery("model", {"a": twin, "b": twin})
    assert Matcher(people, Cohort(templates(2, 20))).match(twin[0]).margin == 0.0


def test_a_score_stays_between_minus_one_and_one() -> None:
    """A score below -1, as of a probe opposite to a common face, is clipped."""
    face = embedding(1)
    crowd = np.concatenate([around(face, 2, 20), -around(face, 3, 20)])
    people = Gallery("model", {"s-1": face[None]})
    assert Matcher(people, Cohort(crowd)).match(-face).score == -1.0


def test_of_two_scores_above_one_the_higher_wins() -> None:
    """Scores above 1 are clipped, and still the nearest person is matched."""
    face, other = embedding(1), unit(embedding(1) + 0.2 * embedding(2))
    cohort = Cohort(-around(face, 3, 20))
    people = Gallery("model", {"near": other[None], "nearest": face[None]})
    assert Matcher(people, cohort).scores(face[None]).min() > 1.0
    assert Matcher(people, cohort).match(face).subject_id == "nearest"


def test_templates_that_cancel_out_give_zero() -> None:
    """Opposite templates have no mean direction: a zero vector, no division by zero."""
    opposite = np.stack([embedding(1), -embedding(1)])
    assert mean_template(opposite) == pytest.approx(np.zeros(128), abs=1e-6)


def test_a_cohort_that_is_too_small_is_rejected() -> None:
    """Fewer members than are averaged are rejected; none give a plain cosine."""
    said = f"{COHORT_NEAREST - 1} faces in the cohort, expected {COHORT_NEAREST} or none"
    with pytest.raises(ValueError, match=f"^{said}$"):
        Cohort(templates(1, COHORT_NEAREST - 1))
    assert PLAIN.impostor_mean(templates(1, 3)) == pytest.approx(np.zeros(3))
