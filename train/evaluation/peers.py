"""Load the recognisers of other projects (peers), to evaluate them beside ours."""

from pathlib import Path

from kiosk.bench.peers import peer_embedders
from train.evaluation.recogniser import Embed, embed_one_by_one


def load_peers(folder: Path) -> dict[str, Embed]:
    """Load the same peers that the benchmark times, each with the preprocessing of its project.

    Args:
        folder: Holds ``MobileFaceNet.onnx`` and ``mobilefacenet_int8_peer.tflite``, and any bundles
            (``*.kiosk-model``) to compare with, such as a former default.

    Returns:
        ``sface``, ``mobilefacenet``, ``mobilefacenet-int8``, and each bundle by its file's name.

    Raises:
        ModelError: A file is absent or cannot be run.
    """
    return {name: embed_one_by_one(embed) for name, embed in peer_embedders(folder).items()}
