"""The mean embedding of a walk: whose frames are part of it, and how much each weighs."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.recognition.vectors import unit
from kiosk.recognition.walk import WEIGHT_CAP, alike, is_taken_over, mean_weights, walk_mean
from kiosk.records import Floats
from tests.support_recognition import embedding

weights = st.lists(st.floats(0.01, 1), min_size=1, max_size=12)


def near(who: int, look: int, spread: float = 0.5) -> Floats:
    """An embedding near a person's own direction; each look differs a little."""
    return unit(embedding(who) + spread * embedding(1000 + look))


def frames(letters: str) -> Floats:
    """One embedding for each letter; the same letter is the same person with another look."""
    return np.stack([near(ord(letter), look) for look, letter in enumerate(letters)])


def kept(letters: str, alike_min: float = 0.4) -> str:
    chosen = alike(frames(letters), np.ones(len(letters)), alike_min)
    return "".join(letter for letter, is_kept in zip(letters, chosen, strict=True) if is_kept)


@given(weights)
def test_weights_sum_to_one_and_no_frame_dominates(values: list[float]) -> None:
    """Of three frames or more, the best has at most two thirds of the weight."""
    shares = mean_weights(values)
    assert float(shares.sum()) == pytest.approx(1.0, abs=1e-5)
    if len(values) >= 3:
        assert float(shares.max()) <= 2 / 3 + 1e-5
    assert float(shares.max()) <= WEIGHT_CAP * float(np.median(shares)) + 1e-5


def test_a_better_frame_weighs_more() -> None:
    """Within the cap the weights are in proportion to the quality."""
    assert mean_weights([0.5, 1.0, 0.5]) == pytest.approx([0.25, 0.5, 0.25])


def test_the_mean_has_length_one_and_leans_to_the_heavier_frame() -> None:
    """The mean is a direction between the frames."""
    one, other = np.eye(4, dtype=np.float32)[:2]
    mean = walk_mean(np.stack([one, other]), np.array([0.8, 0.2], np.float32))
    assert np.linalg.norm(mean) == pytest.approx(1.0)
    assert mean @ one > mean @ other > 0


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("a", "a"),
        ("aaaa", "aaaa"),
        ("aabaa", "aaaa"),
        ("aabca", "aaa"),
        ("baaaac", "aaaa"),
        # Of two unlike frames the newer one.
        ("ab", "b"),
        ("abc", "c"),
    ],
)
def test_frames_unlike_the_others_are_left_out(letters: str, expected: str) -> None:
    """Most frames decide who is meant; one frame at least is kept."""
    assert kept(letters) == expected


@given(st.text("ab", min_size=1, max_size=12))
def test_at_least_one_frame_is_kept(letters: str) -> None:
    """Whatever the limit, there is a mean."""
    assert len(kept(letters, 1.0)) >= 1
    assert kept(letters, -1.0) == letters


@given(st.permutations("aaaaaabc"))
def test_the_order_of_strays_does_not_matter(letters: Sequence[str]) -> None:
    """The frames of a clear majority are kept in any order."""
    assert kept("".join(letters)) == "aaaaaa"


@pytest.mark.parametrize(
    ("letters", "is_other"),
    [
        ("abbb", True),
        ("aaaaaabbb", True),
        # Too few new frames, or nobody before them.
        ("aaaaabb", False),
        ("bbb", False),
        # The first person is back, or the new frames are not one person.
        ("aaaaabba", False),
        ("aaaaabab", False),
        ("aaaaabcd", False),
    ],
)
def test_a_track_is_taken_over_by_enough_new_frames_of_another_person(
    letters: str, *, is_other: bool
) -> None:
    """Three frames in a row that are alike and unlike all before them are another person."""
    assert is_taken_over(frames(letters), 3, 0.4) is is_other


def test_one_new_frame_unlike_the_person_does_not_take_over_the_track() -> None:
    """Where the newest frames are alike, each of them must be unlike those before them."""
    turns = np.radians([0.0, 0.0, 60.0, 70.0, 60.0])  # cosines 0.5, 0.34 and 0.5
    looks = np.stack([np.cos(turns), np.sin(turns)], axis=1).astype(np.float32)
    assert not is_taken_over(looks, 3, 0.4)
