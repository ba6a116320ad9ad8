"""The kiosk's configuration: every key, its default and its limits.

TOML, read once at start. ``systemd/kiosk.toml`` is the same list with every key explained for the
technician; a test keeps the two equal. Rules about several keys are in ``problems`` of the section
that holds them (see :mod:`kiosk.config.file`).

There is one way from a section to an object:

- An object that one section describes takes this section, not its keys: the camera backends, the
  MQTT connection, the quality limits, ``KioskAddress.of``. One that combines several (recogniser,
  recorder) takes the :class:`Config`.
- An object that training and evaluation also use without a configuration takes plain values:
  detector, embedder, tracker, decision rule. Only the composition roots read these from sections:
  :mod:`kiosk.recognition.recogniser` and :mod:`kiosk.daemon.wiring`.
- The files of the section ``state`` are properties of :class:`Config`.
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Meta

from kiosk.config.door import CardsSection, RegisterSection, SignalsSection, TimetableSection
from kiosk.config.file import ConfigFile, Problem, Section
from kiosk.config.mqtt import KioskMqttSection
from kiosk.config.timetable import NO_LESSON, ClassSession, LessonSection, Name, timetable_problems

Positive = Annotated[float, Meta(gt=0, le=1_000_000)]
Fraction = Annotated[float, Meta(ge=0, le=1)]
Majority = Annotated[float, Meta(gt=0.5, le=1)]
"""A share above one half: at most one person can have it."""
Score = Annotated[float, Meta(ge=-1, le=1)]
Count = Annotated[int, Meta(ge=1)]


class KioskSection(Section, frozen=True):
    """The identity of this kiosk; the three names are part of every MQTT topic and event."""

    id: Name = "kiosk-1"
    room: Name = "room-1"
    site: Name = "school"
    timezone: str = "UTC"

    def problems(self) -> Iterator[Problem]:
        """Check that the time zone is known."""
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            yield "timezone", "expected an IANA time zone such as Europe/Berlin"


class CameraSection(Section, frozen=True):
    """The source of frames. The configured backend is used, or opening it is an error."""

    backend: Literal["picamera2", "opencv", "replay", "fake-picamera2"] = "opencv"
    source: str = "0"
    width_px: Annotated[int, Meta(ge=64, le=4096)] = 640
    height_px: Annotated[int, Meta(ge=64, le=4096)] = 480
    fps: Positive = 15.0
    rotation: Literal[0, 90, 180, 270] = 0
    mirror: bool = False
    pace: Literal["recorded", "fast"] = "recorded"
    retry_s: Positive = 5.0


class DetectorSection(Section, frozen=True):
    """Settings of the YuNet detector; an empty path selects the pinned weights."""

    weights: str = ""
    width_px: Annotated[int, Meta(ge=64, le=2048)] = 320
    score_min: Fraction = 0.7


class ModelSection(Section, frozen=True):
    """The face recogniser; an empty path selects the bundle that ships with the kiosk."""

    bundle: str = ""
    runtime: Literal["ai-edge-litert", "tflite-runtime"] = "ai-edge-litert"
    threads: Annotated[int, Meta(ge=1, le=64)] = 1


class QualitySection(Section, frozen=True):
    """Limits that a face must meet to be used."""

    eye_distance_min_px: Positive = 14.0
    sharpness_min: Annotated[float, Meta(ge=0)] = 12.0
    brightness_min: Annotated[float, Meta(ge=0, le=255)] = 25.0
    brightness_max: Annotated[float, Meta(ge=0, le=255)] = 245.0
    turn_max: Fraction = 0.65

    def problems(self) -> Iterator[Problem]:
        """Check that the brightness limits leave a range between them."""
        if self.brightness_max <= self.brightness_min:
            yield "brightness_max", "expected more than quality.brightness_min"


class TrackSection(Section, frozen=True):
    """When faces in two frames belong to one track."""

    gap_max_s: Positive = 1.0
    reach: Positive = 1.5


class DecisionSection(Section, frozen=True):
    """How the frames of a track become a decision.

    Thresholds come from the model card unless they are set here.
    """

    fpir: Fraction = 0.003
    threshold: Score | None = None
    unsure_threshold: Score | None = None
    margin_min: Annotated[float, Meta(ge=0, le=2)] = 0.05
    votes_min: Count = 3
    agreement_min: Majority = 0.6
    alike_min: Score = 0.4

    def problems(self) -> Iterator[Problem]:
        """Check the order of the thresholds, where both are set."""
        if self.threshold is None or self.unsure_threshold is None:
            return
        if self.unsure_threshold > self.threshold:
            yield "unsure_threshold", "expected at most decision.threshold"


class StateSection(Section, frozen=True):
    """Files that the kiosk owns."""

    directory: str = "/var/lib/kiosk"
    gallery: str = ""
    key_file: str = ""
    roster: str = ""
    keep_days: Annotated[int, Meta(ge=1, le=3650)] = 30
    events_max: Annotated[int, Meta(ge=1000, le=10_000_000)] = 200_000


class Config(Section, frozen=True):
    """The content of ``kiosk.toml``; each field is the table of the same name."""

    kiosk: KioskSection = KioskSection()
    camera: CameraSection = CameraSection()
    detector: DetectorSection = DetectorSection()
    model: ModelSection = ModelSection()
    quality: QualitySection = QualitySection()
    track: TrackSection = TrackSection()
    decision: DecisionSection = DecisionSection()
    cards: CardsSection = CardsSection()
    mqtt: KioskMqttSection = KioskMqttSection()
    state: StateSection = StateSection()
    timetable: TimetableSection = TimetableSection()
    signals: SignalsSection = SignalsSection()
    register: RegisterSection = RegisterSection()
    lesson: tuple[LessonSection, ...] = ()

    @property
    def directory(self) -> Path:
        """The folder of the kiosk's files."""
        return Path(self.state.directory)

    @property
    def gallery_path(self) -> Path:
        """The gallery file; ``gallery.npz`` in :attr:`directory` unless it is configured."""
        return Path(self.state.gallery) if self.state.gallery else self.directory / "gallery.npz"

    @property
    def roster_path(self) -> Path | None:
        """The roster; ``None`` if none is configured."""
        return Path(self.state.roster) if self.state.roster else None

    @property
    def outbox_path(self) -> Path:
        """The event database."""
        return self.directory / "outbox.sqlite3"

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the timetable."""
        return ZoneInfo(self.kiosk.timezone)

    @property
    def cards_path(self) -> Path:
        """The list of the cards that count, as the register sent it last."""
        return self.directory / "cards.json"

    def session_at(self, moment: datetime) -> ClassSession:
        """Return the class session of a moment; its name is "day" when no lesson covers it.

        Args:
            moment: In any time zone.
        """
        local = moment.astimezone(self.zone)
        lesson = next((one.name for one in self.lesson if one.covers(local)), NO_LESSON)
        return ClassSession(local.date(), lesson)

    def problems(self) -> Iterator[Problem]:
        """Check the timetable."""
        return timetable_problems(self.lesson)


KIOSK_FILE: Final = ConfigFile(Config, renamed={"session": "lesson"})
"""``[[session]]`` is the former name of ``[[lesson]]``; MQTT has sessions, too."""


def load_config(path: Path) -> Config:
    """Read and check a configuration file of the kiosk.

    Raises:
        ConfigError: As :meth:`kiosk.config.file.ConfigFile.load`.
    """
    return KIOSK_FILE.load(path)


def parse_config(text: bytes, source: str) -> Config:
    """Check the text of a configuration of the kiosk; ``source`` names it in errors.

    Raises:
        ConfigError: As :func:`load_config`.
    """
    return KIOSK_FILE.parse(text, source)
