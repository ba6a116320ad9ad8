"""The recognisers of other projects."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from kiosk.demo import sample_people
from kiosk.errors import ModelError
from tests.support import needs_photos
from train.evaluation.peers import load_peers

PEERS = Path(__file__).parents[4] / "shared" / "peers"
needs_peers = pytest.mark.skipif(not PEERS.is_dir(), reason=f"{PEERS} is absent: no peers to load")


@needs_photos
@needs_peers
def test_the_peers_are_loaded_by_name() -> None:
    """All three return embeddings of length 1 that tell people of the ORL set apart."""
    embedders = load_peers(PEERS)
    assert list(embedders) == ["sface", "mobilefacenet", "mobilefacenet-int8"]
    crops = np.stack(
        [
            np.asarray(cv2.resize(photo[6:106], (112, 112)), np.uint8)
            for person in ("orl-s08", "orl-s12")
            for photo in sample_people.enrolment_photos(person)[:2]
        ]
    )
    for embed in embedders.values():
        vectors = embed(crops)
        assert vectors.shape == (4, 128)
        assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-5)
        scores = vectors @ vectors.T
        assert min(scores[0, 1], scores[2, 3]) > scores[:2, 2:].max()


def test_an_absent_folder_of_peers_is_an_error(tmp_path: Path) -> None:
    """The error names the first absent file."""
    with pytest.raises(ModelError, match=r"nowhere.MobileFaceNet\.onnx"):
        load_peers(tmp_path / "nowhere")
