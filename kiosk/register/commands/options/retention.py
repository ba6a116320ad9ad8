"""The options of ``kiosk register retention``; it loads neither Django nor the command."""

import argparse
from typing import Any

from kiosk.register.commands.options.action import AddAction, Open


def add_retention(actions: Any, add: AddAction, opened: Open) -> None:  # noqa: ANN401  # argparse's own class is private
    """Add the command."""
    text = "delete what is older than [retention] in the configuration allows"
    parser = add(actions, "retention", text, lambda options: _retention(options, opened))
    parser.add_argument("--dry-run", action="store_true", help="show only what would be deleted")


def _retention(options: argparse.Namespace, opened: Open) -> int:
    config = opened(options)
    from kiosk.register.commands.retention import delete_due

    return delete_due(config, dry_run=options.dry_run, as_json=options.json)
