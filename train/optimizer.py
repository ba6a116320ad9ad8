"""The optimisers of recipe ``embedding``."""

from typing import Any, Final

import keras
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
    name: str, schedule: keras.optimizers.schedules.LearningRateSchedule, decay: float
) -> keras.optimizers.Optimizer:
    """Build the optimiser ``muon`` or ``adamw``, with decoupled weight decay ``decay``."""
    if name == "muon":
        optimizer = KernelMuon(
            schedule,
            weight_decay=decay,
            adam_weight_decay=decay,
            adam_lr_ratio=ADAM_RATIO,
            exclude_layers=["identity"],
        )
    else:
        optimizer = keras.optimizers.AdamW(schedule, weight_decay=decay)
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    return optimizer
