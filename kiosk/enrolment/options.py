"""The options of ``kiosk enrol``; imports nothing heavy, so that ``--help`` answers at once."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kiosk.cli import DEFAULT_CONFIG
from kiosk.config.sources import home_path


@dataclass(frozen=True, slots=True)
class EnrolOptions:
    """The options of the command line.

    Attributes:
        subject: The subject id; ``None`` for a class.
        photos: Photo files.
        camera: Take pictures with the camera.
        name: The name for the roster.
        folder: A folder with one sub-folder of photos for each id of a class.
        list_file: A CSV file with the people of a class.
        summary: A file for the outcomes of a class.
        replace: Replace an id that is enrolled with another face.
        json: Print the outcome as JSON.
        config_file: The file that the configuration was read from.
    """

    subject: str | None
    photos: Sequence[Path] = ()
    camera: bool = False
    name: str | None = None
    folder: Path | None = None
    list_file: Path | None = None
    summary: Path | None = None
    replace: bool = False
    json: bool = False
    config_file: Path = DEFAULT_CONFIG

    @classmethod
    def of(cls, options: argparse.Namespace) -> "EnrolOptions":
        """Return the options that were parsed; exit with the usage if they name nobody."""
        if options.subject is None and options.folder is None and options.list is None:
            options.usage_error("expected a subject id, --folder or --list")
        return cls(
            subject=options.subject,
            photos=options.photos,
            camera=options.camera,
            name=options.name,
            folder=options.folder,
            list_file=options.list,
            summary=options.summary,
            replace=options.replace,
            json=options.json,
            config_file=options.config or DEFAULT_CONFIG,
        )


def add_enrol_options(parser: argparse.ArgumentParser) -> None:
    """Add the options, except ``--config``."""
    parser.set_defaults(usage_error=parser.error)
    parser.add_argument("subject", nargs="?", help="pseudonymous id of the person, used in events")
    parser.add_argument(
        "photos", nargs="*", type=home_path, help="three or more photos of the person"
    )
    parser.add_argument("--camera", action="store_true", help="take pictures with the camera")
    parser.add_argument("--name", help="write this name to the roster (state.roster)")
    parser.add_argument(
        "--folder", type=home_path, help="enrol a class: a sub-folder of photos for each id"
    )
    parser.add_argument(
        "--list",
        type=home_path,
        help="enrol a class: CSV file with "
        "subject_id,name,files; several files are separated by semicolons",
    )
    parser.add_argument(
        "--summary",
        type=home_path,
        help="save the outcome for each person of the class (.json or .csv)",
    )
    add_replace(parser)
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")


def add_replace(parser: argparse.ArgumentParser) -> None:
    """Add the option ``--replace``."""
    parser.add_argument(
        "--replace", action="store_true", help="replace people who are enrolled with another face"
    )
