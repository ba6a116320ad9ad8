"""The layers of SFace that Keras has not."""

from typing import Any, Final

import keras

GROUPS_MAX: Final = 8
"""Slopes of a :class:`SharedPReLU`. In the int8 form each group costs two operators."""


@keras.saving.register_keras_serializable("kiosk")
class SharedPReLU(keras.layers.Layer):
    """A PReLU whose channels are in groups; each group has one slope."""

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Create the slope of each group, and the number of each channel's group."""
        self.slope = self.add_weight(shape=(GROUPS_MAX,), autocast=False, name="slope")
        self.group = self.add_weight(
            shape=shape[-1:], dtype="int32", initializer="zeros", trainable=False, name="group"
        )

    def call(self, values: Any) -> Any:  # noqa: ANN401  # Keras carries no types
        """Multiply what is below 0."""
        excess = keras.ops.cast(keras.ops.take(self.slope, self.group) - 1, values.dtype)
        return values + excess * keras.ops.minimum(values, 0)


@keras.saving.register_keras_serializable("kiosk")
class ChannelAffine(keras.layers.Layer):
    """A factor and an addend for each channel: what a frozen BatchNorm is.

    Args:
        pace: The weights are the factor and the addend, divided by this.
    """

    def __init__(self, pace: float = 1.0, **kwargs: Any) -> None:  # noqa: ANN401  # Keras's arguments
        super().__init__(**kwargs)
        self.pace = pace

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Create both."""
        self.gamma = self.add_weight(shape=shape[-1:], initializer="ones", name="gamma")
        self.beta = self.add_weight(shape=shape[-1:], initializer="zeros", name="beta")

    def call(self, values: Any) -> Any:  # noqa: ANN401  # Keras carries no types
        """Multiply and add."""
        return values * (self.pace * self.gamma) + self.pace * self.beta
