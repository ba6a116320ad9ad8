"""Peers: models of other projects, and other bundles."""

from pathlib import Path

import numpy as np
import pytest

from kiosk.bench.peers import bundle_peer, int8_model
from kiosk.errors import ModelError
from kiosk.recognition.bundle import write_bundle
from kiosk.recognition.embed import TfliteEmbedder
from tests.support_recognition import small_bundle
from tests.tflite_file import patch_model


def test_another_bundle_embeds_as_the_kiosk_does(tmp_path: Path) -> None:
    """The model of a bundle is run as the kiosk's embedder runs it."""
    write_bundle(tmp_path / "former.kiosk-model", small_bundle())
    embed, kiosk = bundle_peer(tmp_path / "former.kiosk-model"), TfliteEmbedder(small_bundle())
    for crop in small_bundle().golden_crops:
        assert np.array_equal(embed(crop), kiosk.embed(crop))


@pytest.mark.parametrize("content", [None, b"", b"no archive"])
def test_a_peer_that_is_no_bundle_is_named(content: bytes | None, tmp_path: Path) -> None:
    """An absent or foreign file is an error that names it."""
    path = tmp_path / "former.kiosk-model"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=rf"{path}: not a model bundle"):
        bundle_peer(path)


@pytest.mark.parametrize("content", [b"", b"no model"])
def test_a_model_that_cannot_be_run_is_named(content: bytes, tmp_path: Path) -> None:
    """The error says which of several files it is."""
    path = tmp_path / "junk.tflite"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=rf"^{path}: the model .* cannot be run"):
        int8_model(path)


def test_a_model_that_takes_no_crop_is_named(tmp_path: Path) -> None:
    """It is told before minutes of work."""
    path = tmp_path / "other.tflite"
    path.write_bytes(patch_model(side=64))
    with pytest.raises(ModelError, match=rf"^{path}: takes \(1, 64, 64, 3\), expected one crop"):
        int8_model(path)
