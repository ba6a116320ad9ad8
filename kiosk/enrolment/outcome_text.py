"""Describe an enrolment in words."""

from collections.abc import Iterable, Iterator
from typing import Final

from kiosk.counted import counted
from kiosk.enrolment.person import PHOTOS_WANTED, Enrolled, Replaced
from kiosk.recognition.enrol import Rejected

_REPLACED: Final[dict[Replaced, str]] = {
    "": "",
    "same face": ", replaced the former ones",
    "another face": ", replaced another face",
}


def outcome_text(enrolled: Enrolled) -> str:
    """Return how many templates a person has, and what they replaced."""
    renamed = ", replaced the name in the roster" if enrolled.renamed else ""
    return f"{counted(enrolled.templates, 'template')}{_REPLACED[enrolled.replaced]}{renamed}"


def notes(enrolled: Enrolled, rejected: Iterable[Rejected]) -> Iterator[str]:
    """Yield what deserves attention: rejected pictures, too few usable ones, similar people."""
    for item in rejected:
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
