"""Recognisers under test, built from a model bundle."""

import dataclasses

import numpy as np

from kiosk.contract import COHORT_NEAREST
from kiosk.recognition.embed import TfliteEmbedder
from kiosk.recognition.vectors import unit
from tests.support_recognition import small_bundle
from train.evaluation.recogniser import bundle_embedder, bundle_recogniser


def test_a_bundle_embeds_as_in_the_kiosk() -> None:
    """A bundle's embedder equals the kiosk's embedder, crop by crop."""
    bundle = small_bundle()
    one = TfliteEmbedder(bundle)
    expected = np.stack([one.embed(crop) for crop in bundle.golden_crops])
    assert np.array_equal(bundle_embedder(bundle)(bundle.golden_crops), expected)


def test_a_bundle_is_measured_with_its_own_cohort() -> None:
    """The cohort of the bundle is used, not a new one."""
    cohort = unit(np.random.default_rng(3).normal(size=(COHORT_NEAREST, 128)))
    found = bundle_recogniser(dataclasses.replace(small_bundle(), cohort=cohort))
    assert np.array_equal(found.cohort.embeddings, cohort)
