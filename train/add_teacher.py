"""Let the dense layer of a run from SFace learn from a second teacher, as a run of its own."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final, Protocol

import keras
import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from kiosk.contract import EMBEDDING_DIM
from kiosk.errors import DatasetError
from kiosk.records import Floats, Image
from train.compiled import BATCH, compiled
from train.dataset.crop_set import CropSet
from train.degrade import degrade
from train.embedder import build_form, load_embedder, save_embedder
from train.recipe import (
    FitConfig,
    has_second_teacher,
    read_config,
    read_recipe,
    write_config,
)
from train.sface.dense import Dense, Maps, fit_dense, join, whiten
from train.sface.network import build_sface, read_network
from train.sface.weights import Sface

PICTURES_MIN: Final = 2 * EMBEDDING_DIM
"""With fewer, the axes of the embedding would not be those along which faces differ."""
PICTURES_MAX: Final = 24_000
"""SciPy's Cholesky decomposition of 28,000 rows in float32 crashes, or finds nothing."""
_TURNED: Final = 0.2
"""Share of the heads that are turned before the pictures are made worse."""
_SHARE: Final = 0.25
"""Of the second teacher in the squared length of the embedding."""
_WHITENED: Final = 0.35
"""The axes along which the second teacher's embeddings differ most count less
(:func:`train.sface.dense.whiten`): counted in full, they make the recognition of photos worse."""


class SecondTeacher(Protocol):
    """What this module needs of :class:`train.second_teacher.SecondTeacher`."""

    path: Path
    sha256: str

    def embed_with_mirror(self, crops: Image) -> Floats:
        """Embed ``(n, 112, 112, 3)`` uint8 RGB; ``(n, any)`` float32 of length 1."""


def add_teacher(
    run: Path, crop_set: CropSet, teacher: SecondTeacher, out: Path, *, pictures: int, seed: int
) -> None:
    """Fit the dense layer to bad pictures, so that it also says what the teacher says of the clean.

    Args:
        run: A run folder that started from SFace.
        crop_set: Faces that the school, or everybody, may use.
        teacher: The second teacher.
        out: The run folder to write.
        pictures: How many; faces are taken several times where there are fewer.
        seed: Of the choice of faces, and of how they are made worse.

    Raises:
        DatasetError: The folder is no run from SFace, its weights do not fit, or it has a second
            teacher already; the crop set has no training crops, there are too few or too many
            pictures, or ``out`` holds another run.
    """
    before = read_config(run)
    if before.network != "sface":
        raise DatasetError(f"{run}: its network is not sface; only SFace takes a second teacher")
    if has_second_teacher(run):
        raise DatasetError(f"{run}: it has a second teacher already")
    if not PICTURES_MIN <= pictures <= PICTURES_MAX:
        raise DatasetError(f"pictures: expected {PICTURES_MIN} to {PICTURES_MAX}, found {pictures}")
    indices = crop_set.training_indices()
    sface = read_network(load_embedder(run))
    config = FitConfig(network="sface", front=before.front, seed=seed)
    made = {
        "run": read_recipe(run),
        "teacher": teacher.path.stem,
        "sha256": teacher.sha256,
        "share": _SHARE,
        "whitened": _WHITENED,
        "pictures": pictures,
        "faces": len(indices),
        "turned": _TURNED,
    }
    write_config(out, config, photos=crop_set.digest(), second_teacher=made)
    maps, aims = _see(sface, _pictures(crop_set, indices, pictures, seed), teacher, pictures)
    own = Dense(sface.weight, sface.bias)
    dense = join(own, fit_dense(maps, whiten(aims, _WHITENED)), maps, _SHARE)
    changed = replace(sface, weight=dense.weight, bias=dense.bias)
    save_embedder(build_form(changed, config), out)


def _pictures(
    crop_set: CropSet, indices: npt.NDArray[np.int64], count: int, seed: int
) -> Iterator[tuple[Image, Image]]:
    """Yield batches of clean and of bad pictures, ``(n, 112, 112, 3)``."""
    rng = np.random.default_rng(seed)
    order = np.concatenate([rng.permutation(indices) for _ in range(-(-count // len(indices)))])
    for at in range(0, count, BATCH):
        chosen = order[at : min(at + BATCH, count)]
        pairs = [degrade(crop_set.crops[i], rng, turned=_TURNED) for i in chosen]
        good, bad = zip(*pairs, strict=True)
        yield np.stack(good), np.stack(bad)


def _see(
    sface: Sface, batches: Iterator[tuple[Image, Image]], teacher: SecondTeacher, count: int
) -> tuple[Maps, Floats]:
    """Return the network's last maps of bad pictures, and what the teacher says of clean ones."""
    network = build_sface(sface)
    look = compiled(keras.Model(network.input, network.get_layer("flatten").output))
    maps = np.empty((count, len(sface.weight)), np.float16)
    aims = []
    bar = tqdm(batches, total=-(-count // BATCH), desc="pictures", disable=None)
    for number, (good, bad) in enumerate(bar):
        maps[number * BATCH : number * BATCH + len(bad)] = look(bad)
        aims.append(teacher.embed_with_mirror(good))
    return maps, np.concatenate(aims)
