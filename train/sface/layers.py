"""The layer of SFace that Keras has not."""

from typing import Any

import keras


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
