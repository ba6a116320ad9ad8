"""A network compiled for OpenVINO."""

import gc

import keras
import numpy as np
import pytest

from kiosk.errors import ModelError
from kiosk.recognition.vectors import unit
from kiosk.records import Image
from train.compiled import compiled
from train.embedder import embed_all
from train.sface.network import build_sface
from train.sface.weights import Sface


def test_a_compiled_network_embeds_as_before(
    weights: Sface, network: keras.Model, crops: Image
) -> None:
    """The network that it was compiled from need not be kept."""
    embed = compiled(build_sface(weights))
    gc.collect()
    found, expected = unit(embed(crops)), embed_all(network, crops)
    near = np.sum(found * expected, axis=1)
    assert (np.median(near) > 0.999, near.min() > 0.98) == (True, True)


def test_another_backend_than_tensorflow_is_an_error(
    network: keras.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the variable."""
    monkeypatch.setattr("keras.backend.backend", lambda: "torch")
    with pytest.raises(ModelError, match="unset KERAS_BACKEND"):
        compiled(network)
