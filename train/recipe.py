"""The recipe of a training run: every number in one record, kept in the run folder."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from kiosk.atomic_file import atomic_write
from kiosk.contract import fingerprint
from kiosk.errors import DatasetError
from train.network import NetworkConfig


class FitConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One run of the recipe.

    Attributes:
        network: The shape of the network.
        images: How many training images to show in all.
        epoch_images: How many in an epoch (checkpoint, validation).
        batch: Crops in a batch.
        optimizer: ``muon`` or ``adamw``.
        rate: The highest learning rate; it rises over ``warmup`` steps and falls as a cosine.
        warmup: Steps.
        decay: Weight decay, decoupled.
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
    optimizer: Literal["muon", "adamw"] = "muon"
    rate: float = 1e-2
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
    """Read ``KEY=VALUE`` settings; the network's is JSON, such as ``network={"stem": 24}``.

    Raises:
        DatasetError: A key is unknown or a value of the wrong kind.
    """
    try:
        pairs: dict[str, Any] = dict(setting.split("=", 1) for setting in settings)
        if "network" in pairs:
            pairs["network"] = _shape(pairs["network"])
        return msgspec.convert(pairs, FitConfig, strict=False)
    except ValueError as exc:
        raise DatasetError(f"--set: expected KEY=VALUE of the recipe ({exc})") from exc


def _shape(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError as exc:
        raise ValueError(f"network: expected JSON: {exc}") from exc


def settle_config(run: Path, config: FitConfig) -> None:
    """Write the recipe into a new run folder; hold it against the one of an old folder."""
    run.mkdir(parents=True, exist_ok=True)
    path = run / "config.json"
    facts = {"recipe": "embedding", "contract": fingerprint(), "fit": msgspec.to_builtins(config)}
    text = json.dumps(facts, indent=1) + "\n"
    if not path.exists():
        with atomic_write(path) as partial:
            partial.write_text(text, encoding="utf-8")
    elif path.read_text(encoding="utf-8") != text:
        raise DatasetError(f"{path}: another recipe; choose a new run folder or the same options")
