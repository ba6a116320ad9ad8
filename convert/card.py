"""The model card of a bundle: what a person states, what the model is, what was measured."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from kiosk.contract import COHORT_NEAREST, COHORT_WEIGHT, fingerprint
from kiosk.errors import ModelError
from kiosk.recognition.bundle import Bundle, write_bundle
from kiosk.recognition.card import ModelCard
from kiosk.recognition.match import Cohort
from train.evaluation.evaluate import Report
from train.evaluation.thresholds import METHOD, METHOD_PHOTOS


class CardFacts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The facts of the model card that a person must state, in a TOML file.

    Attributes:
        name: The model's name.
        licence: Of the weights, and what they may be used for.
        data: Each data set used, with its terms.
        tried: Each further experiment, with its result.
    """

    name: str
    licence: str
    data: tuple[str, ...]
    tried: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What a model card says of the model itself.

    Attributes:
        sha256: Of the TFLite file.
        architecture: In words, with the number of weights.
        recipe: How it was trained, as JSON.
        quantisation: The input contract, types and scales, and the measured losses.
    """

    sha256: str
    architecture: str
    recipe: Any
    quantisation: dict[str, Any]


def make_card(
    model: ModelFacts, facts: CardFacts, report: Report, cohort: Cohort, note: str
) -> ModelCard:
    """Make the model card of a bundle.

    Args:
        model: Of the model itself.
        facts: Stated by a person.
        report: The figures, with the thresholds.
        cohort: That the figures were measured with.
        note: How the figures must be read; empty: as they are.
    """
    return ModelCard(
        model_id=f"{facts.name}-{model.sha256[:12]}",
        contract=fingerprint(),
        sha256=model.sha256,
        cohort_nearest=COHORT_NEAREST,
        cohort_weight=COHORT_WEIGHT,
        architecture=model.architecture,
        quantisation=model.quantisation,
        operating_points=report.operating_points,
        evaluation=msgspec.to_builtins(report),
        training={
            "recipe": model.recipe,
            "data": facts.data,
            "cohort": f"{len(cohort.embeddings)} means of training people who look alike",
            "thresholds": METHOD if report.videos else METHOD_PHOTOS,
            "tried": facts.tried,
            "note": note,
        },
        licence=facts.licence,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def write_readable(out: Path, bundle: Bundle) -> None:
    """Write a bundle whose card every kiosk can read: an error here is better than one there.

    Raises:
        ModelError: No kiosk could read the card, or the folder cannot be written.
    """
    try:
        msgspec.json.decode(msgspec.json.encode(bundle.card), type=ModelCard)
    except msgspec.ValidationError as exc:
        raise ModelError(f"the model card cannot be read back: {exc}") from exc
    write_bundle(out, bundle)
