"""Average the weights of runs that started from one point, and keep a part of the start.

Runs that moved other layers, or saw other pictures, forget other things; their mean forgets less
(Wortsman et al., "Model soups", 2022, and "Robust fine-tuning of zero-shot models", 2022).
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np

from kiosk.errors import ConfigError, DatasetError
from kiosk.records import Floats
from train.embedder import build_form, load_embedder, read_start, save_embedder
from train.recipe import FitConfig, has_second_teacher, read_config, read_recipe, write_config
from train.sface.network import read_network
from train.sface.weights import Sface, Unit


def average_runs(runs: Sequence[Path], share: float, out: Path) -> keras.Model:
    """Write the mean of several runs as a run folder of its own.

    Args:
        runs: Run folders that started from SFace, or from one run of it.
        share: Of the runs' mean in the result; the rest is the start.
        out: The run folder to write.

    Returns:
        The embedder.

    Raises:
        ConfigError: The share is none.
        DatasetError: A folder is no run from SFace, the runs started from different points, or
            ``out`` holds another run.
    """
    if not 0 < share <= 1:
        raise ConfigError(f"share: {share}, expected above 0 and at most 1")
    configs = [read_config(run) for run in runs]
    for run, config in zip(runs, configs, strict=True):
        if config.network != "sface":
            raise DatasetError(f"{run}: its network is not sface; only runs from SFace have a mean")
        if has_second_teacher(run):
            raise DatasetError(f"{run}: it has a second teacher; average first, add it last")
        if (config.start, config.front) != (configs[0].start, configs[0].front):
            raise DatasetError(f"{run}: it did not start where {runs[0]} started; no mean of both")
    found = [read_network(load_embedder(run)) for run in runs]
    config = FitConfig(network="sface", front=configs[0].front)
    network = build_form(_average(read_start(configs[0]), found, share), config)
    made = {"share": share, "runs": [read_recipe(run) for run in runs]}
    write_config(out, config, average=made)
    save_embedder(network, out)
    return network


def _average(start: Sface, ends: Sequence[Sface], share: float) -> Sface:
    def mean(old: Floats, new: Sequence[Floats]) -> Floats:
        return np.asarray(old + share * (np.mean(new, axis=0) - old), np.float32)

    def unit(at: int) -> Unit:
        own, others = start.units[at], [end.units[at] for end in ends]
        return replace(
            own,
            weight=mean(own.weight, [other.weight for other in others]),
            bias=mean(own.bias, [other.bias for other in others]),
            slope=mean(own.slope, [other.slope for other in others]),
        )

    return Sface(
        tuple(unit(at) for at in range(len(start.units))),
        mean(start.weight, [end.weight for end in ends]),
        mean(start.bias, [end.bias for end in ends]),
    )
