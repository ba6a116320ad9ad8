"""The options of ``kiosk register import``."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kiosk.register.commands.options.action import AddAction, Open


def add_import(actions: Any, add: AddAction, opened: Open) -> None:  # noqa: ANN401  # argparse's own class is private
    """Add ``import roster`` and ``import timetable``."""

    def run(kind: str) -> Callable[[argparse.Namespace], int]:
        return lambda options: _run(kind, options, opened)

    text = "import a roster or a timetable, as a whole or not at all"
    parser = add(actions, "import", text, run("roster"))
    below = parser.add_subparsers(title="what", required=True, metavar="{roster,timetable}")
    roster = add(
        below, "roster", "students and their classes: CSV, or a OneRoster zip", run("roster")
    )
    timetable = add(below, "timetable", "lessons: CSV, or iCalendar", run("timetable"))
    for one in (roster, timetable):
        one.add_argument("file", type=Path, help="the file")
        one.add_argument("--dry-run", action="store_true", help="show only what would change")
    timetable.add_argument("--site", required=True, help="the site, as its kiosks call it")
    text = "the class of calendar events without a category"
    timetable.add_argument("--class", dest="class_id", metavar="ID", default="", help=text)
    text = "the room of calendar events without a location"
    timetable.add_argument("--room", default="", help=text)


def _run(kind: str, options: argparse.Namespace, opened: Open) -> int:
    config = opened(options)
    from kiosk.register.commands.imports import import_file

    return import_file(
        config,
        "roster" if kind == "roster" else "timetable",
        options.file,
        site=getattr(options, "site", ""),
        class_id=getattr(options, "class_id", ""),
        room=getattr(options, "room", ""),
        dry_run=options.dry_run,
        as_json=options.json,
    )
