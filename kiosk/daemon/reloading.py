"""What a reload replaces: gallery, thresholds and timetable. Everything else needs a restart."""

import dataclasses
import hashlib
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from kiosk.config.file import changed_keys
from kiosk.config.keys import Config, KioskSection
from kiosk.daemon.health.report import Vitals
from kiosk.daemon.recorder import Recorder
from kiosk.recognition.decide import DecisionRule
from kiosk.recognition.match import Matcher
from kiosk.recognition.recogniser import Recogniser


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was read from the disk.

    Attributes:
        matcher: The enrolled people.
        rule: The thresholds for their number.
        config: The configuration of the start, with the thresholds and the timetable of the file.
        restart_keys: Keys of the file that differ from the start, and need a restart.
    """

    matcher: Matcher
    rule: DecisionRule
    config: Config
    restart_keys: tuple[str, ...] = ()

    def note(self, vitals: Vitals) -> None:
        """Note for the health message what is in use from now on."""
        vitals.people = len(self.matcher)
        vitals.gallery_version = self.matcher.revision
        vitals.gallery_hash = self.matcher.content_hash
        vitals.config_hash = config_hash(self.config)

    def recorder(self, old: Recorder) -> Recorder:
        """Return a recorder that uses this timetable, and names this gallery in events."""
        return dataclasses.replace(
            old,
            config=self.config,
            gallery_version=self.matcher.revision,
            gallery_hash=self.matcher.content_hash,
        )


def config_hash(config: Config) -> str:
    """Return 12 hex digits, equal at all doors with the same settings.

    The kiosk's names differ from door to door, and ``camera.source`` may hold a password.
    """
    shared = msgspec.structs.replace(
        config,
        kiosk=KioskSection(timezone=config.kiosk.timezone),
        camera=msgspec.structs.replace(config.camera, source=""),
    )
    return hashlib.sha256(msgspec.json.encode(shared)).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Loader:
    """Reads the gallery and, for a reload, the configuration.

    Attributes:
        recogniser: With the configuration of the start.
        read_config: Reads the configuration again; ``None`` keeps that of the start.
    """

    recogniser: Recogniser
    read_config: Callable[[], Config] | None

    def load(self) -> Loaded:
        """Read the gallery.

        Raises:
            GalleryError: It cannot be read, or belongs to another model.
            ConfigError: The thresholds of section ``decision`` are invalid.
        """
        return _load(self.recogniser)

    def load_again(self) -> Loaded:
        """Read gallery, thresholds and timetable.

        Raises:
            GalleryError: As :meth:`load`.
            ConfigError: The configuration is invalid.
        """
        if self.read_config is None:
            return self.load()
        old, new = self.recogniser.config, self.read_config()
        config = msgspec.structs.replace(old, decision=new.decision, lesson=new.lesson)
        loaded = _load(dataclasses.replace(self.recogniser, config=config))
        return dataclasses.replace(loaded, restart_keys=tuple(changed_keys(config, new)))


def _load(recogniser: Recogniser) -> Loaded:
    matcher, rule = recogniser.load_gallery()
    return Loaded(matcher, rule, recogniser.config)
