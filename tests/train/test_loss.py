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
def test_the_distillation_loss_agrees_with_its_definition(seed: int, relation: float) -> None:
    """It is 1 - cosine plus half the mean squared difference of the similarity rows."""
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
def test_the_teacher_s_directions_have_no_loss(seed: int, length: float) -> None:
    """A student with the teacher's directions has loss 0, whatever the lengths."""
    teacher = unit(normal(seed, 4, 6))
    found = call(DistillationLoss(), teacher, teacher * np.float32(length))
    assert found == pytest.approx(np.zeros(4), abs=1e-5)


def test_the_relational_part_adds_to_the_direct_part() -> None:
    """Of two students equally far from the teacher, one with the teacher's angles costs less."""
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
    """It is the cross-entropy of scaled cosines minus the margin (Wang et al., 2018)."""
    cosines = np.tanh(normal(seed, 6, 4))
    people = np.random.default_rng(seed).integers(0, 4, 6)
    expected = []
    for row, person in zip(cosines.astype(np.float64), people, strict=True):
        lowered = row - margin * (np.arange(4) == person)
        expected.append(cross_entropy(scale * lowered, person))
    found = call(MarginLoss(scale, margin), people[:, None].astype(np.int32), cosines)
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-4)


def test_a_larger_margin_gives_a_larger_loss() -> None:
    """A larger margin gives a larger loss for the same cosines."""
    cosines, person = np.array([[0.6, 0.2, 0.1]], np.float32), np.array([[0]], np.int32)
    costs = [float(call(MarginLoss(margin=m), person, cosines)[0]) for m in (0.0, 0.2, 0.4)]
    assert costs == sorted(costs)
    assert costs[2] > costs[0] + 0.5


@few
@given(seeds)
def test_unnamed_photos_have_no_margin_loss(seed: int) -> None:
    """Unnamed photos have loss 0 and do not change the loss of the others."""
    cosines = np.tanh(normal(seed, 6, 4))
    people = np.array([[0], [-1], [3], [-1], [2], [-1]], np.int32)
    found = call(MarginLoss(), people, cosines)
    assert found[1::2].tolist() == [0, 0, 0]
    assert found[::2] == pytest.approx(call(MarginLoss(), people[::2], cosines[::2]))
    changed = cosines.copy()
    changed[1::2] = 1e4
    assert np.array_equal(call(MarginLoss(), people, changed), found)


def test_labels_may_be_floats() -> None:
    """Labels may be floats, as Keras may convert them."""
    cosines = np.tanh(normal(1, 3, 4))
    people = np.array([[1], [-1], [2]])
    assert call(MarginLoss(), people.astype(np.float32), cosines) == pytest.approx(
        call(MarginLoss(), people.astype(np.int32), cosines)
    )


@few
@given(seeds)
def test_the_head_gives_cosines(seed: int) -> None:
    """The head compares each embedding, of any length, with each person's direction."""
    directions, embeddings = normal(seed, 5, 8), normal(seed + 1, 3, 8)
    found = keras.ops.convert_to_numpy(CosineHead(5, directions)(embeddings))
    assert found == pytest.approx(unit(embeddings) @ unit(directions).T, abs=1e-5)


def test_the_head_starts_at_random_without_directions() -> None:
    """Without the teacher's means each person starts with a random direction."""
    head = CosineHead(5)
    assert head(normal(1, 2, 8)).shape == (2, 5)
    assert [tuple(weight.shape) for weight in head.trainable_weights] == [(5, 8)]


def test_a_vector_of_zeros_stays_finite() -> None:
    """Scaling a vector of zeros to length 1 does not divide by zero."""
    found = keras.ops.convert_to_numpy(unit_tensor(np.array([[0, 0], [3, 4]], np.float32)))
    assert found == pytest.approx(np.array([[0, 0], [0.6, 0.8]]))
