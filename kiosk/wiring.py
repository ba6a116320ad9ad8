"""The one place where everything is put together."""

import dataclasses
import logging
import os
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import msgspec

from kiosk.attend import Ballot, Rule
from kiosk.broker import HOST, PROTOCOL, EmbeddedBroker
from kiosk.bundle import Bundle, default_bundle, load_bundle
from kiosk.camera import Camera
from kiosk.capture import open_camera
from kiosk.client import read_password
from kiosk.clock import Clock, SystemClock
from kiosk.config import Config, MqttSection
from kiosk.daemon import Daemon
from kiosk.detect import Detector
from kiosk.embed import TfliteEmbedder
from kiosk.enrol import Enroller
from kiosk.errors import ConfigError
from kiosk.gallery import Gallery, load_gallery
from kiosk.match import Cohort, Matcher
from kiosk.notify import Notifier, Watchdog
from kiosk.outbox import Outbox
from kiosk.pipeline import Pipeline
from kiosk.publish import Publisher
from kiosk.recorder import Recorder
from kiosk.topics import Availability, Place
from kiosk.track import Tracker

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

    def rule(self, gallery_size: int) -> Rule:
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
        return Rule(threshold, unsure, own.margin_min, own.votes_min, own.agreement_min)

    def matcher(self, gallery: Gallery) -> tuple[Matcher, Rule]:
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

    def load_gallery(self) -> tuple[Matcher, Rule]:
        """Read the configured gallery and make it ready."""
        return self.matcher(load_gallery(self.config.gallery_path, self.embedder.model_id))

    def again(self, read_config: Callable[[], Config] | None) -> "Recogniser":
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
    bundle = load_bundle(Path(section.bundle) if section.bundle else default_bundle())
    weights = Path(config.detector.weights) if config.detector.weights else None
    return Recogniser(
        config,
        bundle,
        Detector(weights, width_px=config.detector.width_px, score_min=config.detector.score_min),
        TfliteEmbedder(bundle, section.runtime, section.threads),
    )


def make_directory(config: Config) -> None:
    """Make the folder for the kiosk's files.

    Raises:
        ConfigError: It cannot be made.
    """
    try:
        config.directory.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        message = f"state.directory: {config.directory} cannot be made ({exc.strerror})"
        raise ConfigError(message) from exc


def check_broker(mqtt: MqttSection) -> None:
    """Make sure that there is a broker to publish to, as far as this machine alone can tell.

    Raises:
        ConfigError: None is configured, and the embedded one is not installed.
    """
    if not mqtt.host and find_spec("amqtt") is None:
        raise ConfigError(
            "mqtt.host: empty, and the broker for trials is not installed; set the name or address"
            " of your MQTT broker (or, for a trial on one machine, install attendance-kiosk[demo])"
        )


def build_pipeline(recogniser: Recogniser, matcher: Matcher, rule: Rule) -> Pipeline:
    """Put the stages from frame to decision together."""
    config = recogniser.config
    return Pipeline(
        detector=recogniser.detector,
        tracker=Tracker(gap_max_s=config.track.gap_max_s, reach=config.track.reach),
        limits=config.quality,
        embedder=recogniser.embedder,
        matcher=matcher,
        ballot=Ballot(rule),
    )


def build_daemon(
    config: Config,
    stack: ExitStack,
    *,
    clock: Clock | None = None,
    camera: Callable[[], Camera] | None = None,
    gallery: Gallery | None = None,
    read_config: Callable[[], Config] | None = None,
) -> Daemon:
    """Put the daemon together.

    Args:
        config: The configuration.
        stack: Closes what the daemon opened.
        clock: Time; the system's by default.
        camera: Opens the camera; the configured one by default.
        gallery: Who is enrolled; the configured file by default.
        read_config: Reads the configuration again, for its thresholds; by default they stay.

    Raises:
        KioskError: A part cannot be had as configured; nothing is started before its files are
            read.
    """
    clock = clock or SystemClock()
    check_broker(config.mqtt)
    recogniser = build_recogniser(config)
    if gallery is None:
        matcher, rule = recogniser.load_gallery()
    else:
        matcher, rule = recogniser.matcher(gallery)
    make_directory(config)
    outbox = stack.enter_context(Outbox(config.outbox_path))
    mqtt, broker = _broker(config.mqtt, stack)
    names = config.kiosk
    publisher = Publisher(
        mqtt,
        Place(site=names.site, room=names.room, kiosk=names.id),
        outbox,
        availability=Availability(
            state="online", boot_id=clock.boot_id(), version=version("attendance-kiosk")
        ),
        password=read_password(mqtt),
    )
    notifier = Notifier.from_environment(os.environ)
    stop = threading.Event()
    return Daemon(
        open_camera=camera or (lambda: open_camera(config.camera, clock, stop)),
        pipeline=build_pipeline(recogniser, matcher, rule),
        embedder=recogniser.embedder,
        recorder=Recorder(
            outbox=outbox,
            clock=clock,
            config=config,
            model_id=recogniser.embedder.model_id,
            committed=publisher.notify,
        ),
        publisher=publisher,
        checks=(broker.check, publisher.check) if broker else (publisher.check,),
        load_gallery=lambda: recogniser.again(read_config).load_gallery(),
        clock=clock,
        notifier=notifier,
        watchdog=Watchdog.from_environment(os.environ, notifier),
        retry_s=config.camera.retry_s,
        stop=stop,
    )


def _broker(mqtt: MqttSection, stack: ExitStack) -> tuple[MqttSection, EmbeddedBroker | None]:
    """Start the embedded broker where none is configured."""
    if mqtt.host:
        return mqtt, None
    broker = stack.enter_context(EmbeddedBroker(mqtt.port))
    return MqttSection(host=HOST, port=broker.port, protocol=PROTOCOL), broker
