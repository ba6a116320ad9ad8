"""Load the recognisers that a command line names: runs, int8 models and bundles."""

from collections.abc import Sequence
from pathlib import Path

from kiosk.bench.peers import int8_model
from kiosk.recognition.bundle import BUNDLE_ENDING, load_bundle
from kiosk.recognition.tflite import MODEL_ENDING
from train.dataset.crop_set import CropSet
from train.evaluation.cohort import with_own_cohorts
from train.evaluation.recogniser import (
    Embed,
    RecogniserUnderTest,
    bundle_recogniser,
    embed_one_by_one,
)
from train.run_network import load_network


def load_recognisers(names: Sequence[str], crop_set: CropSet) -> dict[str, RecogniserUnderTest]:
    """Load recognisers.

    Args:
        names: Paths of run folders, of int8 models (``*.tflite``) and of bundles.
        crop_set: The cohort of a run, and of a model without a bundle, is made of its people.

    Returns:
        The recognisers by name, in this order.

    Raises:
        DatasetError: A folder is no run.
        ModelError: A model or a bundle cannot be used.
    """
    bundles = {
        name: bundle_recogniser(load_bundle(Path(name)))
        for name in names
        if name.endswith(BUNDLE_ENDING)
    }
    others = {name: _embedder(Path(name)) for name in names if name not in bundles}
    found = bundles | with_own_cohorts(others, crop_set)
    return {name: found[name] for name in names}


def _embedder(path: Path) -> Embed:
    if path.suffix == MODEL_ENDING:
        return embed_one_by_one(int8_model(path))
    return load_network(path)[1]
