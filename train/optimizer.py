"""The optimisers of recipe ``embedding``."""

from typing import Any, Final

import keras
from keras import ops

ADAM_RATIO: Final = 0.25
"""Rate of what AdamW moves to the rate of what Muon moves, which bears a higher one."""


@keras.saving.register_keras_serializable("kiosk")
class KernelMuon(keras.optimizers.Muon):
    """Muon for convolution kernels too (Jordan et al., 2024; Liu et al., 2025, for the scale).

    Keras leaves all but matrices to AdamW. A kernel ``(h, w, in, out)`` is a matrix of
    ``h * w * in`` rows, and to move all its directions alike is what makes a step of Muon go
    further than one of AdamW. A depthwise kernel mixes no channels, and stays with AdamW, as do
    gains, shifts and the directions of people.
    """

    def _should_use_adamw(self, variable: Any) -> bool:  # noqa: ANN401  # a Keras variable
        if len(variable.shape) == 4:
            return bool(variable.shape[-1] == 1)
        return bool(super()._should_use_adamw(variable))

    def _muon_update_step(self, gradient: Any, variable: Any, lr: Any, m: Any) -> None:  # noqa: ANN401  # tensors
        self.assign_add(m, ops.add(gradient, m * (self.momentum - 1)))
        ahead = ops.add(gradient, self.momentum * m) if self.nesterov else m
        matrix = ops.cast(ops.reshape(ahead, (-1, variable.shape[-1])), "bfloat16")
        update = ops.cast(self.zeropower_via_newtonschulz5(matrix, self.ns_steps), variable.dtype)
        step = ops.reshape(self.lr_adjust(lr * update), variable.shape)
        self.assign_sub(variable, step)


def build_optimizer(
    name: str, schedule: keras.optimizers.schedules.LearningRateSchedule, decay: float
) -> keras.optimizers.Optimizer:
    """Make the optimiser of a run: ``muon`` or ``adamw``, with decoupled weight decay ``decay``."""
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
