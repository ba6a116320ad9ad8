"""Embed aligned crops with the int8 model of a bundle."""

from typing import Protocol

import numpy as np

from kiosk.contract import CROP_PX, EMBEDDING_DIM
from kiosk.errors import ModelError
from kiosk.recognition.bundle import GOLDEN_STEPS, Bundle
from kiosk.recognition.tflite import Runtime, TfliteModel
from kiosk.recognition.vectors import unit
from kiosk.records import Floats, Image


class Embedder(Protocol):
    """Anything that computes the embedding of a crop."""

    def embed(self, crop: Image) -> Floats:
        """Embed ``(112, 112, 3)`` uint8 RGB; ``(128,)`` float32 of length 1."""


def embed_int8(model: TfliteModel, crop: Image) -> Floats:
    """Run an int8 model on one crop and scale its output to length 1.

    Args:
        model: Takes one crop, pixel less 128, and returns one embedding.
        crop: ``(112, 112, 3)`` uint8 RGB.

    Returns:
        ``(dim,)`` float32 of length 1.
    """
    scale, zero = model.output_quantisation
    return unit((model.run_crop(crop).astype(np.float32) - zero) * scale)


class TfliteEmbedder:
    """The embedder that the kiosk uses.

    Args:
        bundle: The model bundle.
        runtime: Which TFLite runtime.
        threads: Threads of one inference.

    Raises:
        ModelError: The model does not take the contract's crop, or does not return an embedding.
        ConfigError: The runtime is not installed.
    """

    def __init__(
        self, bundle: Bundle, runtime: Runtime = "ai-edge-litert", threads: int = 1
    ) -> None:
        self.model_id = bundle.card.model_id
        self._bundle = bundle
        self._model = TfliteModel(bundle.model, runtime, threads)
        shapes = self._model.input_shape, self._model.output_shape
        if shapes != ((1, CROP_PX, CROP_PX, 3), (1, EMBEDDING_DIM)):
            raise ModelError(
                f"{self.model_id}: maps {shapes[0]} to {shapes[1]}, not a crop to an embedding"
            )
        scale, zero = self._model.input_quantisation
        # With scale 1 and zero point -128 a pixel's int8 is the pixel less 128: no arithmetic.
        if abs(scale - 1.0) > 1e-3 or zero != -128:
            raise ModelError(f"{self.model_id}: input scale {scale}, zero {zero}; not 1 and -128")

    def embed(self, crop: Image) -> Floats:
        """Embed ``(112, 112, 3)`` uint8 RGB; ``(128,)`` float32 of length 1."""
        return embed_int8(self._model, crop)

    def check(self) -> int:
        """Replay the golden vectors, and return the largest difference in int8 steps.

        Raises:
            ModelError: The outputs on this machine differ too much from the converter's.
        """
        outputs = np.stack([self._model.run_crop(crop) for crop in self._bundle.golden_crops])
        worst = int(np.abs(outputs.astype(int) - self._bundle.golden_outputs).max())
        if worst > GOLDEN_STEPS:
            raise ModelError(
                f"{self.model_id}: golden vectors differ by {worst} int8 steps, expected at most"
                f" {GOLDEN_STEPS}; this runtime does not compute the model correctly"
            )
        return worst
