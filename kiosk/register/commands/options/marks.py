"""The options of ``kiosk register export-marks`` and ``rederive``."""

import argparse
from collections.abc import Callable
from datetime import date
from typing import Any, Final

from kiosk.register.commands.options.action import AddAction, Open
from kiosk.register.config import DEFAULT_CONFIG

_KINDS: Final = ("marks", "students", "changes", "workbook", "moodle", "canvas", "ed-fi")
"""The values of ``Kind`` (:mod:`kiosk.register.handover.files`), which needs Django; see tests."""


def add_marks(
    actions: Any,  # noqa: ANN401  # argparse's own class is private
    add: AddAction,
    opened: Open,
    day: Callable[[str], date],
) -> None:
    """Add both commands."""
    parser = add(
        actions,
        "export-marks",
        "write marks to a file: CSV, a workbook, or for Moodle, Canvas or Ed-Fi",
        lambda options: _export(options, opened),
    )
    parser.add_argument("kind", choices=_KINDS, help="what the file has, or who it is for")
    parser.add_argument("file", help='where to write; "-" is standard output')
    parser.add_argument("--class", dest="class_id", metavar="ID", default="", help="one class")
    parser.add_argument("--student", metavar="ID", default="", help="one student")
    parser.add_argument("--lesson", metavar="ID", default="", help="one lesson, as Moodle needs it")
    parser.add_argument("--term", metavar="TITLE", default="", help="the days of a term")
    parser.add_argument("--from", dest="first", type=day, help="first day")
    parser.add_argument("--to", dest="last", type=day, help="last day")
    text = "the position of an earlier file, as its name has it: gives the same bytes again"
    parser.add_argument("--up-to", metavar="POSITION", default="", help=text)
    parser = add(
        actions,
        "rederive",
        "decide lessons of the past again by the rules of now; corrections stay",
        lambda options: _rederive(options, opened),
    )
    parser.add_argument("--from", dest="first", type=day, required=True, help="first day")
    parser.add_argument("--to", dest="last", type=day, required=True, help="last day")
    parser.add_argument("--reason", default="", help="why; it stands beside each change")
    parser.add_argument("--dry-run", action="store_true", help="show only what would change")


def _export(options: argparse.Namespace, opened: Open) -> int:
    config = opened(options)
    from kiosk.register.commands.export_marks import Choice, export_marks
    from kiosk.register.handover.files import Kind

    choice = Choice(
        class_id=options.class_id,
        student=options.student,
        lesson=options.lesson,
        term=options.term,
        first=options.first,
        last=options.last,
    )
    return export_marks(
        config,
        Kind(options.kind),
        options.file,
        choice,
        up_to=options.up_to,
        as_json=options.json,
        config_file=options.config or DEFAULT_CONFIG,
    )


def _rederive(options: argparse.Namespace, opened: Open) -> int:
    config = opened(options)
    from kiosk.register.commands.rederive import rederive_days

    return rederive_days(
        config,
        options.first,
        options.last,
        reason=options.reason,
        dry_run=options.dry_run,
        as_json=options.json,
    )
