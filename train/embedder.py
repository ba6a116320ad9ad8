"""The network of a run: built to start from, stored in the run folder, loaded and used."""

from pathlib import Path

import keras
import numpy as np

from kiosk.errors import DatasetError
from kiosk.recognition.vectors import unit
from kiosk.records import Floats, Image
from train.network import build_network
from train.recipe import FitConfig, has_second_teacher, read_config
from train.sface.network import build_sface, read_network
from train.sface.short_front import blank_front
from train.sface.weights import Sface, read_sface
from train.weights_file import save_weights


def save_embedder(embedder: keras.Model, run: Path) -> None:
    """Write the weights into a run folder."""
    save_weights(embedder, run / "embedder.weights.h5")


def load_embedder(run: Path) -> keras.Model:
    """Load a run's embedder, in float32, with the weights that the run ended with.

    They are averaged with those that the run started from, as the recipe says.

    Raises:
        DatasetError: The folder is no run of this recipe, or its weights do not fit.
    """
    config = read_config(run)
    keras.mixed_precision.set_global_policy("float32")
    embedder = _build_blank(config)
    try:
        embedder.load_weights(run / "embedder.weights.h5")
    except (OSError, ValueError) as exc:
        raise DatasetError(f"{run}/embedder.weights.h5: {exc}") from exc
    if config.share < 1:
        pairs = zip(build_embedder(config).get_weights(), embedder.get_weights(), strict=True)
        embedder.set_weights([old + config.share * (new - old) for old, new in pairs])
    return embedder


def build_embedder(config: FitConfig) -> keras.Model:
    """Build the network that a run starts from: SFace, or a residual network of random weights.

    With ``start``, it has the weights of that run.

    Raises:
        DatasetError: ``start`` is no run of such a network.
    """
    if config.network == "sface":
        return build_form(read_start(config), config)
    embedder = build_network(config.network)
    if config.start:
        try:
            embedder.set_weights(_load_start(config).get_weights())
        except ValueError as exc:
            message = f"start: {config.start}: a run of another network ({exc})"
            raise DatasetError(message) from exc
    return embedder


def read_start(config: FitConfig) -> Sface:
    """Read the weights of SFace that a run starts from.

    Raises:
        DatasetError: ``start`` is no run from SFace, has a second teacher, or has another front.
    """
    if config.start:
        before = read_config(Path(config.start))
        if before.network != "sface":
            raise DatasetError(f"start: {config.start}: its network is not sface")
        if has_second_teacher(Path(config.start)):
            raise DatasetError(
                f"start: {config.start}: it has a second teacher, which training would undo; train "
                "first, add the teacher last"
            )
        front = before.front
    else:
        front = "own"
    if front != config.front:
        hint = "; `kiosk-train short-front` makes one" if front == "own" else ""
        raise DatasetError(
            f"start: {config.start or 'SFace'}: its front is {front}, expected {config.front}{hint}"
        )
    return read_network(_load_start(config)) if config.start else read_sface()


def build_form(sface: Sface, config: FitConfig) -> keras.Model:
    """Build SFace with these weights, as the run trains it."""
    return build_sface(sface, layers=config.layers)


def _load_start(config: FitConfig) -> keras.Model:
    """Load the embedder of the run before, and let the precision of this run stand."""
    policy = keras.mixed_precision.dtype_policy()
    try:
        return load_embedder(Path(config.start))
    finally:
        keras.mixed_precision.set_global_policy(policy)


def _build_blank(config: FitConfig) -> keras.Model:
    """Build a network whose weights are loaded next."""
    if config.network != "sface":
        return build_network(config.network)
    sface = read_sface()
    return build_form(blank_front(sface) if config.front == "short" else sface, config)


def embed_all(embedder: keras.Model, crops: Image, batch: int = 32) -> Floats:
    """Embed ``(n, 112, 112, 3)`` uint8 RGB crops; return ``(n, 128)`` float32 of length 1."""
    parts = [
        keras.ops.convert_to_numpy(embedder(crops[i : i + batch], training=False))
        for i in range(0, len(crops), batch)
    ]
    return unit(np.concatenate(parts))
