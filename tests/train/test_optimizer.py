"""The optimisers: which variables each updates, and that both reduce the loss."""

from typing import Any

import keras
import numpy as np
import pytest

from kiosk.contract import EMBEDDING_DIM
from kiosk.recognition.vectors import unit
from kiosk.records import Floats
from tests.support_train import TINY
from train.loss import CosineHead
from train.network import build_network
from train.optimizer import ADAM_RATIO, KernelMuon, averaged_weights, build_optimizer

RATE = 0.1
DECAY = 0.5
CONSTANT = keras.optimizers.schedules.PolynomialDecay(RATE, 1, RATE)


def networks() -> keras.Model:
    """A tiny embedder with a head that tells three people apart."""
    embedder = build_network(TINY)
    directions = unit(np.random.default_rng(1).normal(size=(3, EMBEDDING_DIM)))
    identity = CosineHead(3, directions, name="identity")(embedder.output)
    return keras.Model(embedder.input, identity)


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return networks()


def kernel(*shape: int) -> keras.Variable:
    values = np.random.default_rng(2).normal(size=shape).astype(np.float32)
    return keras.Variable(values, name="kernel")


def numbers(variable: Any) -> Floats:  # noqa: ANN401  # a Keras variable
    # A copy: under PyTorch the array would be the variable's own memory.
    return np.array(keras.ops.convert_to_numpy(variable), np.float32)


def moved(optimizer: keras.optimizers.Optimizer, variable: keras.Variable, seed: int) -> Floats:
    """How far one step moves a variable along a random gradient."""
    before = numbers(variable)
    gradient = np.random.default_rng(seed).normal(size=before.shape).astype(np.float32)
    optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
    return before - numbers(variable)


def test_muon_updates_kernels_and_adamw_the_rest(model: keras.Model) -> None:
    """Muon updates kernels that mix channels; AdamW updates all other variables."""
    optimizer = build_optimizer("muon", CONSTANT, DECAY)
    optimizer.build(model.trainable_variables)
    by_muon = {
        variable.path
        for variable, velocity in zip(
            model.trainable_variables, optimizer.adam_velocities, strict=True
        )
        if velocity is None
    }
    assert by_muon == {
        "stem/kernel", "stage0_block0_a/kernel", "stage0_block0_b/kernel",
        "stage0_block0_skip/kernel", "head/kernel", "project/kernel",
    }  # fmt: skip
    rest = {variable.path for variable in model.trainable_variables} - by_muon
    assert "place/kernel" in rest
    assert {path.rsplit("/")[-1] for path in rest} >= {"gamma", "beta"}
    assert any(path.startswith("identity/") for path in rest)


@pytest.mark.parametrize(
    "shape", [(3, 3, 16, 24), (1, 1, 32, 16), (3, 3, 4, 64), (48, 20)], ids=str
)
def test_the_update_of_a_kernel_has_equal_singular_values(shape: tuple[int, ...]) -> None:
    """As a matrix of ``h * w * in`` rows its step has singular values of about one size.

    Five iterations bring them to between 0.7 and 1.2, times Liu's scale; the gradient's own differ
    several times as much.
    """
    optimizer = KernelMuon(RATE, weight_decay=None)
    step = moved(optimizer, kernel(*shape), seed=3).reshape(-1, shape[-1])
    scale = RATE * 0.2 * max(step.shape) ** 0.5
    values = np.linalg.svd(step, compute_uv=False) / scale
    assert len(values) == min(step.shape)
    assert 0.55 < values.min() < values.max() < 1.3


def test_the_update_of_a_kernel_follows_its_gradient() -> None:
    """The update has the gradient's direction, with equal singular values."""
    gradient = np.random.default_rng(4).normal(size=(3, 3, 8, 16)).astype(np.float32)
    left, _, right = np.linalg.svd(gradient.reshape(72, 16), full_matrices=False)
    step = moved(KernelMuon(RATE, weight_decay=None), kernel(3, 3, 8, 16), seed=4).ravel()
    expected = (left @ right).ravel()
    cosine = step @ expected / np.linalg.norm(step) / np.linalg.norm(expected)
    assert cosine > 0.97


def test_a_depthwise_kernel_is_updated_as_by_adamw() -> None:
    """Its update is AdamW's at a quarter of Muon's rate."""
    one, other = kernel(7, 7, 16, 1), kernel(7, 7, 16, 1)
    by_muon = moved(build_optimizer("muon", CONSTANT, 0.0), one, seed=5)
    by_adamw = moved(keras.optimizers.AdamW(RATE * ADAM_RATIO, weight_decay=0.0), other, seed=5)
    assert by_muon == pytest.approx(by_adamw, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("name", ["muon", "adamw"])
def test_kernels_decay_and_gains_do_not(name: str) -> None:
    """Without a gradient a kernel shrinks by rate times decay, and a gain stays."""
    network = build_network(TINY)
    optimizer = build_optimizer(name, CONSTANT, DECAY)
    variables = network.trainable_variables
    before = [numbers(variable) for variable in variables]
    optimizer.apply([keras.ops.zeros(variable.shape) for variable in variables], variables)
    for variable, was in zip(variables, before, strict=True):
        kept = 1 - RATE * DECAY if variable.name == "kernel" else 1.0
        assert numbers(variable) == pytest.approx(kept * was, rel=1e-4, abs=1e-5), variable.path


def test_a_gradient_is_clipped_by_its_norm() -> None:
    """Gradients of all weights are shrunk alike, so that together they have the largest norm."""

    def end(clip_norm: float, *steps: tuple[float, float]) -> Floats:
        variables = [keras.Variable(np.zeros(1, np.float32)) for _ in range(2)]
        optimizer = build_optimizer("adamw", CONSTANT, 0.0, clip_norm=clip_norm)
        for step in steps:
            optimizer.apply([keras.ops.convert_to_tensor([part]) for part in step], variables)
        return np.concatenate([numbers(variable) for variable in variables])

    clipped = end(1.0, (48.0, 14.0), (0.6, 0.8))
    assert clipped == pytest.approx(end(0.0, (0.96, 0.28), (0.6, 0.8)), rel=1e-4)
    assert clipped != pytest.approx(end(0.0, (48.0, 14.0), (0.6, 0.8)), rel=1e-2)


@pytest.mark.parametrize("name", ["muon", "adamw"])
def test_weights_are_averaged_over_the_last_steps(name: str) -> None:
    """Over four steps, each new average is a quarter of the new weights; training keeps its own."""
    network = build_network(TINY)
    network.compile(build_optimizer(name, CONSTANT, DECAY, average_steps=4.0))
    variables = network.trainable_variables
    expected: list[Floats] = []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        steps = [rng.normal(size=variable.shape).astype(np.float32) for variable in variables]
        network.optimizer.apply([keras.ops.convert_to_tensor(step) for step in steps], variables)
        last = [numbers(variable) for variable in variables]
        pairs = zip(expected or last, last, strict=True)
        expected = [np.asarray(old + (new - old) / 4, np.float32) for old, new in pairs]
    with averaged_weights(network):
        found = [numbers(variable) for variable in variables]
    for variable, average, end, right in zip(variables, found, last, expected, strict=True):
        assert average == pytest.approx(right, rel=1e-4, abs=1e-5), variable.path
        assert np.array_equal(numbers(variable), end)


def test_without_an_average_the_weights_are_the_last_ones() -> None:
    """An average over one step or less is none."""
    network = build_network(TINY)
    network.compile(build_optimizer("adamw", CONSTANT, DECAY, average_steps=1.0))
    network.optimizer.build(network.trainable_variables)
    before = numbers(network.trainable_variables[0])
    with averaged_weights(network):
        assert np.array_equal(numbers(network.trainable_variables[0]), before)


@pytest.mark.parametrize(("name", "rate"), [("muon", 1e-2), ("adamw", 2e-3)])
def test_a_network_learns(name: str, rate: float) -> None:
    """A few steps on a few crops reduce the loss."""
    keras.utils.set_random_seed(1)
    network = networks()
    schedule = keras.optimizers.schedules.PolynomialDecay(rate, 1, rate)
    network.compile(build_optimizer(name, schedule, 0.02), loss="mse")
    rng = np.random.default_rng(6)
    crops = rng.integers(0, 256, (8, 112, 112, 3)).astype(np.float32)
    who = np.eye(3, dtype=np.float32)[np.arange(8) % 3]
    losses = [float(network.train_on_batch(crops, who)) for _ in range(12)]
    assert np.isfinite(losses).all()
    assert losses[-1] < 0.7 * losses[0]


@pytest.mark.parametrize("name", ["muon", "adamw"])
def test_an_optimiser_can_be_saved_and_read_back(name: str) -> None:
    """A backup stores the optimiser under its registered name, with all its settings."""
    optimizer = build_optimizer(name, CONSTANT, DECAY)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(optimizer))
    assert type(again) is type(optimizer)
    assert again.get_config() == optimizer.get_config()
