"""The network of a run as it is used after training: loaded, and made to embed many crops."""

from functools import partial
from pathlib import Path

import keras

from kiosk.recognition.vectors import unit
from train.compiled import compiled
from train.embedder import embed_all, load_embedder
from train.evaluation.recogniser import Embed
from train.recipe import read_config
from train.sface.network import build_sface, read_network
from train.sface.weights import Sface


def load_network(run: Path) -> tuple[keras.Model, Embed]:
    """Load the network of a run folder; SFace's without what only training needs.

    Returns:
        The network, and what embeds crops with it.

    Raises:
        DatasetError: The folder is no run of recipe `embedding`, or its weights do not fit.
    """
    network = load_embedder(run)
    if read_config(run).network != "sface":
        return network, partial(embed_all, network)
    return use_sface(read_network(network))


def use_sface(sface: Sface) -> tuple[keras.Model, Embed]:
    """Build SFace with these weights; return the network, and what embeds crops with it."""
    network = build_sface(sface)
    run_compiled = compiled(network)
    return network, lambda crops: unit(run_compiled(crops))
