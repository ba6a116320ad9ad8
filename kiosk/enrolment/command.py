"""The command ``kiosk enrol``: one person, or a class."""

import sys

from kiosk.config.keys import Config
from kiosk.enrolment.class_command import run_class
from kiosk.enrolment.group import Outcome, facts
from kiosk.enrolment.options import EnrolOptions
from kiosk.enrolment.outcome_text import notes, outcome_text
from kiosk.enrolment.person import enrol
from kiosk.errors import ConfigError
from kiosk.printable import json_text, printable


def run_enrol(config: Config, options: EnrolOptions) -> int:
    """Run the command.

    Returns:
        The exit code.

    Raises:
        ConfigError: The options contradict each other.
        KioskError: As :func:`kiosk.enrolment.person.enrol` or
            :func:`kiosk.enrolment.class_command.run_class`.
    """
    if options.folder is None and options.list_file is None:
        return _run_person(config, options)
    if options.subject or options.photos or options.camera or options.name is not None:
        raise ConfigError(
            "enrol: --folder and --list take no subject id, photos, --camera or --name"
        )
    return run_class(
        config,
        folder=options.folder,
        list_file=options.list_file,
        summary=options.summary,
        may_replace=options.replace,
        as_json=options.json,
        config_file=options.config_file,
    )


def _run_person(config: Config, options: EnrolOptions) -> int:
    """Enrol one person; print the outcome on standard output and warnings on standard error."""
    if options.summary is not None:
        raise ConfigError("enrol: --summary is for --folder and --list")
    enrolled = enrol(
        config,
        options.subject or "",
        options.photos,
        use_camera=options.camera,
        name=options.name,
        may_replace=options.replace,
    )
    for note in notes(enrolled, enrolled.rejected):
        sys.stderr.write(f"{printable(note)}\n")
    text = printable(f"{enrolled.subject_id}: {outcome_text(enrolled)}")
    if options.json:
        text = json_text(facts(Outcome(enrolled.subject_id, enrolled, rejected=enrolled.rejected)))
    sys.stdout.write(text + "\n")
    return 0
