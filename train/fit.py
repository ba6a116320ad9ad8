"""Recipe ``embedding``: train the face recogniser that ships.

The network learns the teacher's embeddings (of every face, named or not, and of blended faces) and
learns to tell the named people apart. A run folder holds the configuration, the history, the
curves, the weights, and a backup from which an interrupted run resumes.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np

from kiosk.files.atomic_file import atomic_write
from kiosk.recognition.vectors import unit
from kiosk.records import Floats
from train.batch_queue import BatchQueue
from train.batches import BatchMaker, Blends, Ints, embed_blends, read_blends
from train.dataset.crop_set import CropSet
from train.embedder import build_embedder, embed_all, load_embedder, save_embedder
from train.features import compare_features, distance_itself
from train.group_sums import sum_groups
from train.loss import CosineHead, DistillationLoss, MarginLoss
from train.optimizer import averaged_weights, build_optimizer
from train.recipe import FitConfig, write_config
from train.run_folder import add_epoch
from train.sface.weights import read_sface
from train.teacher import Teacher, load_targets
from train.training import train_batches, warm_cosine


def fit(
    crop_set: CropSet,
    run: Path,
    config: FitConfig,
    teacher: Callable[[], Teacher],
    *,
    workers: int = 1,
) -> keras.Model:
    """Train, or resume an interrupted run.

    Args:
        crop_set: Crop set with ``teacher.npy`` (from `kiosk-train teach`).
        run: The run folder.
        config: The hyperparameters; a folder with others is rejected.
        teacher: Builds the teacher, which embeds the blends of a new run.
        workers: How many processes make the pictures; with any number the weights are the same.

    Returns:
        The embedder.

    Raises:
        DatasetError: There are no teacher embeddings, the training split is empty, or the folder
            holds another run; or a process that makes pictures was ended by the system.
    """
    targets, (labels, people) = load_targets(crop_set), number_people(crop_set)
    indices = crop_set.training_indices()
    # After these: a command that fails must not keep its folder from the next one.
    write_config(run, config, photos=crop_set.digest())
    cv2.setNumThreads(1)  # for pictures this small they cost time
    keras.utils.set_random_seed(config.seed)
    keras.mixed_precision.set_global_policy(config.precision)
    blends = _blends(crop_set, run, config, indices, teacher)
    embedder = build_embedder(config)
    model = _with_heads(embedder, config, _directions(targets, labels, people))
    maker = BatchMaker.of_run(config, crop_set, indices, targets, labels, blends)
    with BatchQueue(maker, config.steps, workers) as batches:
        end_epoch = _EpochEnd(model, crop_set, targets, embedder, run)
        train_batches(model, batches, config.epochs, run, end_epoch)
    save_embedder(embedder, run)
    return load_embedder(run)


def number_people(crop_set: CropSet) -> tuple[Ints, list[str]]:
    """Number the training people with two photos or more.

    Returns:
        ``(n,)`` number of the person on each crop, -1 for all others; and the people's names.
    """
    names = np.array([photo.identity for photo in crop_set.photos])
    names[np.array(crop_set.splits) != "train"] = ""
    known, counts = np.unique(names[names != ""], return_counts=True)
    people = [str(name) for name in known[counts >= 2]]
    numbers = {name: number for number, name in enumerate(people)}
    return np.array([numbers.get(str(name), -1) for name in names]), people


def _directions(targets: Floats, labels: Ints, people: list[str]) -> Floats:
    """Average the teacher's embeddings of each person, ``(people, dim)`` of length 1."""
    return unit(sum_groups(targets, labels, len(people)))


def _with_heads(embedder: keras.Model, config: FitConfig, directions: Floats) -> keras.Model:
    embedding = embedder.output
    # At least one direction, even if nobody is named: PyTorch needs one class.
    start = directions if len(directions) else None
    identity = CosineHead(max(1, len(directions)), start, name="identity")(embedding)
    inputs = {"crop": embedder.input}
    outputs = {"embedding": embedding, "identity": identity}
    losses: dict[str, Any] = {
        "embedding": DistillationLoss(config.relation),
        "identity": MarginLoss(margin=config.margin),
    }
    if config.features:
        inputs["clean"], outputs["features"] = compare_features(embedder, read_sface())
        losses["features"] = distance_itself
    weights = {"embedding": 1.0, "identity": config.identity, "features": config.features}
    model = keras.Model(inputs, outputs)
    steps = config.epochs * config.steps
    optimizer = build_optimizer(
        config.optimizer,
        warm_cosine(config.rate, config.warmup, steps),
        config.decay,
        clip_norm=config.clip_norm,
        average_steps=config.average * steps,
    )
    model.compile(optimizer, loss=losses, loss_weights={name: weights[name] for name in losses})
    return model


def _blends(
    crop_set: CropSet, run: Path, config: FitConfig, indices: Ints, teacher: Callable[[], Teacher]
) -> Blends | None:
    """Let the teacher embed the blends once per run, and store the result in the run folder."""
    if config.blends == 0:
        return None
    path = run / "blends.npz"
    if path.exists():
        return read_blends(path)
    blends = embed_blends(crop_set, teacher(), indices, config.blends, config.seed)
    with atomic_write(path) as partial:
        np.savez(partial, pairs=blends.pairs, seeds=blends.seeds, targets=blends.targets)
    return blends


class _EpochEnd:
    """Measures development people after each epoch, and writes history and weights."""

    def __init__(
        self,
        model: keras.Model,
        crop_set: CropSet,
        targets: Floats,
        embedder: keras.Model,
        run: Path,
    ) -> None:
        self._model = model
        self._embedder = embedder
        self._run = run
        dev = np.array(
            [i for i in crop_set.indices_of("dev") if crop_set.photos[i].person], np.int64
        )
        self._targets = targets[dev]
        self._crops = np.concatenate([*crop_set.contract_crops(dev)]) if len(dev) else None
        people = np.array([crop_set.photos[i].identity for i in dev])
        same = people[:, None] == people[None]
        self._upper = np.triu(np.ones(same.shape, bool), 1)
        self._same = same[self._upper]

    def __call__(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Write the history and the weights."""
        figures = {k: float(v) for k, v in logs.items()}
        # The backup, which is written next, has the last weights: the training goes on from them.
        with averaged_weights(self._model):
            add_epoch(self._run, epoch, figures | self._measure())
            save_embedder(self._embedder, self._run)

    def _measure(self) -> dict[str, float]:
        """Compute the cosine to the teacher on development people, and the TAR at two FARs."""
        if self._crops is None:
            return {}
        found = embed_all(self._embedder, self._crops)
        cosine = {"dev_cosine": float(np.mean(np.sum(found * self._targets, axis=1)))}
        scores = (found @ found.T)[self._upper]
        others = np.sort(scores[~self._same])
        if len(others) in {0, len(scores)}:  # one person alone, or one photo of each
            return cosine
        own = scores[self._same]
        tar = {
            f"dev_tar_at_far_{far:g}": float(np.mean(own > others[int(len(others) * (1 - far))]))
            for far in (1e-3, 1e-4)
        }
        return cosine | tar
