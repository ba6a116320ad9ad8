"""The command ``kiosk enrol``: enrol one person and print the outcome."""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kiosk.config import Config
from kiosk.enrolment.person import PHOTOS_WANTED, Enrolled, Replaced, enrol

_REPLACED: Final[dict[Replaced, str]] = {
    "": "",
    "same face": ", replaced the former ones",
    "another face": ", replaced another face",
}


@dataclass(frozen=True, slots=True)
class EnrolOptions:
    """The options of the command line.

    Attributes:
        subject: The subject id.
        photos: Photo files.
        camera: Take pictures with the camera.
        name: The name for the roster.
        replace: Replace an id that is enrolled with another face.
        json: Print the outcome as JSON.
    """

    subject: str
    photos: Sequence[Path] = ()
    camera: bool = False
    name: str | None = None
    replace: bool = False
    json: bool = False


def run_enrol(config: Config, options: EnrolOptions) -> int:
    """Enrol a person; print the outcome on standard output and warnings on standard error.

    Raises:
        KioskError: As :func:`kiosk.enrolment.person.enrol`.
    """
    enrolled = enrol(
        config,
        options.subject,
        options.photos,
        use_camera=options.camera,
        name=options.name,
        may_replace=options.replace,
    )
    for note in notes(enrolled):
        sys.stderr.write(f"{note}\n")
    text = f"{enrolled.subject_id}: {outcome(enrolled)}"
    sys.stdout.write((json.dumps(facts(enrolled)) if options.json else text) + "\n")
    return 0


def outcome(enrolled: Enrolled) -> str:
    """Return how many templates a person has, and what they replaced."""
    renamed = ", replaced the name in the roster" if enrolled.renamed else ""
    return f"{enrolled.templates} templates{_REPLACED[enrolled.replaced]}{renamed}"


def notes(enrolled: Enrolled) -> Iterator[str]:
    """Yield what deserves attention: rejected pictures, too few usable ones, similar people."""
    for item in enrolled.rejected:
        yield f"rejected {item.name}: {item.reason}"
    if enrolled.templates < PHOTOS_WANTED:
        yield (
            f"warning: usable pictures of {enrolled.subject_id}: {enrolled.templates}; with fewer"
            f" than {PHOTOS_WANTED} the door misses a person more often"
        )
    for subject in enrolled.near:
        yield (
            f"warning: {enrolled.subject_id} looks similar to {subject}, who is enrolled; where the"
            " kiosk could confuse the two, decision.margin_min leaves both unnamed"
        )


def facts(enrolled: Enrolled) -> dict[str, Any]:
    """Return the outcome for JSON."""
    return {
        "subject": enrolled.subject_id,
        "templates": enrolled.templates,
        "rejected": [{"photo": item.name, "reason": item.reason} for item in enrolled.rejected],
        "near": list(enrolled.near),
        "replaced": enrolled.replaced or None,
        "renamed": enrolled.renamed,
    }
