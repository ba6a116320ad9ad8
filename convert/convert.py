"""Convert a float model to a model bundle: quantise, measure, compare, write.

A bundle can also be measured again, on other people or by other rules: its model stays.
"""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from convert.calibration import training_crops
from convert.card import CardFacts, ModelFacts, make_card, write_readable
from convert.float_model import FloatModel
from convert.golden import golden_crops
from convert.quantise import quantise
from convert.verify import FigureLoss, Limits, Loss, check_loss, figure_losses, measure_loss
from kiosk.contract import facts as contract_facts
from kiosk.errors import ModelError
from kiosk.recognition.bundle import Bundle
from kiosk.recognition.embed import embed_int8
from kiosk.recognition.tflite import TfliteModel
from kiosk.records import Floats, Image
from train.dataset.crop_set import CropSet
from train.evaluation.archives import Archives, read_archives
from train.evaluation.cohort import with_own_cohorts
from train.evaluation.embedded import embed_split
from train.evaluation.evaluate import Report, evaluate
from train.evaluation.recogniser import Embed, RecogniserUnderTest
from train.metrics import best_threshold
from train.recipe import photos_of

PAIRS: Final = 20_000
"""Pairs of development photos for the verification accuracy, half of one person each."""


@dataclass(frozen=True, slots=True)
class Converted:
    """The result of :func:`convert` and :func:`measure_again`.

    Attributes:
        bundle: The bundle, as written.
        report: The figures of the int8 model.
        note: How the figures must be read; empty: as they are.
        loss: What quantisation cost; ``None``: the model had been quantised before.
    """

    bundle: Bundle
    report: Report
    note: str
    loss: Loss | None = None


def convert(
    model: FloatModel,
    crop_set: CropSet,
    facts: CardFacts,
    out: Path,
    *,
    calibration: Image | None = None,
    limits: Limits | None = None,
    lfw: Path | None = None,
    walks: Path | None = None,
) -> Converted:
    """Convert a float model to a bundle.

    Args:
        model: The float model.
        crop_set: For the cohort, thresholds and figures.
        facts: For the model card.
        out: The bundle to write.
        calibration: ``(n, 112, 112, 3)`` uint8 RGB crops that set the ranges of the activations;
            ``None`` takes training crops.
        limits: What quantisation may cost; ``None`` takes the defaults.
        lfw: LFW's archive, for the last measurement before shipping.
        walks: Archive of walks; ``None`` leaves them, and turned faces, out of the figures.

    Raises:
        ModelError: Quantisation lost more than a limit, or no threshold keeps strangers out;
            nothing is written.
        DatasetError: The crop set cannot be used, or `kiosk-train teach` was not run.
    """
    crop_set.require_taught()
    if calibration is None:
        calibration = training_crops(crop_set, model.seed)
    tflite = quantise_model(model, calibration)
    int8 = Int8Embedder(tflite)
    embedders: dict[str, Embed] = {"float": model.embed, "int8": int8}
    before, after = with_own_cohorts(embedders, crop_set).values()
    archives = read_archives(lfw, walks)
    report = _evaluate(facts.name, after, crop_set, archives)
    # Turned faces are not compared with the float model: they measure the check of turn.
    upright = msgspec.structs.replace(report, turned=())
    before_report = evaluate("float", before, crop_set, replace(archives, turned=()))
    figures = figure_losses(before_report, upright)
    loss = _loss(before.embed, after.embed, crop_set, model.seed, figures)
    check_loss(loss, limits or Limits())
    made = ModelFacts(
        sha256=hashlib.sha256(tflite).hexdigest(),
        architecture=model.architecture,
        recipe=model.recipe,
        quantisation={
            "input_contract": contract_facts(),
            "scheme": "int8 weights per channel, int8 activations, no float op",
            "input": int8.model.input_quantisation,
            "output": int8.model.output_quantisation,
            "calibration_crops": len(calibration) + 2,  # black and white
            "loss": loss.plain(),
        },
    )
    note = _note(model.recipe, crop_set)
    card = make_card(made, facts, report, after.cohort, note)
    crops = golden_crops()
    outputs = np.stack([int8.model.run_crop(crop) for crop in crops])
    bundle = Bundle(card, tflite, crops, outputs, after.cohort.embeddings)
    write_readable(out, bundle)
    return Converted(bundle, report, note, loss)


def quantise_model(model: FloatModel, calibration: Image) -> bytes:
    """Quantise a float model; return the bytes of a TFLite file.

    Args:
        model: The float model.
        calibration: ``(n, 112, 112, 3)`` uint8 RGB crops that set the ranges of the activations.

    Raises:
        ModelError: The network cannot be quantised.
    """
    return quantise(model.int8_network(calibration), calibration)


def measure_again(
    bundle: Bundle,
    crop_set: CropSet,
    facts: CardFacts,
    out: Path,
    *,
    lfw: Path | None = None,
    walks: Path | None = None,
) -> Converted:
    """Write a bundle with the model of another one, but with new cohort, thresholds and figures.

    With the name that the other one has, the model keeps its identity, and galleries stay valid.

    Args:
        bundle: Its model stays, and what its card says of that.
        crop_set: For the cohort, thresholds and figures.
        facts: For the model card.
        out: The bundle to write.
        lfw: LFW's archive, for the last measurement before shipping.
        walks: Archive of walks; ``None`` leaves them, and turned faces, out of the figures.

    Raises:
        ModelError: No threshold keeps strangers out; nothing is written.
        DatasetError: The crop set cannot be used, or `kiosk-train teach` was not run.
    """
    crop_set.require_taught()
    found = with_own_cohorts({"int8": Int8Embedder(bundle.model)}, crop_set)["int8"]
    report = _evaluate(facts.name, found, crop_set, read_archives(lfw, walks))
    old = bundle.card
    made = ModelFacts(old.sha256, old.architecture, old.training.get("recipe"), old.quantisation)
    note = _note(made.recipe, crop_set)
    card = make_card(made, facts, report, found.cohort, note)
    again = replace(bundle, card=card, cohort=found.cohort.embeddings)
    write_readable(out, again)
    return Converted(again, report, note)


def _note(recipe: object, crop_set: CropSet) -> str:
    """Return what to know of figures of this crop set, by what the model learnt from."""
    photos = photos_of(recipe)
    if not photos or photos == {crop_set.digest()}:
        return ""
    return (
        "the model learnt from other photos than those of the crop set that it was measured on; "
        "the figures hold for new people only if it learnt from none of the development and test "
        "people"
    )


def _evaluate(
    name: str, found: RecogniserUnderTest, crop_set: CropSet, archives: Archives
) -> Report:
    report = evaluate(name, found, crop_set, archives)
    if all(point.fnir >= 1.0 for point in report.operating_points):
        raise ModelError(
            "no threshold keeps strangers out and names enrolled people; train longer, or use "
            "photos of other people"
        )
    return report


class Int8Embedder:
    """A TFLite file run as in the kiosk, for many crops.

    Args:
        model: The file's bytes.
    """

    def __init__(self, model: bytes) -> None:
        self.model = TfliteModel(model, threads=2)

    def __call__(self, crops: Image) -> Floats:
        """Embed ``(n, 112, 112, 3)`` uint8 RGB; return ``(n, 128)`` float32 of length 1."""
        return np.stack([embed_int8(self.model, crop) for crop in crops])


def _loss(
    embed: Embed, int8: Embed, crop_set: CropSet, seed: int, figures: tuple[FigureLoss, ...]
) -> Loss:
    (before, photos), (after, _) = (embed_split(one, crop_set, "dev") for one in (embed, int8))
    people = np.array([photo.identity for photo in photos])
    difference = _accuracy(before, people, seed) - _accuracy(after, people, seed)
    return measure_loss(before, after, difference, figures)


def _accuracy(embeddings: Floats, people: Any, seed: int) -> float:  # noqa: ANN401  # strings
    """Verify as many pairs of one person as of two people, at the best threshold."""
    rng = np.random.default_rng(seed)
    same = [
        (i, j) for i, j in zip(*np.nonzero(people[:, None] == people[None]), strict=True) if i < j
    ]
    same = [pair for pair in same if people[pair[0]]]
    count = min(PAIRS // 2, len(same))
    if count == 0:
        raise ModelError("no development person has two photos; prepare with more people")
    same_pairs = np.array(same)[rng.choice(len(same), count, replace=False)]
    different_pairs = rng.integers(0, len(people), (4 * count, 2))
    differ = people[different_pairs[:, 0]] != people[different_pairs[:, 1]]
    different_pairs = different_pairs[differ][:count]
    pairs = np.concatenate([same_pairs, different_pairs])
    scores = np.sum(embeddings[pairs[:, 0]] * embeddings[pairs[:, 1]], axis=1)
    truth = np.arange(len(pairs)) < len(same_pairs)
    return float(np.mean((scores >= best_threshold(scores, truth)) == truth))
