"""The command ``kiosk enrol --folder`` or ``--list``: a class at once."""

import sys
from pathlib import Path
from typing import TextIO

from kiosk.cli import DEFAULT_CONFIG
from kiosk.config.keys import Config
from kiosk.enrolment.group import Outcome, check_summary, enrol_people, facts, save_summary
from kiosk.enrolment.outcome_text import notes, outcome_text
from kiosk.enrolment.person import PersonEnroller
from kiosk.enrolment.sources import ClassPhotos, people_in_folder, people_in_list
from kiosk.errors import ConfigError, PhotoError
from kiosk.people.own_files import refuse_kiosk_file
from kiosk.printable import json_text, printable
from kiosk.recognition.recogniser import build_recogniser

_BAR_WIDTH = 30


def run_class(
    config: Config,
    *,
    folder: Path | None,
    list_file: Path | None,
    summary: Path | None = None,
    may_replace: bool = False,
    as_json: bool = False,
    config_file: Path = DEFAULT_CONFIG,
) -> int:
    """Enrol everybody of a folder or of a list; print one line for each person.

    Args:
        config: Names the gallery, the roster and the model.
        folder: A folder with one sub-folder of photos for each id.
        list_file: A CSV file with subject_id, name and files.
        summary: A file (.json or .csv) for the outcomes of all people.
        may_replace: Whether an id that is enrolled with another face is replaced.
        as_json: Print one JSON object at the end instead of the lines.
        config_file: The file that the configuration was read from.

    Returns:
        The exit code: 0, or that of :class:`~kiosk.errors.PhotoError` if somebody was not enrolled.

    Raises:
        KioskError: Nobody could be enrolled: configuration, list, model or gallery are invalid.
    """
    if summary is not None:
        check_summary(summary)
        own = [] if list_file is None else [(list_file, "the list that --list names")]
        refuse_kiosk_file(summary, config, config_file, own, option="--summary")
    photos = _photos(folder, list_file)
    enroller = PersonEnroller(config, build_recogniser(config), may_replace)
    enroller.check_files(names=any(person.name for person in photos.people))
    outcomes: list[Outcome] = []
    progress = Progress(sys.stderr, len(photos.people))
    try:
        progress.show(0)
        for outcome in enrol_people(enroller, photos.people):
            outcomes.append(outcome)
            progress.clear()
            if not as_json:
                sys.stdout.write(printable(line(outcome)) + "\n")
                sys.stdout.flush()
            progress.show(len(outcomes))
    finally:
        progress.clear()
        if summary is not None:
            save_summary(summary, outcomes)
    _print_end(photos, outcomes, as_json=as_json)
    return PhotoError.exit_code if any(outcome.enrolled is None for outcome in outcomes) else 0


def line(outcome: Outcome) -> str:
    """Describe an outcome in one line."""
    if outcome.enrolled is None:
        left_out = [f"left out {item.name}: {item.reason}" for item in outcome.rejected]
        return "; ".join([f"{outcome.subject_id}: not enrolled: {outcome.reason}", *left_out])
    parts = [outcome_text(outcome.enrolled), *notes(outcome.enrolled, outcome.rejected)]
    return f"{outcome.subject_id}: {'; '.join(parts)}"


def _photos(folder: Path | None, list_file: Path | None) -> ClassPhotos:
    if folder is not None and list_file is not None:
        raise ConfigError("enrol: expected --folder or --list, one of the two")
    if folder is not None:
        return people_in_folder(folder)
    assert list_file is not None
    return people_in_list(list_file)


def _print_end(photos: ClassPhotos, outcomes: list[Outcome], *, as_json: bool) -> None:
    for item in photos.left_out:
        sys.stderr.write(printable(f"left out {item.name}: {item.reason}") + "\n")
    enrolled = sum(outcome.enrolled is not None for outcome in outcomes)
    failed = len(outcomes) - enrolled
    text = f"{enrolled} enrolled, {failed} not enrolled"
    if as_json:
        people = [facts(outcome) for outcome in outcomes]
        text = json_text({"enrolled": enrolled, "failed": failed, "people": people})
    sys.stdout.write(text + "\n")


class Progress:
    """A progress bar on a terminal; nothing elsewhere.

    Args:
        out: The terminal.
        total: How many people there are.
    """

    def __init__(self, out: TextIO, total: int) -> None:
        self._out = out
        self._total = total

    def show(self, done: int) -> None:
        """Draw the bar at the place of the cursor."""
        filled = _BAR_WIDTH * done // self._total
        self._write(f"[{'#' * filled}{'-' * (_BAR_WIDTH - filled)}] {done}/{self._total}")

    def clear(self) -> None:
        """Erase the bar."""
        self._write("\r\x1b[K")

    def _write(self, text: str) -> None:
        if self._out.isatty():
            self._out.write(text)
            self._out.flush()
