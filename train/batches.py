"""Make training batches: augmented crops, teacher embeddings, numbers of people.

Other processes make them, too, so nothing here needs Keras.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from kiosk.contract import CROP_PX
from kiosk.errors import DatasetError, reason_of
from kiosk.files.bounded_file import require_file
from kiosk.files.zip_damage import ZIP_DAMAGE
from kiosk.records import Floats, Image
from train.augment import augment, blend
from train.dataset.crop_set import BORDER_PX, CropSet
from train.degrade import degrade

if TYPE_CHECKING:  # a process that makes batches needs neither Keras nor ONNX
    from train.recipe import FitConfig
    from train.teacher import Teacher

Ints: TypeAlias = npt.NDArray[np.int64]
Answers: TypeAlias = dict[str, npt.NDArray[np.generic]]
Batch: TypeAlias = tuple[dict[str, Image], Answers]
_BLENDS_BYTES_MAX: Final = 16_000_000_000
_EMBEDDED_AT_ONCE: Final = 512


@dataclass(frozen=True, slots=True)
class Blends:
    """Faces of no real person, computed from two stored crops each time they are needed.

    Attributes:
        pairs: ``(m, 2)`` indices of stored crops.
        seeds: ``(m,)`` seed of each blend.
        targets: ``(m, dim)`` the teacher's embeddings of the blends.
    """

    pairs: Ints
    seeds: Ints
    targets: Floats

    def make(self, crops: Image, number: int) -> Image:
        """Compute one blend, ``(128, 128, 3)`` uint8 RGB."""
        one, other = self.pairs[number]
        return blend(crops[one], crops[other], np.random.default_rng(self.seeds[number]))


def read_blends(path: Path) -> Blends:
    """Read the blends that a run has kept.

    Raises:
        DatasetError: The file cannot be read, or is none of a run.
    """
    try:
        require_file(path, _BLENDS_BYTES_MAX)
        with np.load(path) as kept:
            return Blends(kept["pairs"], kept["seeds"], kept["targets"])
    except (*ZIP_DAMAGE, KeyError) as exc:
        message = f"{path}: cannot be read ({reason_of(exc)}); delete it, and it is made again"
        raise DatasetError(message) from exc


def embed_blends(
    crop_set: CropSet, teacher: "Teacher", indices: Ints, count: int, seed: int
) -> Blends:
    """Choose ``count`` random blends of the crops at ``indices``; the teacher embeds them."""
    rng = np.random.default_rng(seed)
    pairs = rng.choice(indices, (count, 2))
    seeds = rng.integers(0, 2**31, count)
    blank = Blends(pairs, seeds, np.empty((0, 0), np.float32))
    inner = slice(BORDER_PX, BORDER_PX + CROP_PX)
    targets = [
        teacher.embed_with_mirror(
            np.stack([blank.make(crop_set.crops, i)[inner, inner] for i in range(start, end)])
        )
        for start, end in _spans(count, _EMBEDDED_AT_ONCE)
    ]
    return Blends(pairs, seeds, np.concatenate(targets))


def _spans(count: int, step: int) -> Sequence[tuple[int, int]]:
    return [(start, min(start + step, count)) for start in range(0, count, step)]


@dataclass(frozen=True, slots=True, eq=False)
class BatchMaker:
    """Makes augmented batches, determined by seed, epoch and number.

    Attributes:
        crop_set: The crops.
        indices: Indices of the crops to train on.
        targets: ``(n, dim)`` the teacher's embeddings of all crops of the set.
        labels: ``(n,)`` number of the person on each crop of the set, -1 for an unnamed photo.
        blends: Blended faces to add, or ``None``.
        size: Crops per batch.
        blended: How many of them are blends.
        turned: Share of the heads that are turned in pictures of a door; ``None`` makes the usual
            pictures.
        clean: Whether each crop is given as it is seen well, too.
        seed: Of everything random.
    """

    crop_set: CropSet
    indices: Ints
    targets: Floats
    labels: Ints
    blends: Blends | None
    size: int
    blended: int
    turned: float | None
    clean: bool
    seed: int

    @classmethod
    def of_run(
        cls,
        config: "FitConfig",
        crop_set: CropSet,
        indices: Ints,
        targets: Floats,
        labels: Ints,
        blends: Blends | None = None,
    ) -> "BatchMaker":
        """Return the maker of a run's batches."""
        return cls(
            crop_set, indices, targets, labels, blends,
            size=config.batch,
            blended=round(config.batch * config.blend_share) if blends is not None else 0,
            turned=config.turned if config.pictures == "door" else None,
            clean=config.features > 0,
            seed=config.seed,
        )  # fmt: skip

    def make(self, epoch: int, number: int) -> Batch:
        """Make one batch: the inputs of the model, and the target of each of its outputs."""
        rng = np.random.default_rng((self.seed, epoch, number))
        chosen = rng.choice(self.indices, self.size - self.blended)
        stored = [self.crop_set.crops[i] for i in chosen]
        targets, labels = [self.targets[chosen]], [self.labels[chosen]]
        if self.blends is not None:
            made = rng.integers(0, len(self.blends.pairs), self.blended)
            stored += [self.blends.make(self.crop_set.crops, int(i)) for i in made]
            targets.append(self.blends.targets[made])
            labels.append(np.full(self.blended, -1))
        good, bad = zip(*(self._worsen(np.asarray(crop), rng) for crop in stored), strict=True)
        people = np.concatenate(labels).astype(np.int32)[:, None]
        inputs = {"crop": np.stack(bad)}
        answers: Answers = {"embedding": np.concatenate(targets), "identity": people}
        if self.clean:
            inputs["clean"] = np.stack(good)
            # The distance of the features is best at 0.
            answers["features"] = np.zeros((len(people), 1), np.float32)
        return inputs, answers

    def _worsen(self, stored: Image, rng: np.random.Generator) -> tuple[Image, Image]:
        """Return a crop seen well, and the same made worse."""
        if self.turned is not None:
            return degrade(stored, rng, turned=self.turned)
        inner = slice(BORDER_PX, BORDER_PX + CROP_PX)
        return stored[inner, inner], augment(stored, rng)
