"""Build the recogniser from the configuration: detector, embedder, cohort and thresholds."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kiosk.config.keys import Config
from kiosk.counted import counted_people
from kiosk.people.keyring import Keyring
from kiosk.recognition.bundle import Bundle, bundle_path, load_bundle
from kiosk.recognition.decide import DecisionRule, WalkDecider
from kiosk.recognition.detect import Detector
from kiosk.recognition.embed import TfliteEmbedder
from kiosk.recognition.enrol import Enroller
from kiosk.recognition.gallery import Gallery, load_gallery
from kiosk.recognition.match import Cohort, Matcher
from kiosk.recognition.model_trial import try_detector, try_model
from kiosk.recognition.pipeline import Pipeline
from kiosk.recognition.track import Tracker
from kiosk.recognition.upright import UprightCheck

_log = logging.getLogger(__name__)

_TRIED: Final = "tried-models"
"""The file of the state folder that names the models that have passed their trial."""


@dataclass(frozen=True, slots=True)
class Recogniser:
    """Detector, embedder and model bundle, as configured.

    Attributes:
        config: The configuration.
        bundle: The model bundle.
        detector: Finds faces.
        upright: Rejects turned faces.
        embedder: Embeds crops.
    """

    config: Config
    bundle: Bundle
    detector: Detector
    upright: UprightCheck
    embedder: TfliteEmbedder

    @property
    def cohort(self) -> Cohort:
        """The impostor cohort of the model."""
        return Cohort(self.bundle.cohort)

    def rule(self, gallery_size: int) -> DecisionRule:
        """Return the decision rule for a gallery size.

        Thresholds come from the configuration, else from the model card.

        Raises:
            ConfigError: The card has no threshold for ``decision.fpir``, or the thresholds
                contradict each other.
        """
        section = self.config.decision
        threshold, unsure = self.bundle.card.thresholds(
            section.fpir,
            gallery_size,
            threshold=section.threshold,
            unsure=section.unsure_threshold,
        )
        return DecisionRule(
            threshold,
            unsure,
            section.margin_min,
            section.votes_min,
            section.agreement_min,
            section.alike_min,
        )

    def matcher(self, gallery: Gallery) -> tuple[Matcher, DecisionRule]:
        """Prepare a gallery for matching, and return the decision rule for its size."""
        points = self.bundle.card.operating_points
        most = max(point.gallery_size for point in points)
        measured = [point.gallery_size for point in points if not point.extrapolated]
        if len(gallery) > most:
            _log.warning(
                "%s enrolled, thresholds for at most %d: the FPIR may be higher than decision.fpir",
                counted_people(len(gallery)),
                most,
            )
        elif len(gallery) > max(measured, default=0):
            _log.info("%s enrolled: their threshold is extrapolated", counted_people(len(gallery)))
        return Matcher(gallery, self.cohort), self.rule(len(gallery))

    def load_gallery(self) -> tuple[Matcher, DecisionRule]:
        """Read the configured gallery and prepare it for matching.

        Raises:
            GalleryError: The gallery cannot be read, or belongs to another model.
            ConfigError: As :meth:`rule`.
        """
        keys = Keyring.of(self.config)
        return self.matcher(load_gallery(self.config.gallery_path, self.embedder.model_id, keys))

    def enroller(self, gallery_size: int) -> Enroller:
        """Build an enroller with the limits and thresholds of the door."""
        rule = self.rule(max(1, gallery_size))
        return Enroller(
            self.detector,
            self.embedder,
            self.cohort,
            self.config.quality,
            self.upright,
            same_min=rule.unsure_threshold,
            near_min=rule.threshold,
        )


def build_recogniser(config: Config) -> Recogniser:
    """Load the detector and the model bundle.

    Raises:
        ModelError: The bundle or the detector weights cannot be used.
        ConfigError: The runtime is not installed.
    """
    section = config.model
    bundle = load_bundle(bundle_path(section.bundle))
    weights = Path(config.detector.weights) if config.detector.weights else None
    kept = config.directory / _TRIED
    try_model(bundle.model, section.runtime, kept)
    if weights is not None:
        try_detector(weights, kept)
    return Recogniser(
        config,
        bundle,
        Detector(weights, width_px=config.detector.width_px, score_min=config.detector.score_min),
        UprightCheck(weights),
        TfliteEmbedder(bundle, section.runtime, section.threads),
    )


def build_pipeline(recogniser: Recogniser, matcher: Matcher, rule: DecisionRule) -> Pipeline:
    """Build the pipeline from frames to decisions."""
    config = recogniser.config
    return Pipeline(
        detector=recogniser.detector,
        tracker=Tracker(gap_max_s=config.track.gap_max_s, reach=config.track.reach),
        limits=config.quality,
        upright=recogniser.upright,
        embedder=recogniser.embedder,
        matcher=matcher,
        walks=WalkDecider(rule),
    )
