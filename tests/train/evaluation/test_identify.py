"""Open-set identification: error rates of known cases, and who counts as a stranger."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.errors import DatasetError
from kiosk.recognition.match import Cohort
from kiosk.recognition.vectors import unit
from kiosk.records import Floats
from train.dataset.crop_set import Photo
from train.evaluation.identify import Trial, draw_gallery, rates, threshold_for
from train.evaluation.metrics import wilson
from train.evaluation.recogniser import PLAIN_COSINE

DIM = 16


def axis(number: int, towards: int | None = None, cosine: float = 0.0) -> Floats:
    """A direction of its own, or one at a cosine to another."""
    vector = np.eye(DIM, dtype=np.float32)[number]
    if towards is not None:
        vector = cosine * axis(towards) + np.float32(np.sqrt(1 - cosine**2)) * vector
    return np.asarray(vector, np.float32)


def scene(people: Sequence[tuple[str, str, Floats]]) -> tuple[Floats, list[Photo]]:
    """Photos in the given order: person (empty: unnamed), group, embedding."""
    photos = [
        Photo("s", person, f"{number}.jpg", group)
        for number, (person, group, _) in enumerate(people)
    ]
    return np.stack([vector for _, _, vector in people]), photos


def enrollable(number: int, photos: int = 5) -> list[tuple[str, str, Floats]]:
    return [(f"p{number}", f"g{number}", axis(number))] * photos


def trial(own: list[float], strangers: list[float]) -> Trial:
    """Scores of one probe each of as many people."""
    return Trial(
        np.array(own, np.float32),
        np.arange(len(own)),
        np.array(strangers, np.float32),
        np.arange(len(strangers)),
    )


def test_error_rates_of_a_hand_made_case() -> None:
    """Of five probes two score too low and one has a wrong name; one of four strangers passes."""
    found = rates([trial([0.9, 0.8, 0.4, 0.3, -1.0], [0.7, 0.2, 0.1, 0.0])], 0.5, gallery_size=5)
    assert (found.fnir.value, found.fnir.n) == (pytest.approx(0.6), 5)
    assert (found.fpir.value, found.fpir.n) == (pytest.approx(0.25), 4)
    assert (found.threshold, found.gallery_size) == (0.5, 5)


def test_a_score_at_the_threshold_is_named() -> None:
    """A score equal to the threshold is accepted, as in the kiosk."""
    found = rates([trial([0.5, 0.49], [0.5, 0.49])], 0.5, gallery_size=2)
    assert (found.fnir.value, found.fpir.value) == (0.5, 0.5)


def test_a_gallery_with_known_scores() -> None:
    """Enrolled people score 1 against themselves; strangers get the score of the nearest person."""
    vectors, photos = scene(
        [
            *enrollable(0),
            *enrollable(1),
            ("s", "g8", axis(8, towards=0, cosine=0.7)),
            ("s", "g8", axis(8, towards=1, cosine=0.3)),
            ("", "s/x.jpg", axis(9, towards=1, cosine=0.6)),
        ]
    )
    found = draw_gallery(vectors, photos, PLAIN_COSINE, 2, seed=1)
    assert found.mated_scores == pytest.approx(np.ones(4))
    assert found.stranger_scores == pytest.approx([0.7, 0.3, 0.6], abs=1e-6)
    assert found.stranger_groups[0] == found.stranger_groups[1] != found.stranger_groups[2]
    result = rates([found], 0.65, 2)
    assert (result.fpir.value, result.fnir.value) == (pytest.approx(1 / 3), 0.0)


def test_a_wrong_name_is_a_miss() -> None:
    """Of two people with one embedding, one always gets the wrong name, at any threshold."""
    twins = [(f"p{number}", f"g{number}", axis(0)) for number in (0, 1) for _ in range(5)]
    vectors, photos = scene([*twins, ("s", "g9", axis(9))])
    found = draw_gallery(vectors, photos, PLAIN_COSINE, 2, seed=3)
    assert sorted(found.mated_scores.tolist()) == pytest.approx([-1, -1, 1, 1])
    assert rates([found], -0.9, 2).fnir.value == 0.5


def test_the_mean_of_a_person_s_templates_counts() -> None:
    """A probe is compared with the mean direction of the three enrolment photos."""
    # Each photo resembles one other perfectly: with three of four enrolled, one of them is it.
    pairs = [axis(0), axis(0), axis(1), axis(1)]
    vectors, photos = scene([*(("p0", "g0", v) for v in pairs), ("s", "g9", axis(9))])
    for seed in range(5):
        found = draw_gallery(vectors, photos, PLAIN_COSINE, 1, seed)
        assert found.mated_scores == pytest.approx([1 / np.sqrt(1 + 4)])


def test_an_enrolment_photo_is_no_probe() -> None:
    """If all photos differ, no probe matches itself."""
    vectors, photos = scene(
        [*(("p0", "g0", axis(number)) for number in range(6)), ("s", "g9", axis(9))]
    )
    for seed in range(5):
        found = draw_gallery(vectors, photos, PLAIN_COSINE, 1, seed)
        assert found.mated_scores == pytest.approx(np.zeros(3))
        assert len(set(found.mated_people.tolist())) == 1


def test_a_relative_is_no_stranger() -> None:
    """Members of an enrolled person's family are left out of the strangers; others are not."""
    vectors, photos = scene(
        [
            *enrollable(0),
            ("sibling", "g0", axis(0, towards=0, cosine=0.99)),
            ("s", "g1", axis(1)),
            ("s", "g1", axis(1)),
        ]
    )
    found = draw_gallery(vectors, photos, PLAIN_COSINE, 1, seed=0)
    assert found.stranger_scores == pytest.approx([0.0, 0.0])


def test_a_person_with_too_few_photos_is_a_stranger() -> None:
    """A person with three photos has none left for a probe, so the person is never enrolled."""
    vectors, photos = scene([*enrollable(0, 4), *enrollable(1, 3)])
    found = draw_gallery(vectors, photos, PLAIN_COSINE, 1, seed=0)
    assert (len(found.mated_scores), len(found.stranger_scores)) == (1, 3)
    with pytest.raises(DatasetError, match="1 people can be enrolled, expected 2"):
        draw_gallery(vectors, photos, PLAIN_COSINE, 2, seed=0)


def test_a_trial_without_strangers_is_an_error() -> None:
    """A threshold set without strangers would accept every stranger, so it is rejected."""
    vectors, photos = scene([*enrollable(0), *enrollable(1)])
    with pytest.raises(DatasetError, match="with 2 people enrolled, no stranger is left"):
        draw_gallery(vectors, photos, PLAIN_COSINE, 2, seed=0)


def random_scene(seed: int) -> tuple[Floats, list[Photo]]:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(12, DIM))
    people = [(f"p{who}", f"g{who // 2}", centres[who]) for who in range(12) for _ in range(5)]
    noisy = [(name, group, c + 0.7 * rng.normal(size=DIM)) for name, group, c in people]
    vectors, photos = scene([(name, group, unit(v)) for name, group, v in noisy])
    return vectors, photos


@given(st.integers(0, 999), st.integers(1, 5))
def test_a_seed_gives_one_gallery(seed: int, size: int) -> None:
    """The same seed enrols the same people, and every remaining photo is a probe."""
    vectors, photos = random_scene(5)
    one, other = (draw_gallery(vectors, photos, PLAIN_COSINE, size, seed) for _ in range(2))
    assert np.array_equal(one.mated_scores, other.mated_scores)
    assert np.array_equal(one.stranger_scores, other.stranger_scores)
    assert len(set(one.mated_people.tolist())) == size
    assert len(one.mated_scores) == 2 * size
    assert len(one.stranger_scores) % 10 == 0


@given(st.integers(0, 99), st.sampled_from([0.003, 0.01, 0.05, 0.3]))
def test_a_threshold_keeps_the_fpir_asked_for(seed: int, fpir: float) -> None:
    """Over all trials, the upper end of the interval of FPIR is at most the rate."""
    vectors, photos = random_scene(seed)
    trials = [draw_gallery(vectors, photos, PLAIN_COSINE, 4, draw_seed) for draw_seed in range(3)]
    assert rates(trials, threshold_for(trials, fpir), 4).fpir.high <= fpir


def test_a_threshold_is_as_low_as_possible() -> None:
    """With 2,000 strangers, one more named stranger would exceed the rate."""
    scores = np.linspace(0, 1, 2000)
    found = trial([1.0], scores.tolist())
    threshold = threshold_for([found], 0.02)
    assert rates([found], threshold, 1).fpir.high <= 0.02
    next_lower = float(scores[scores < threshold].max())
    assert rates([found], next_lower, 1).fpir.high > 0.02
    assert 0.01 < rates([found], threshold, 1).fpir.value < 0.017


def test_strangers_with_many_photos_raise_the_threshold() -> None:
    """The same scores give a higher threshold if forty photos each show one person."""
    scores = np.random.default_rng(0).permutation(np.linspace(0, 1, 2000)).tolist()
    alone = trial([1.0], scores)
    together = replace(alone, stranger_groups=np.arange(2000) // 40)
    ordered = replace(together, stranger_scores=np.sort(alone.stranger_scores))
    assert threshold_for([ordered], 0.02) > threshold_for([alone], 0.02)


def test_scores_are_normalised_by_the_cohort() -> None:
    """Of two people with equal cosines, the one who resembles the cohort gets the lower score."""
    crowd = unit(axis(0) + 0.1 * np.random.default_rng(2).normal(size=(20, DIM)))
    vectors, photos = scene([*enrollable(0), *enrollable(1), ("s", "g9", axis(9))])
    plain = draw_gallery(vectors, photos, PLAIN_COSINE, 2, seed=0)
    held = draw_gallery(vectors, photos, Cohort(crowd), 2, seed=0)
    assert plain.mated_scores == pytest.approx(np.ones(4))
    like_many, like_few = held.mated_scores[:2], held.mated_scores[2:]
    if held.mated_people[0] == np.unique([p.identity for p in photos]).tolist().index("s/p1"):
        like_many, like_few = like_few, like_many
    assert like_many.max() < 0.2
    assert like_few.min() > 0.7


def test_errors_trade_against_each_other() -> None:
    """A higher threshold never gives a higher FPIR or a lower FNIR."""
    vectors, photos = random_scene(2)
    trials = [draw_gallery(vectors, photos, PLAIN_COSINE, 4, seed) for seed in range(3)]
    found = [rates(trials, threshold, 4) for threshold in np.linspace(-0.5, 1.1, 30)]
    assert np.all(np.diff([item.fpir.value for item in found]) <= 0)
    assert np.all(np.diff([item.fnir.value for item in found]) >= 0)
    assert (found[0].fpir.value, found[-1].fnir.value) == (1.0, 1.0)


def test_equal_galleries_do_not_narrow_the_interval() -> None:
    """Ten equal trials give the interval of one trial: the interval is over people."""
    one = trial([0.9, 0.2, 0.8, 0.7, 0.1, 0.9], [0.6, 0.1, 0.0, 0.7])
    single, tenfold = rates([one], 0.5, 6), rates([one] * 10, 0.5, 6)
    assert (tenfold.fnir.low, tenfold.fnir.high) == (single.fnir.low, single.fnir.high)
    assert (tenfold.fpir.low, tenfold.fpir.high) == (single.fpir.low, single.fpir.high)
    assert (single.fnir.n, tenfold.fnir.n) == (6, 60)
    assert tenfold.fnir.high - tenfold.fnir.low > wilson(20, 60).high - wilson(20, 60).low


def test_people_have_the_same_number_in_every_trial() -> None:
    """A person, and a stranger's family, has the same number in every trial."""
    vectors, photos = random_scene(1)
    trials = [draw_gallery(vectors, photos, PLAIN_COSINE, 4, seed) for seed in range(6)]
    owners = {int(owner) for item in trials for owner in item.mated_people}
    strangers = {int(group) for item in trials for group in item.stranger_groups}
    assert len(owners) <= 12 < sum(len(set(item.mated_people.tolist())) for item in trials)
    assert len(strangers) <= 6
