"""Recipe ``embedding``: train the face recogniser that ships.

The network learns to point where the teacher points (every face, labelled or not, and blends that
nobody has) and to tell the labelled people apart. A run folder holds the configuration, the
history, the curves, the weights, and a backup from which an interrupted run resumes.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import msgspec
import numpy as np

from kiosk.contract import fingerprint
from kiosk.errors import DatasetError
from kiosk.records import Floats, Image
from train.batches import Blends, Ints, TrainingBatches, ask_about_blends
from train.data import CropSet
from train.loss import CosineHead, DistillationLoss, MarginLoss
from train.network import NetworkConfig, build_network
from train.plots import save_rows, whole_file
from train.rows import read_rows
from train.teacher import Teacher, load_targets, unit


class FitConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One run of the recipe.

    Attributes:
        network: The shape of the network.
        images: How many training images to show in all.
        epoch_images: How many in an epoch (checkpoint, validation).
        batch: Crops in a batch.
        rate: The highest learning rate; it rises over ``warmup`` steps and falls as a cosine.
        warmup: Steps.
        decay: Weight decay of AdamW.
        relation: Weight of the relational part of the distillation.
        identity: Weight of the margin loss.
        margin: Of the margin loss, as a cosine.
        blends: How many blended faces to ask the teacher about.
        blend_share: Their share of a batch.
        precision: Keras's mixed-precision policy.
        start: A weights file to start from, or empty.
        seed: Where chance starts.
    """

    network: NetworkConfig = NetworkConfig()
    images: int = 2_400_000
    epoch_images: int = 64_000
    batch: int = 128
    rate: float = 2e-3
    warmup: int = 500
    decay: float = 0.02
    relation: float = 10.0
    identity: float = 0.05
    margin: float = 0.2
    blends: int = 150_000
    blend_share: float = 0.3
    precision: str = "float32"
    start: str = ""
    seed: int = 2026

    @property
    def epochs(self) -> int:
        """How many epochs the images make."""
        return max(1, round(self.images / self.epoch_images))

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        return max(1, self.epoch_images // self.batch)


def fit(
    crop_set: CropSet, run: Path, config: FitConfig, teacher: Callable[[], Teacher]
) -> keras.Model:
    """Train, or resume a run that was interrupted.

    Args:
        crop_set: Crops with ``teacher.npy`` beside them (`kiosk-train teach`).
        run: The run folder.
        config: The recipe; a folder that holds another one is refused.
        teacher: Makes the teacher, who is asked about blends the first time.

    Returns:
        The embedder.

    Raises:
        DatasetError: No targets, nobody to train on, or a run folder of another recipe.
    """
    _settle_config(run, config)
    keras.utils.set_random_seed(config.seed)
    keras.mixed_precision.set_global_policy(config.precision)
    targets, (labels, people) = load_targets(crop_set), label(crop_set)
    indices = crop_set.on("train")
    if len(indices) == 0:
        raise DatasetError(f"{crop_set.folder}: nobody on the training side")
    embedder = build_network(config.network)
    if config.start:
        embedder.load_weights(config.start)
    model = _with_heads(embedder, config, _directions(targets, labels, people))
    batches = TrainingBatches(
        crop_set, indices, targets, labels,
        blends=_blends(crop_set, run, config, indices, teacher),
        batch=config.batch, steps=config.steps, blend_share=config.blend_share, seed=config.seed,
    )  # fmt: skip
    model.fit(
        batches,
        epochs=config.epochs,
        callbacks=[
            # The history comes first: an epoch that was not backed up is made, and written, anew.
            _Bookkeeper(batches, crop_set, targets, embedder, run),
            keras.callbacks.BackupAndRestore(
                run / "backup", delete_checkpoint=False, double_checkpoint=True
            ),
        ],
        verbose=2,
    )
    _save_weights(embedder, run)
    return embedder


def _save_weights(embedder: keras.Model, run: Path) -> None:
    with whole_file(run / "embedder.weights.h5") as partial:
        embedder.save_weights(partial)


def load_embedder(run: Path) -> keras.Model:
    """Rebuild a run's embedder, in float32, with the weights of its last epoch.

    Raises:
        DatasetError: The folder is no run of this recipe, or its weights do not fit.
    """
    config = read_config(run)
    keras.mixed_precision.set_global_policy("float32")
    embedder = build_network(config.network)
    try:
        embedder.load_weights(run / "embedder.weights.h5")
    except (OSError, ValueError) as exc:
        raise DatasetError(f"{run}/embedder.weights.h5: {exc}") from exc
    return embedder


def read_config(run: Path) -> FitConfig:
    """Read the recipe of a run folder.

    Raises:
        DatasetError: There is none, or it is malformed.
    """
    path = run / "config.json"
    try:
        facts = json.loads(path.read_bytes())
        return msgspec.convert(facts["fit"], FitConfig)
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise DatasetError(f"{path}: not a run of recipe `embedding` ({exc})") from exc


def parse_config(settings: Sequence[str]) -> FitConfig:
    """Read ``KEY=VALUE`` settings.

    Raises:
        DatasetError: A key is unknown or a value of the wrong kind.
    """
    try:
        pairs = dict(setting.split("=", 1) for setting in settings)
        return msgspec.convert(pairs, FitConfig, strict=False)
    except ValueError as exc:
        raise DatasetError(f"--set: expected KEY=VALUE of the recipe ({exc})") from exc


def embed_all(embedder: keras.Model, crops: Image, batch: int = 256) -> Floats:
    """Embed ``(n, 112, 112, 3)`` uint8 RGB crops; ``(n, 128)`` float32 of length 1."""
    parts = [
        keras.ops.convert_to_numpy(embedder(crops[i : i + batch], training=False))
        for i in range(0, len(crops), batch)
    ]
    return unit(np.concatenate(parts))


def label(crop_set: CropSet) -> tuple[Ints, list[str]]:
    """Number the people on the training side who have two photos or more."""
    names = np.array([photo.identity for photo in crop_set.photos])
    names[np.array(crop_set.sides) != "train"] = ""
    known, counts = np.unique(names[names != ""], return_counts=True)
    people = [str(name) for name in known[counts >= 2]]
    numbers = {name: number for number, name in enumerate(people)}
    return np.array([numbers.get(str(name), -1) for name in names]), people


def _directions(targets: Floats, labels: Ints, people: list[str]) -> Floats:
    """Average the teacher's embeddings of each person."""
    sums = np.zeros((len(people), targets.shape[1]), np.float32)
    np.add.at(sums, labels[labels >= 0], targets[labels >= 0])
    return unit(sums)


def _with_heads(embedder: keras.Model, config: FitConfig, directions: Floats) -> keras.Model:
    embedding = embedder.output
    identity = CosineHead(len(directions), directions, name="identity")(embedding)
    model = keras.Model(embedder.input, {"embedding": embedding, "identity": identity})
    schedule = keras.optimizers.schedules.CosineDecay(
        config.rate / 100, max(1, config.epochs * config.steps - config.warmup), alpha=1e-3,
        warmup_target=config.rate, warmup_steps=config.warmup,
    )  # fmt: skip
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=config.decay)
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    model.compile(
        optimizer,
        loss={
            "embedding": DistillationLoss(config.relation),
            "identity": MarginLoss(margin=config.margin),
        },
        loss_weights={"embedding": 1.0, "identity": config.identity},
    )
    return model


def _blends(
    crop_set: CropSet, run: Path, config: FitConfig, indices: Ints, teacher: Callable[[], Teacher]
) -> Blends | None:
    """Ask about the blends once a run, and keep the answers."""
    if config.blends == 0:
        return None
    path = run / "blends.npz"
    if path.exists():
        with np.load(path) as kept:
            return Blends(kept["pairs"], kept["seeds"], kept["targets"])
    blends = ask_about_blends(crop_set, teacher(), indices, config.blends, config.seed)
    with whole_file(path) as partial:
        np.savez(partial, pairs=blends.pairs, seeds=blends.seeds, targets=blends.targets)
    return blends


def _settle_config(run: Path, config: FitConfig) -> None:
    """Write the recipe into a new run folder; hold it against the one of an old folder."""
    run.mkdir(parents=True, exist_ok=True)
    path = run / "config.json"
    facts = {"recipe": "embedding", "contract": fingerprint(), "fit": msgspec.to_builtins(config)}
    text = json.dumps(facts, indent=1) + "\n"
    if not path.exists():
        with whole_file(path) as partial:
            partial.write_text(text, encoding="utf-8")
    elif path.read_text(encoding="utf-8") != text:
        raise DatasetError(f"{path}: another recipe; choose a new run folder or the same options")


class _Bookkeeper(keras.callbacks.Callback):
    """Per epoch: tell the batches, measure development people, write history and weights."""

    def __init__(
        self,
        batches: TrainingBatches,
        crop_set: CropSet,
        targets: Floats,
        embedder: keras.Model,
        run: Path,
    ) -> None:
        super().__init__()
        self._batches = batches
        self._embedder = embedder
        self._run = run
        dev = np.array([i for i in crop_set.on("dev") if crop_set.photos[i].person], np.int64)
        self._targets = targets[dev]
        self._crops = np.concatenate([*crop_set.middle(dev)]) if len(dev) else None
        people = np.array([crop_set.photos[i].identity for i in dev])
        same = people[:, None] == people[None]
        self._upper = np.triu(np.ones(same.shape, bool), 1)
        self._same = same[self._upper]

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Make the batches of this epoch differ from the last one's."""
        del logs
        self._batches.epoch = epoch

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write one line of history and the weights."""
        figures = {k: float(v) for k, v in (logs or {}).items()}
        row = {"epoch": float(epoch), **figures, **self._measure()}
        path = self._run / "history.csv"
        before = read_rows(path) if path.exists() else []
        save_rows([*(old for old in before if old["epoch"] < epoch), row], path)
        _save_weights(self._embedder, self._run)

    def _measure(self) -> dict[str, float]:
        """Tell how near the teacher development people lie, and how well apart."""
        if self._crops is None:
            return {}
        found = embed_all(self._embedder, self._crops)
        cosine = {"dev_cosine": float(np.mean(np.sum(found * self._targets, axis=1)))}
        scores = (found @ found.T)[self._upper]
        others = np.sort(scores[~self._same])
        if len(others) in {0, len(scores)}:  # one person alone, or one photo of each
            return cosine
        tar = {
            f"dev_tar_at_far_{far:g}": float(
                np.mean(scores[self._same] > others[int(len(others) * (1 - far))])
            )
            for far in (1e-3, 1e-4)
        }
        return cosine | tar
