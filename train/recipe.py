"""The hyperparameters of recipe ``embedding``, stored in the run folder."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

from kiosk.config.errors import describe_error
from kiosk.contract import fingerprint
from kiosk.errors import DatasetError, reason_of
from kiosk.files.bounded_file import read_file
from train.network import NetworkConfig
from train.run_folder import CONFIG_BYTES_MAX, CONFIG_FILE, write_or_check_config
from train.sface.network import Layers
from train.toml_file import read_toml_file

Front: TypeAlias = Literal["own", "short"]
_MADE: Final = ("average", "short_front", "second_teacher")
"""What a run's configuration says of how it was made, where it was not made by ``fit``."""
_PHOTOS: Final = "photos_sha256"
"""Where a run's configuration has the digest of the photos that it learnt from."""


class FitConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The hyperparameters of one run.

    Attributes:
        network: The shape of the residual network, or ``sface`` to start from SFace.
        images: Training images in all; rounded to whole epochs.
        epoch_images: Training images per epoch; each epoch ends with a checkpoint and validation.
        batch: Crops per batch.
        optimizer: ``muon`` or ``adamw``.
        rate: The highest learning rate; it rises over ``warmup`` steps and decays as a cosine.
        warmup: Steps.
        decay: Weight decay, decoupled.
        clip_norm: The largest norm of the gradient of all weights; 0 does not clip.
        average: The result is a running average of the weights, over about this share of the run's
            steps; 0 takes the last weights. History and figures are those of the average.
        relation: Weight of the relational part of the distillation loss.
        identity: Weight of the margin loss.
        margin: Of the margin loss, as a cosine.
        blends: How many blended faces the teacher embeds.
        blend_share: Share of blended faces in a batch.
        precision: Keras's mixed-precision policy.
        start: The folder of a run to start from, or empty.
        layers: Which weights of SFace are trained (see :mod:`train.sface.network`).
        front: The first layers of SFace: its ``own``, or ``short`` ones, which are faster
            (:mod:`train.sface.short_front`); such a run starts from `kiosk-train short-front`.
        features: Weight of the features' distance to those that SFace has of the same face, seen
            well (see :mod:`train.features`); 0 leaves it out.
        share: Of the trained weights in the result; the rest is the start's. Half of a short
            fine-tune keeps more of what the start knew.
        pictures: How crops are made worse: ``usual`` (:mod:`train.augment`), or ``door``, as a bad
            camera at a door sees them (:mod:`train.degrade`).
        turned: With ``door``, share of the heads that are turned (:mod:`train.turn_head`).
        seed: Of everything random in the training.
    """

    network: NetworkConfig | Literal["sface"] = NetworkConfig()
    images: Annotated[int, Meta(ge=1)] = 2_400_000
    epoch_images: Annotated[int, Meta(ge=1)] = 64_000
    batch: Annotated[int, Meta(ge=1)] = 128
    optimizer: Literal["muon", "adamw"] = "muon"
    rate: Annotated[float, Meta(gt=0)] = 1e-2
    warmup: Annotated[int, Meta(ge=0)] = 500
    decay: Annotated[float, Meta(ge=0)] = 0.02
    clip_norm: Annotated[float, Meta(ge=0)] = 0.0
    average: Annotated[float, Meta(ge=0, lt=1)] = 0.0
    relation: Annotated[float, Meta(ge=0)] = 10.0
    identity: Annotated[float, Meta(ge=0)] = 0.05
    margin: Annotated[float, Meta(ge=0, le=1)] = 0.2
    blends: Annotated[int, Meta(ge=0)] = 150_000
    blend_share: Annotated[float, Meta(ge=0, le=1)] = 0.3
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    start: str = ""
    layers: Layers = "all"
    front: Front = "own"
    features: Annotated[float, Meta(ge=0)] = 0.0
    share: Annotated[float, Meta(gt=0, le=1)] = 1.0
    pictures: Literal["usual", "door"] = "usual"
    turned: Annotated[float, Meta(ge=0, le=1)] = 0.0
    seed: Annotated[int, Meta(ge=0, lt=2**32)] = 2026

    def __post_init__(self) -> None:
        """Check the numbers, and that what is asked for goes with the network and the pictures."""
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f"{name}: expected a finite number")
        if self.layers != "all" and self.network != "sface":
            raise ValueError("layers: expected all, because network is not sface")
        if self.front == "short" and self.network != "sface":
            raise ValueError("front: expected own, because network is not sface")
        if self.features and self.network != "sface":
            raise ValueError("features: expected 0, because network is not sface")
        if self.features and self.pictures != "door":
            raise ValueError("features: expected 0, because pictures is not door")
        if self.turned and self.pictures != "door":
            raise ValueError("turned: expected 0, because pictures is not door")

    @property
    def epochs(self) -> int:
        """Epochs in all, at least one."""
        return max(1, round(self.images / self.epoch_images))

    @property
    def images_seen(self) -> int:
        """Training images in all, by whole batches and epochs."""
        return self.epochs * self.steps * self.batch

    @property
    def steps(self) -> int:
        """Batches per epoch, at least one."""
        return max(1, self.epoch_images // self.batch)


def read_config(run: Path) -> FitConfig:
    """Read the hyperparameters of a run folder.

    Raises:
        DatasetError: The file is absent or malformed.
    """
    return _read_facts(run)[0]


def read_recipe(run: Path) -> dict[str, Any]:
    """Read how a run was made: its hyperparameters, or of which runs or teachers it was made.

    It also has the digest of the photos that were learnt from, where the run says so.

    Raises:
        DatasetError: The file is absent or malformed.
    """
    config, made, photos = _read_facts(run)
    return (made or msgspec.to_builtins(config)) | photos


def photos_of(recipe: object) -> set[str]:
    """Return the digests of all photos that were learnt from, in any step of a recipe."""
    if isinstance(recipe, dict):
        own = {str(recipe[_PHOTOS])} if _PHOTOS in recipe else set()
        return own.union(*map(photos_of, recipe.values()))
    return set().union(*map(photos_of, recipe)) if isinstance(recipe, list) else set()


def has_second_teacher(run: Path) -> bool:
    """Say whether a run has a second teacher, or what it was given a short front of.

    Raises:
        DatasetError: The file is absent or malformed.
    """
    recipe: Any = read_recipe(run)
    if "short_front" in recipe:
        recipe = recipe["short_front"]["run"]
    while "read_back" in recipe:  # from a bundle, whose card says how its weights were made
        recipe = recipe["recipe"] or {}
    return "second_teacher" in recipe


def _read_facts(run: Path) -> tuple[FitConfig, dict[str, Any], dict[str, Any]]:
    path = run / CONFIG_FILE
    try:
        facts = json.loads(read_file(path, CONFIG_BYTES_MAX))
        made = {kind: facts[kind] for kind in _MADE if kind in facts}
        photos = {_PHOTOS: facts[_PHOTOS]} if _PHOTOS in facts else {}
        return msgspec.convert(facts["fit"], FitConfig), made, photos
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise DatasetError(f"{path}: not a run of recipe `embedding` ({reason_of(exc)})") from exc


def parse_config(settings: Sequence[str], recipe: Path | None = None) -> FitConfig:
    """Parse ``KEY=VALUE`` settings; ``network`` takes ``sface``, or JSON such as ``{"stem": 24}``.

    Args:
        settings: They change what the recipe says.
        recipe: TOML file with the same keys; ``None`` takes the defaults.

    Raises:
        DatasetError: The file cannot be read, a key is unknown or a value has the wrong type.
    """
    start = FitConfig()
    if recipe is not None:
        start = read_toml_file(recipe, FitConfig, CONFIG_BYTES_MAX)
    for setting in settings:
        if "=" not in setting:
            raise DatasetError(f"--set: expected KEY=VALUE of the recipe ({setting}: no value)")
    try:
        pairs: dict[str, Any] = dict(setting.split("=", 1) for setting in settings)
        if "network" in pairs:
            pairs["network"] = _shape(pairs["network"])
        return msgspec.convert(msgspec.to_builtins(start) | pairs, FitConfig, strict=False)
    except ValueError as exc:
        reason = describe_error(str(exc), FitConfig)
        raise DatasetError(f"--set: expected KEY=VALUE of the recipe ({reason})") from exc


def _shape(text: str) -> object:
    if text == "sface":
        return text
    try:
        return json.loads(text)
    except ValueError as exc:
        raise ValueError(f"network: expected sface or JSON: {exc}") from exc


def write_config(
    run: Path, config: FitConfig, *, photos: str = "", **made: Mapping[str, object]
) -> None:
    """Write the hyperparameters into a new run folder, or compare them with those of an old folder.

    Args:
        run: The run folder.
        config: The hyperparameters.
        photos: Tells one crop set from another (:meth:`train.dataset.crop_set.CropSet.digest`);
            empty where nothing is learnt from one.
        made: How the run was made, where it was not made by ``fit``: one of ``average``,
            ``short_front`` and ``second_teacher``.

    Raises:
        DatasetError: The folder holds a run with other hyperparameters, or of other photos.
    """
    fit = msgspec.to_builtins(config)
    facts = {"recipe": "embedding", "contract": fingerprint(), "fit": fit, **made}
    if photos:
        facts[_PHOTOS] = photos
    write_or_check_config(run, facts)
