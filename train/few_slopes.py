"""Give a run from SFace few slopes, as a run of its own, to convert or to train further."""

from pathlib import Path
from typing import Final

import numpy as np

from kiosk.errors import DatasetError
from kiosk.records import Image
from train.dataset.crop_set import CropSet
from train.degrade import degrade
from train.embedder import build_form, load_embedder, save_embedder
from train.recipe import FitConfig, read_config, read_recipe, write_config
from train.sface.network import read_network
from train.sface.slopes import share_slopes

_CLEAN: Final = 256
_BAD: Final = 512
"""Crops that slopes are shared and weights are fitted on."""
_TURNED: Final = 0.3


def give_few_slopes(run: Path, crop_set: CropSet, out: Path, seed: int) -> None:
    """Put the channels into groups with one slope each, and fit the weights.

    Args:
        run: A run folder that started from SFace.
        crop_set: Crops such as the network will see, some hundred of them.
        out: The run folder to write.
        seed: Of the choice of crops, and of how they are made worse.

    Raises:
        DatasetError: The folder is no run from SFace, or has few slopes already; the crop set has
            no training crops, or ``out`` holds another run.
    """
    config = read_config(run)
    if config.network != "sface":
        raise DatasetError(f"{run}: its network is not sface; only SFace can have few slopes")
    if config.slopes == "shared":
        raise DatasetError(f"{run}: it has few slopes already")
    few = FitConfig(network="sface", slopes="shared", seed=seed)
    crops = _crops(crop_set, seed)
    sface = read_network(load_embedder(run))
    write_config(out, few, few_slopes={"run": read_recipe(run)})
    save_embedder(build_form(share_slopes(sface, crops), few), out)


def _crops(crop_set: CropSet, seed: int) -> Image:
    rng = np.random.default_rng(seed)
    indices = crop_set.training_indices()
    clean = np.sort(rng.choice(indices, min(_CLEAN, len(indices)), replace=False))
    bad = [degrade(crop_set.crops[i], rng, turned=_TURNED)[1] for i in rng.choice(indices, _BAD)]
    return np.concatenate([*crop_set.contract_crops(clean), np.stack(bad)])
