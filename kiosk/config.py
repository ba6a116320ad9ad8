"""The configuration file: every key, its default and what it must be.

TOML, read once at start. A key that is unknown, of the wrong type or out of range is one
:class:`~kiosk.errors.ConfigError` that names the file and the key. ``systemd/kiosk.toml`` is the
same list with every key explained for the technician; a test keeps the two equal.
"""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta

from kiosk.config_errors import readable
from kiosk.errors import ConfigError
from kiosk.timetable import NO_LESSON, Name, Section, SessionSection, check_timetable

Positive = Annotated[float, Meta(gt=0, le=1_000_000)]
Fraction = Annotated[float, Meta(ge=0, le=1)]
Majority = Annotated[float, Meta(gt=0.5, le=1)]
"""A share that no two people can have."""
Score = Annotated[float, Meta(ge=-1, le=1)]
Count = Annotated[int, Meta(ge=1)]


class KioskSection(Section, frozen=True):
    """Which kiosk this is; the three names stand in every topic and event."""

    id: Name = "kiosk-1"
    room: Name = "room-1"
    site: Name = "school"
    timezone: str = "UTC"


class CameraSection(Section, frozen=True):
    """Where frames come from. The backend is what is named here, or an error."""

    backend: Literal["picamera2", "opencv", "replay", "fake-picamera2"] = "opencv"
    source: str = "0"
    width_px: Annotated[int, Meta(ge=64, le=4096)] = 640
    height_px: Annotated[int, Meta(ge=64, le=4096)] = 480
    fps: Positive = 15.0
    pace: Literal["recorded", "fast"] = "recorded"
    retry_s: Positive = 5.0


class DetectorSection(Section, frozen=True):
    """YuNet's settings; an empty path takes the pinned weights."""

    weights: str = ""
    width_px: Annotated[int, Meta(ge=64, le=2048)] = 320
    score_min: Fraction = 0.7


class ModelSection(Section, frozen=True):
    """The face recogniser; an empty path takes the bundle that ships with the kiosk."""

    bundle: str = ""
    runtime: Literal["ai-edge-litert", "tflite-runtime"] = "ai-edge-litert"
    threads: Count = 1


class QualitySection(Section, frozen=True):
    """What a face must be to vote."""

    eye_distance_min_px: Positive = 14.0
    sharpness_min: Annotated[float, Meta(ge=0)] = 12.0
    brightness_min: Annotated[float, Meta(ge=0, le=255)] = 25.0
    brightness_max: Annotated[float, Meta(ge=0, le=255)] = 245.0
    turn_max: Fraction = 0.65


class TrackSection(Section, frozen=True):
    """When two faces of two frames are one walk past the camera."""

    gap_max_s: Positive = 1.0
    reach: Positive = 1.5


class DecisionSection(Section, frozen=True):
    """How votes become a name. Thresholds come from the model card unless they stand here."""

    fpir: Fraction = 0.003
    threshold: Score | None = None
    unsure_threshold: Score | None = None
    margin_min: Annotated[float, Meta(ge=0, le=2)] = 0.05
    votes_min: Count = 3
    agreement_min: Majority = 0.6


class MqttSection(Section, frozen=True):
    """The broker. Without a host the embedded broker is started on the loopback address."""

    host: str = ""
    port: Annotated[int, Meta(ge=1, le=65535)] = 1883
    username: str = ""
    password_file: str = ""
    ca_file: str = ""
    protocol: Literal["5", "3.1.1"] = "5"
    keepalive_s: Annotated[int, Meta(ge=5, le=3600)] = 30
    session_expiry_s: Annotated[int, Meta(ge=0, le=4294967295)] = 604800
    inflight_max: Annotated[int, Meta(ge=1, le=1000)] = 20


class StateSection(Section, frozen=True):
    """Files that the kiosk owns."""

    directory: str = "/var/lib/kiosk"
    gallery: str = ""
    roster: str = ""


class Config(Section, frozen=True):
    """The whole file."""

    kiosk: KioskSection = KioskSection()
    camera: CameraSection = CameraSection()
    detector: DetectorSection = DetectorSection()
    model: ModelSection = ModelSection()
    quality: QualitySection = QualitySection()
    track: TrackSection = TrackSection()
    decision: DecisionSection = DecisionSection()
    mqtt: MqttSection = MqttSection()
    state: StateSection = StateSection()
    session: tuple[SessionSection, ...] = ()

    @property
    def directory(self) -> Path:
        """Where the kiosk keeps its files."""
        return Path(self.state.directory)

    @property
    def gallery_path(self) -> Path:
        """The gallery file."""
        return Path(self.state.gallery) if self.state.gallery else self.directory / "gallery.npz"

    @property
    def outbox_path(self) -> Path:
        """The event database."""
        return self.directory / "outbox.sqlite3"

    @property
    def zone(self) -> ZoneInfo:
        """The time zone that the timetable is read in."""
        return ZoneInfo(self.kiosk.timezone)

    def session_at(self, local: datetime) -> str:
        """Name the class session that a moment falls into.

        Args:
            local: The moment, in any zone.

        Returns:
            ``2026-11-24/maths-7b``, or ``2026-11-24/day`` when no lesson covers the moment.
        """
        local = local.astimezone(self.zone)
        lesson = next((s.name for s in self.session if s.covers(local)), NO_LESSON)
        return f"{local.date().isoformat()}/{lesson}"


def load_config(path: Path) -> Config:
    """Read and check a configuration file.

    Raises:
        ConfigError: It cannot be read, is no TOML, or a key is unknown, mistyped or out of range.
    """
    try:
        text = path.read_bytes()
    except OSError as exc:
        message = f"{path}: cannot be read ({exc.strerror}); see systemd/kiosk.toml for an example"
        raise ConfigError(message) from exc
    return parse_config(text, str(path))


def parse_config(text: bytes, source: str) -> Config:
    """Check the text of a configuration; ``source`` names it in errors.

    Raises:
        ConfigError: As :func:`load_config`.
    """
    try:
        config = msgspec.toml.decode(text, type=Config)
    except msgspec.ValidationError as exc:
        raise ConfigError(f"{source}: {readable(str(exc), Config)}") from exc
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{source}: not valid TOML: {exc}") from exc
    _check_together(config, source)
    return config


def _check_together(config: Config, source: str) -> None:
    """Check what no single key can tell."""
    problems = [
        ("kiosk.timezone", "expected an IANA time zone such as Europe/Berlin", _bad_zone(config)),
        (
            "quality.brightness_max",
            "expected more than quality.brightness_min",
            config.quality.brightness_max <= config.quality.brightness_min,
        ),
        (
            "decision.unsure_threshold",
            "expected at most decision.threshold",
            config.decision.threshold is not None
            and config.decision.unsure_threshold is not None
            and config.decision.unsure_threshold > config.decision.threshold,
        ),
        (
            "mqtt.host",
            "needed when mqtt.username is set",
            bool(config.mqtt.username) and not config.mqtt.host,
        ),
    ]
    problems += [
        (f"session[{i}].end", "expected later than start", s.ends_at <= s.starts_at)
        for i, s in enumerate(config.session)
    ]
    for key, expected, bad in problems:
        if bad:
            raise ConfigError(f"{source}: {key}: {expected}")
    check_timetable(config.session, source)


def _bad_zone(config: Config) -> bool:
    try:
        ZoneInfo(config.kiosk.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return True
    return False


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
