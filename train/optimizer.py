"""The optimisers of recipe ``embedding``."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import keras
import numpy as np
from keras import ops

ADAM_RATIO: Final = 0.25
"""Learning rate of AdamW's weights, relative to Muon's weights, which tolerate a higher rate."""


@keras.saving.register_keras_serializable("kiosk")
class KernelMuon(keras.optimizers.Muon):
    """Muon for convolution kernels too (Jordan et al., 2024; Liu et al., 2025, for the scale).

    Keras's Muon updates only matrices and leaves the rest to AdamW. A kernel ``(h, w, in, out)`` is
    a matrix of ``h * w * in`` rows; equal singular values of its update are what makes a step of
    Muon gain more than one of AdamW. A depthwise kernel mixes no channels and stays with AdamW, as
    do gains, shifts and the directions of people.
    """

    def _should_use_adamw(self, variable: Any) -> bool:  # noqa: ANN401  # a Keras variable
        if len(variable.shape) == 4:
            return bool(variable.shape[-1] == 1)
        return bool(super()._should_use_adamw(variable))

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:  # noqa: ANN401  # tensors
        """Make the singular values of a kernel's update equal, in bfloat16 as in the paper."""
        matrix = ops.cast(_matrix(x), "bfloat16")
        equalised = super().zeropower_via_newtonschulz5(matrix, steps)
        return ops.reshape(ops.cast(equalised, x.dtype), x.shape)

    def lr_adjust(self, x: Any) -> Any:  # noqa: ANN401  # a tensor
        """Scale the learning rate by the size of the kernel's matrix."""
        return ops.reshape(super().lr_adjust(_matrix(x)), x.shape)


def _matrix(kernel: Any) -> Any:  # noqa: ANN401  # a tensor
    return ops.reshape(kernel, (-1, kernel.shape[-1]))


def build_optimizer(
    name: str,
    schedule: keras.optimizers.schedules.LearningRateSchedule,
    decay: float,
    *,
    clip_norm: float = 0.0,
    average_steps: float = 0.0,
) -> keras.optimizers.Optimizer:
    """Build an optimiser.

    Args:
        name: ``muon`` or ``adamw``.
        schedule: The learning rate of each step.
        decay: Weight decay, decoupled.
        clip_norm: The largest norm of all gradients together; 0 does not clip.
        average_steps: Over how many of the last steps the weights are averaged; of one step or
            less, the result is the last weights.
    """
    settings: dict[str, Any] = {"weight_decay": decay, "global_clipnorm": clip_norm or None}
    if average_steps > 1:
        settings |= {"use_ema": True, "ema_momentum": 1 - 1 / average_steps}
    if name == "muon":
        optimizer = KernelMuon(
            schedule,
            adam_weight_decay=decay,
            adam_lr_ratio=ADAM_RATIO,
            exclude_layers=["identity"],
            **settings,
        )
    else:
        # PyTorch's epsilon: clipped gradients of SFace's weights are small, about 3e-6.
        optimizer = keras.optimizers.AdamW(schedule, epsilon=1e-8, **settings)
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    return optimizer


@contextmanager
def averaged_weights(model: keras.Model) -> Iterator[None]:
    """Give a model the averaged weights for a while, if its optimiser has any."""
    variables = model.trainable_variables
    # Copies: under PyTorch the arrays would be the variables' own memory.
    kept = [np.array(ops.convert_to_numpy(variable)) for variable in variables]
    model.optimizer.finalize_variable_values(variables)
    try:
        yield
    finally:
        for variable, values in zip(variables, kept, strict=True):
            variable.assign(values)
