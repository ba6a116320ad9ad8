"""Build the recogniser from the configuration: detector, embedder, cohort and thresholds."""

import dataclasses
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from kiosk.config import Config
from kiosk.errors import ConfigError
from kiosk.recognition.bundle import Bundle, bundle_path, load_bundle
from kiosk.recognition.detect import Detector
from kiosk.recognition.embed import TfliteEmbedder
from kiosk.recognition.enrol import Enroller
from kiosk.recognition.gallery import Gallery, load_gallery
from kiosk.recognition.match import Cohort, Matcher
from kiosk.recognition.pipeline import Pipeline
from kiosk.recognition.track import Tracker
from kiosk.recognition.vote import VoteCounter, VotingRule

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recogniser:
    """Detector and embedder as the configuration wants them.

    Attributes:
        config: The configuration.
        bundle: The model bundle.
        detector: Finds faces.
        embedder: Embeds them.
    """

    config: Config
    bundle: Bundle
    detector: Detector
    embedder: TfliteEmbedder

    @property
    def cohort(self) -> Cohort:
        """What scores are held against."""
        return Cohort(self.bundle.cohort)

    def rule(self, gallery_size: int) -> VotingRule:
        """Set the thresholds for a gallery: from the configuration, else from the model card.

        Raises:
            ConfigError: The card has no threshold for ``decision.fpir``, or the thresholds
                contradict each other.
        """
        own = self.config.decision
        points = self.bundle.card
        threshold = own.threshold
        if threshold is None:
            threshold = points.operating_point(own.fpir, gallery_size).threshold
        unsure = own.unsure_threshold
        if unsure is None:
            loosest = max(point.fpir for point in points.operating_points)
            unsure = min(threshold, points.operating_point(loosest, gallery_size).threshold)
        if unsure > threshold:
            raise ConfigError(f"decision.unsure_threshold: expected at most {threshold:.3f}")
        return VotingRule(threshold, unsure, own.margin_min, own.votes_min, own.agreement_min)

    def matcher(self, gallery: Gallery) -> tuple[Matcher, VotingRule]:
        """Make a gallery ready to be matched with, and set the rule for its size."""
        most = max(point.gallery_size for point in self.bundle.card.operating_points)
        if len(gallery) > most:
            _log.warning(
                "%d people enrolled, thresholds measured with %d: more strangers than "
                "decision.fpir says may be given a name",
                len(gallery),
                most,
            )
        return Matcher(gallery, self.cohort), self.rule(len(gallery))

    def load_gallery(self) -> tuple[Matcher, VotingRule]:
        """Read the configured gallery and make it ready."""
        return self.matcher(load_gallery(self.config.gallery_path, self.embedder.model_id))

    def with_decision(self, read_config: Callable[[], Config] | None) -> "Recogniser":
        """Take over a changed section ``decision``; all else needs a restart."""
        if read_config is None:
            return self
        config = msgspec.structs.replace(self.config, decision=read_config().decision)
        return dataclasses.replace(self, config=config)

    def enroller(self, gallery_size: int) -> Enroller:
        """Make an enroller whose limits are those of the door."""
        rule = self.rule(max(1, gallery_size))
        return Enroller(
            self.detector,
            self.embedder,
            self.cohort,
            self.config.quality,
            same_min=rule.unsure_threshold,
            near_min=rule.threshold,
        )


def build_recogniser(config: Config) -> Recogniser:
    """Load the detector and the model bundle."""
    section = config.model
    bundle = load_bundle(bundle_path(section.bundle))
    weights = Path(config.detector.weights) if config.detector.weights else None
    return Recogniser(
        config,
        bundle,
        Detector(weights, width_px=config.detector.width_px, score_min=config.detector.score_min),
        TfliteEmbedder(bundle, section.runtime, section.threads),
    )


def build_pipeline(recogniser: Recogniser, matcher: Matcher, rule: VotingRule) -> Pipeline:
    """Put the stages from frame to decision together."""
    config = recogniser.config
    return Pipeline(
        detector=recogniser.detector,
        tracker=Tracker(gap_max_s=config.track.gap_max_s, reach=config.track.reach),
        limits=config.quality,
        embedder=recogniser.embedder,
        matcher=matcher,
        votes=VoteCounter(rule),
    )
