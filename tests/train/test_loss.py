"""The losses, against plain NumPy."""

import keras
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiosk.recognition.vectors import unit
from kiosk.records import Floats
from train.loss import CosineHead, DistillationLoss, MarginLoss
from train.loss import unit as unit_tensor

seeds = st.integers(0, 9999)
few = settings(max_examples=25, deadline=None)


def normal(seed: int, *shape: int) -> Floats:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def call(loss: keras.losses.Loss, true: npt.ArrayLike, predicted: npt.ArrayLike) -> Floats:
    """The loss of each row."""
    tensors = (keras.ops.convert_to_tensor(true), keras.ops.convert_to_tensor(predicted))
    return np.asarray(keras.ops.convert_to_numpy(loss.call(*tensors)), np.float32)


@few
@given(seeds, st.sampled_from([0.0, 1.0, 10.0]))
def test_the_distillation_is_its_definition(seed: int, relation: float) -> None:
    """One less the cosine, plus half the mean squared difference of the similarity rows."""
    teacher, student = unit(normal(seed, 5, 7)), normal(seed + 1, 5, 7)
    directions = unit(student)
    expected = [
        1 - teacher[i] @ directions[i]
        + relation / 2 * np.mean([
            (directions[i] @ directions[j] - teacher[i] @ teacher[j]) ** 2 for j in range(5)
        ])
        for i in range(5)
    ]  # fmt: skip
    assert call(DistillationLoss(relation), teacher, student) == pytest.approx(expected, abs=1e-4)


@few
@given(seeds, st.floats(0.01, 100))
def test_pointing_where_the_teacher_points_costs_nothing(seed: int, length: float) -> None:
    """The student's vectors may have any length."""
    teacher = unit(normal(seed, 4, 6))
    found = call(DistillationLoss(), teacher, teacher * np.float32(length))
    assert found == pytest.approx(np.zeros(4), abs=1e-5)


def test_the_relational_part_sees_what_the_direct_part_does_not() -> None:
    """Two students equally far from the teacher differ where one keeps the teacher's angles."""
    teacher = np.eye(3, dtype=np.float32)[:2]
    turned = np.array([[0, 0, 1], [1, 0, 0]], np.float32)  # still at right angles
    folded = np.array([[0, 0, 1], [0, 0, 1]], np.float32)  # one on the other
    direct = DistillationLoss(relation=0.0)
    assert call(direct, teacher, turned) == pytest.approx(call(direct, teacher, folded))
    assert call(DistillationLoss(), teacher, turned) == pytest.approx([1, 1])
    assert np.all(call(DistillationLoss(), teacher, folded) > 1.5)


def cross_entropy(logits: Floats, person: int) -> float:
    return float(np.log(np.sum(np.exp(logits - logits[person]))))


@few
@given(seeds, st.sampled_from([0.0, 0.2, 0.35]), st.sampled_from([10.0, 30.0]))
def test_the_margin_loss_is_cosface(seed: int, margin: float, scale: float) -> None:
    """Cross-entropy of scaled cosines, the right one lowered by the margin (Wang et al., 2018)."""
    cosines = np.tanh(normal(seed, 6, 4))
    people = np.random.default_rng(seed).integers(0, 4, 6)
    expected = []
    for row, person in zip(cosines.astype(np.float64), people, strict=True):
        lowered = row - margin * (np.arange(4) == person)
        expected.append(cross_entropy(scale * lowered, person))
    found = call(MarginLoss(scale, margin), people[:, None].astype(np.int32), cosines)
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_a_margin_makes_it_harder() -> None:
    """The same cosines cost more the larger the margin, as long as the right person is named."""
    cosines, person = np.array([[0.6, 0.2, 0.1]], np.float32), np.array([[0]], np.int32)
    costs = [float(call(MarginLoss(margin=m), person, cosines)[0]) for m in (0.0, 0.2, 0.4)]
    assert costs == sorted(costs)
    assert costs[2] > costs[0] + 0.5


@few
@given(seeds)
def test_photos_of_nobody_named_do_not_count(seed: int) -> None:
    """Their loss is 0 whatever their cosines are, and the others' is as without them."""
    cosines = np.tanh(normal(seed, 6, 4))
    people = np.array([[0], [-1], [3], [-1], [2], [-1]], np.int32)
    found = call(MarginLoss(), people, cosines)
    assert found[1::2].tolist() == [0, 0, 0]
    assert found[::2] == pytest.approx(call(MarginLoss(), people[::2], cosines[::2]))
    changed = cosines.copy()
    changed[1::2] = 1e4
    assert np.array_equal(call(MarginLoss(), people, changed), found)


def test_people_may_come_as_any_number() -> None:
    """Keras may hand labels over as floats."""
    cosines = np.tanh(normal(1, 3, 4))
    people = np.array([[1], [-1], [2]])
    assert call(MarginLoss(), people.astype(np.float32), cosines) == pytest.approx(
        call(MarginLoss(), people.astype(np.int32), cosines)
    )


@few
@given(seeds)
def test_the_head_gives_cosines(seed: int) -> None:
    """Each embedding, of whatever length, against each person's direction."""
    directions, embeddings = normal(seed, 5, 8), normal(seed + 1, 3, 8)
    found = keras.ops.convert_to_numpy(CosineHead(5, directions)(embeddings))
    assert found == pytest.approx(unit(embeddings) @ unit(directions).T, abs=1e-5)


def test_the_head_starts_anywhere_without_directions() -> None:
    """Without the teacher's means there is one random direction a person, to be learnt."""
    head = CosineHead(5)
    assert head(normal(1, 2, 8)).shape == (2, 5)
    assert [tuple(weight.shape) for weight in head.trainable_weights] == [(5, 8)]


def test_a_vector_of_nothing_stays_finite() -> None:
    """Scaling to length 1 divides by no zero."""
    found = keras.ops.convert_to_numpy(unit_tensor(np.array([[0, 0], [3, 4]], np.float32)))
    assert found == pytest.approx(np.array([[0, 0], [0.6, 0.8]]))
