"""Make the pictures that a short front learns from.

Other processes make them, too, so nothing here needs Keras.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from kiosk.records import Image
from train.batches import Batch, Ints
from train.dataset.crop_set import CropSet
from train.degrade import degrade

_CLEAN: Final = 0.2
"""Share of the pictures that are not made worse."""
_TURNED: Final = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class FrontPictures:
    """Makes batches of crops, most of them made worse, determined by seed, epoch and number.

    Attributes:
        crop_set: The crops.
        indices: Indices of the crops to learn from.
        size: Crops per batch.
        seed: Of everything random.
    """

    crop_set: CropSet
    indices: Ints
    size: int
    seed: int

    def make(self, epoch: int, number: int) -> Batch:
        """Make one batch, and the aim: that nothing is left unexplained."""
        rng = np.random.default_rng((self.seed, epoch, number))
        left = np.zeros((self.size, 1), np.float32)
        return {"crop": self.draw(rng, self.size)}, {"unexplained": left}

    def draw(self, rng: np.random.Generator, count: int) -> Image:
        """Draw ``(count, 112, 112, 3)`` uint8 RGB."""
        chosen = rng.choice(self.indices, count)
        return np.stack([self._picture(self.crop_set.crops[i], rng) for i in chosen])

    def _picture(self, stored: Image, rng: np.random.Generator) -> Image:
        good, bad = degrade(stored, rng, turned=_TURNED)
        return good if rng.random() < _CLEAN else bad
