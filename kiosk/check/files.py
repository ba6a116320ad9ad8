"""Check model, gallery, roster, outbox and disk with the files themselves."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from kiosk.check.finding import Finding, attempt, failed, fault, ok, warning
from kiosk.config.keys import Config
from kiosk.counted import counted, counted_people
from kiosk.daemon.health.machine import free_mb
from kiosk.daemon.state_folder import open_outbox, read_keys
from kiosk.errors import DISK_FAULT, KioskError
from kiosk.files.presence import may_exist
from kiosk.people.erased import load_erased
from kiosk.people.keyring import Keyring
from kiosk.people.roster import load_roster
from kiosk.recognition.gallery import load_gallery
from kiosk.recognition.recogniser import Recogniser, build_recogniser

_LITTLE_MB: Final = 100
_TOO_LITTLE_MB: Final = 5
"""An outbox stops growing below 1 MB."""


@dataclass(frozen=True, slots=True)
class Model:
    """The loaded model.

    Attributes:
        recogniser: To find faces with.
        worst_steps: Worst difference from the golden vectors, int8 steps.
    """

    recogniser: Recogniser
    worst_steps: int

    @property
    def model_id(self) -> str:
        """The face recogniser."""
        return self.recogniser.embedder.model_id


def check_model(config: Config) -> tuple[Finding, Model | None]:
    """Run the model on the golden vectors; return it for the other checks, if it works."""
    try:
        recogniser = build_recogniser(config)
        model = Model(recogniser, recogniser.embedder.check())
    except (KioskError, OSError) as exc:
        return failed("model", exc), None
    text = f"{model.model_id}: golden vectors within {model.worst_steps} int8 steps"
    return ok("model", text), model


def check_gallery(config: Config, model: Model | None) -> Finding:
    """Read the gallery with the rights of this process."""

    def find() -> Finding:
        gallery = load_gallery(
            config.gallery_path, model.model_id if model else None, Keyring.of(config)
        )
        if not gallery.templates:
            return warning("gallery", "nobody is enrolled; enrol people with `kiosk enrol`")
        return ok("gallery", f"{counted_people(len(gallery))} enrolled")

    return attempt("gallery", find)


def check_erased(config: Config) -> list[Finding]:
    """Return a fault if the list of erased people is damaged; it is no part that needs a line.

    Without it nobody can be enrolled or imported, and no order of the register be carried out.
    """
    try:
        load_erased(config)
    except KioskError as exc:
        return [failed("erasures", exc)]
    return []


def check_roster(config: Config) -> Finding:
    """Read the roster, which only screens need: a fault in it does not stop the kiosk."""
    path = config.roster_path
    if path is None:
        return ok("roster", "none is configured (state.roster); screens show subject ids")
    if not may_exist(path):
        return warning("roster", f"{path}: absent; screens show subject ids")
    try:
        return ok("roster", counted(len(load_roster(path).names), "name"))
    except KioskError as exc:
        return warning("roster", str(exc))


@dataclass(frozen=True, slots=True)
class Speaker:
    """What the kiosk speaks to the register with.

    Attributes:
        outbox_id: Its outbox.
        sign: Signs what it says.
    """

    outbox_id: str
    sign: Callable[[bytes], bytes]


def check_outbox(config: Config) -> tuple[Finding, Speaker | None]:
    """Write to the outbox and read the key; return both, too, if they can be used."""
    try:
        with open_outbox(config) as outbox:  # which commits half a megabyte
            counts = outbox.counts()
            text = f"written; {counted(counts.kept, 'event')} waiting for the register"
            if counts.undelivered:
                text += f", {counts.undelivered} of them for the broker"
            speaker = Speaker(outbox.outbox_id, read_keys(config).signer.sign)
            return ok("outbox", text), speaker
    except (KioskError, OSError) as exc:
        return failed("outbox", exc), None


def check_disk(config: Config) -> Finding:
    """Look at the free space where the outbox is."""
    free = free_mb(config.directory)
    if free is None:
        return fault("disk", f"{config.directory}: cannot be read; see state.directory", DISK_FAULT)
    text = f"{free} MB free at {config.directory}"
    if free < _TOO_LITTLE_MB:
        return fault("disk", f"{text}: too little to store events; free some space", DISK_FAULT)
    if free < _LITTLE_MB:
        return warning("disk", f"{text}; free some space")
    return ok("disk", text)
