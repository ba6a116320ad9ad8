"""Recognisers under test: an embedder with the cohort that its scores are normalised by."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from kiosk.bench.peers import EmbedOne
from kiosk.contract import EMBEDDING_DIM
from kiosk.recognition.bundle import Bundle
from kiosk.recognition.embed import TfliteEmbedder
from kiosk.recognition.match import Cohort
from kiosk.recognition.model_trial import try_model
from kiosk.records import Floats, Image

Embed: TypeAlias = Callable[[Image], Floats]
"""From ``(n, 112, 112, 3)`` uint8 RGB to ``(n, dim)`` float32 of length 1."""

PLAIN_COSINE: Final = Cohort(np.empty((0, EMBEDDING_DIM), np.float32))
"""An empty cohort: scores are plain cosines."""


@dataclass(frozen=True, slots=True)
class RecogniserUnderTest:
    """A recogniser to be measured.

    Attributes:
        embed: Embeds crops.
        cohort: Normalises its scores (AS-norm).
    """

    embed: Embed
    cohort: Cohort


class CachedEmbedder:
    """An embedder that stores its results.

    The report and the DET curve embed the same crops, and embedding takes most of the time.

    Args:
        embed: Embeds crops.
    """

    def __init__(self, embed: Embed) -> None:
        self._embed = embed
        self._known: dict[bytes, Floats] = {}

    def __call__(self, crops: Image) -> Floats:
        """Embed ``(n, 112, 112, 3)`` uint8 RGB; return ``(n, dim)`` float32 of length 1."""
        key = hashlib.blake2b(crops.tobytes()).digest()
        if key not in self._known:
            self._known[key] = self._embed(crops)
        return self._known[key]


def embed_one_by_one(embed_one: EmbedOne) -> Embed:
    """Build an embedder of many crops from an embedder of one crop."""
    return lambda crops: np.stack([embed_one(crop) for crop in crops])


def bundle_embedder(bundle: Bundle) -> Embed:
    """Build the kiosk's own embedder of a model bundle.

    Raises:
        ModelError: The model cannot be used.
    """
    try_model(bundle.model, "ai-edge-litert")
    return embed_one_by_one(TfliteEmbedder(bundle).embed)


def bundle_recogniser(bundle: Bundle) -> RecogniserUnderTest:
    """Build the recogniser of a model bundle, with the cohort of the bundle."""
    return RecogniserUnderTest(CachedEmbedder(bundle_embedder(bundle)), Cohort(bundle.cohort))
