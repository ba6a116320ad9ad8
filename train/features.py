"""The distance of a network's features of a bad picture to SFace's own of the same face, seen well.

An embedding of 128 numbers says little about how to mend a picture; the maps before it say more,
and they say it for every person, not only for those of the training.
"""

from typing import Any, Final

import keras

from kiosk.contract import CROP_PX
from train.sface.network import build_sface
from train.sface.weights import Sface

_TAPS: Final = ("conv_6_prelu", "conv_12_prelu", "conv_14_prelu")
"""The last layers of 28, 14 and 7 pixels."""


@keras.saving.register_keras_serializable("kiosk")
class FeatureDistance(keras.layers.Layer):
    """The mean squared difference of two maps, in variances of the second."""

    def call(self, maps: Any) -> Any:  # noqa: ANN401  # Keras carries no types
        """Compare two ``(n, height, width, channels)``; return ``(n, 1)`` float32."""
        own, aim = (keras.ops.cast(each, "float32") for each in maps)
        spread = keras.ops.mean(keras.ops.var(aim, axis=(0, 1, 2)))
        distance = keras.ops.mean(keras.ops.square(own - aim), axis=(1, 2, 3))
        return keras.ops.expand_dims(distance / spread, -1)


def compare_features(network: keras.Model, sface: Sface) -> tuple[Any, Any]:
    """Compare the features of a network with those of SFace.

    Args:
        network: A form of SFace, from :func:`train.sface.network.build_sface`.
        sface: The weights that give the aims.

    Returns:
        The Keras tensors of the faces seen well ``(n, 112, 112, 3)``, an input, and of the mean
        distance ``(n, 1)`` of the network's features of its own input to those.
    """
    fixed = build_sface(sface)
    fixed.trainable = False
    aims = keras.Model(fixed.input, [fixed.get_layer(name).output for name in _TAPS], name="aims")
    clean = keras.Input((CROP_PX, CROP_PX, 3), name="clean")
    pairs = zip((network.get_layer(name).output for name in _TAPS), aims(clean), strict=True)
    apart = [FeatureDistance(dtype="float32")([own, aim]) for own, aim in pairs]
    return clean, keras.layers.Average(dtype="float32", name="features")(apart)


def distance_itself(aims: Any, distances: Any) -> Any:  # noqa: ANN401  # Keras carries no types
    """Return ``(n, 1)`` distances as the loss of each crop; what they aim at is 0."""
    del aims
    return keras.ops.squeeze(distances, -1)
