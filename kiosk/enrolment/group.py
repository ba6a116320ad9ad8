"""Enrol a class: one person after another, and a summary of everybody."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kiosk.enrolment.person import Enrolled, PersonEnroller, read_photos
from kiosk.enrolment.sources import Person
from kiosk.errors import ConfigError, KioskError
from kiosk.files.atomic_file import atomic_write
from kiosk.files.presence import is_folder, may_exist
from kiosk.recognition.enrol import Rejected

_COLUMNS: Final = ("subject", "enrolled", "reason", "templates", "rejected", "near", "replaced")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one person.

    Attributes:
        subject_id: The person.
        enrolled: The enrolment; ``None`` if the person could not be enrolled.
        reason: Why not; otherwise empty.
        rejected: Files that gave no template.
    """

    subject_id: str
    enrolled: Enrolled | None
    reason: str = ""
    rejected: tuple[Rejected, ...] = ()


def enrol_people(enroller: PersonEnroller, people: Iterable[Person]) -> Iterator[Outcome]:
    """Enrol people one after another; one who cannot be enrolled does not stop the others.

    Each person is written before the next one's photos are read.
    """
    for person in people:
        try:
            enrolled = enroller.enrol(person.subject_id, read_photos(person.photos), person.name)
        except KioskError as exc:
            yield Outcome(person.subject_id, None, str(exc), person.left_out)
        else:
            rejected = (*person.left_out, *enrolled.rejected)
            yield Outcome(person.subject_id, enrolled, rejected=rejected)


def facts(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome for JSON, with the same keys for everybody."""
    enrolled = outcome.enrolled or Enrolled(outcome.subject_id, 0)
    return {
        "subject": outcome.subject_id,
        "enrolled": outcome.enrolled is not None,
        "reason": outcome.reason or None,
        "templates": enrolled.templates,
        "rejected": [{"photo": item.name, "reason": item.reason} for item in outcome.rejected],
        "near": list(enrolled.near),
        "replaced": enrolled.replaced or None,
        "renamed": enrolled.renamed,
    }


def check_summary(path: Path) -> None:
    """Reject a summary file that could not be written, before anybody is enrolled.

    Raises:
        ConfigError: The ending is not .json or .csv, the folder is absent or closed, or the name
            is too long.
    """
    if path.suffix not in {".json", ".csv"}:
        raise ConfigError(f"--summary: {path}, expected a name that ends in .json or .csv")
    if is_folder(path) or not may_exist(path.parent):
        raise ConfigError(f"--summary: {path} is a folder, or its folder is absent")
    try:
        path.stat()
    except FileNotFoundError:
        pass
    except OSError as exc:
        raise ConfigError(f"--summary: {path} cannot be written ({exc.strerror})") from exc


def save_summary(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Write one row for each person, as JSON or CSV by the ending of the file; without names.

    Raises:
        ConfigError: The file cannot be written.
    """
    rows = [facts(outcome) for outcome in outcomes]
    text = json.dumps(rows, indent=2) + "\n" if path.suffix == ".json" else _csv(rows)
    try:
        with atomic_write(path, 0o600, owner_of=path.parent) as partial:
            # A file name that is not UTF-8 must not cost the summary.
            partial.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as exc:
        raise ConfigError(f"--summary: {path} cannot be written ({exc.strerror})") from exc


def _csv(rows: Iterable[dict[str, Any]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, _COLUMNS, extrasaction="ignore")
    writer.writeheader()
    for row in rows:
        rejected = "; ".join(f"{item['photo']}: {item['reason']}" for item in row["rejected"])
        writer.writerow({**row, "rejected": rejected, "near": " ".join(row["near"])})
    return text.getvalue()
