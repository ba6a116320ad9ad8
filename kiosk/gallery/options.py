"""The options of ``kiosk gallery``; what an action needs is imported when it runs."""

import argparse
import sys
from collections.abc import Callable
from typing import Any, Final

from kiosk.cli import add_command, add_config, configuration
from kiosk.config.sources import home_path
from kiosk.enrolment.options import add_replace
from kiosk.printable import json_text, printable

_ACTIONS: Final = (
    ("list", "list subject ids and how many templates each has", None),
    ("version", "show version and content hash, to compare the galleries of doors", None),
    (
        "remove",
        "erase a person from this kiosk: galleries, roster, attendance",
        "subject",
    ),
    ("export", "copy the gallery to a file", "file"),
    ("import", "add the people of another gallery file to this one", "file"),
    ("renew", "after a change of model: put this gallery aside and begin an empty one", None),
    ("rekey", "encrypt all galleries with a new key", None),
)
_ARGUMENTS: Final[dict[str, tuple[str, Callable[[str], object]]]] = {
    "subject": ("subject id", str),
    "file": ("file to write, or to read", home_path),
}


def add_gallery(commands: Any) -> None:  # noqa: ANN401  # argparse's own class is private
    """Add ``gallery`` and its actions."""
    text = "list, erase, export or import enrolled people"
    gallery = add_command(commands, "gallery", text, None)
    actions = gallery.add_subparsers(title="actions", required=True)
    for name, text, argument in _ACTIONS:
        action = add_command(actions, name, text, _run)
        action.set_defaults(
            action=name, argument="", replace=False, only=False, again=False, events=False,
            passphrase_file=None,
        )  # fmt: skip
        add_config(action)
        if argument:
            words, kind = _ARGUMENTS[argument]
            action.add_argument("argument", metavar=argument, help=words, type=kind)
        _add_options(action, name)
        action.add_argument("--json", action="store_true", help="print the outcome as JSON")


def _add_options(action: argparse.ArgumentParser, name: str) -> None:
    if name == "remove":
        text = "also erase events of this person that still wait for the register"
        action.add_argument("--events", action="store_true", help=text)
    if name == "import":
        add_replace(action)
        text = "remove the people who are not in the file"
        action.add_argument("--only", action="store_true", help=text)
        text = "import people who were erased, too, and erase nobody"
        action.add_argument("--again", action="store_true", help=text)
    if name in {"export", "import"}:
        action.add_argument(
            "--passphrase-file",
            type=home_path,
            help="the first line of this file encrypts, or decrypts, the exported file",
        )


def _run(options: argparse.Namespace) -> int:
    from kiosk.gallery import manage as people
    from kiosk.gallery.command import GalleryOptions, run_gallery_command

    config = configuration(options)
    argument = str(options.argument)
    done = run_gallery_command(config, options.action, argument, GalleryOptions.of(options))
    lines = (printable(line, "\t") for line in done.lines)
    print(json_text(done.facts) if options.json else "\n".join(lines))
    for warning in done.warnings:
        print(printable(warning), file=sys.stderr)
    if note := people.note_on_model(config):
        print(printable(f"note: {note}"), file=sys.stderr)
    return done.exit_code
