"""The options of ``kiosk register``; what a command needs is imported when it runs."""

import argparse
import logging
from collections.abc import Callable
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from kiosk.errors import MissingExtraError
from kiosk.files.presence import may_exist
from kiosk.register.commands.options.account import add_account
from kiosk.register.commands.options.events import add_events
from kiosk.register.commands.options.imports import add_import
from kiosk.register.commands.options.lists import add_lists
from kiosk.register.commands.options.marks import add_marks
from kiosk.register.commands.options.retention import add_retention
from kiosk.register.config import DEFAULT_CONFIG, REGISTER_FILE, RegisterConfig


def add_register(commands: Any) -> None:  # noqa: ANN401  # argparse's own class is private
    """Add ``register`` and the commands below it."""
    text = "run the central service that stores events, or look at what it has stored"
    register: argparse.ArgumentParser = commands.add_parser(
        "register", help=text, description=text[0].upper() + text[1:] + "."
    )
    register.set_defaults(run=_run, json=False)
    _add_config(register, default=None)
    actions = register.add_subparsers(title="actions (default: run)")
    _action(actions, "run", "store what the kiosks publish, until stopped", _run)
    _action(actions, "pages", "serve the web pages, until stopped", _pages)
    add_events(actions, _action, _open, _date)
    add_marks(actions, _action, _open, _date)
    add_account(actions, _action, _open)
    add_import(actions, _action, _open)
    add_lists(actions, _action, _open)
    add_retention(actions, _action, _open)


def _action(
    actions: Any,  # noqa: ANN401  # argparse's own class is private
    name: str,
    text: str,
    run: Callable[[argparse.Namespace], int],
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(
        name, help=text, description=text[0].upper() + text[1:] + "."
    )
    parser.set_defaults(run=run)
    # Suppressed, or the default would replace what stands before the action.
    suppressed = argparse.SUPPRESS
    _add_config(parser, default=suppressed)
    if name not in {"run", "pages"}:
        text = "print one JSON object per line"
        parser.add_argument("--json", action="store_true", default=suppressed, help=text)
    return parser


def _add_config(parser: argparse.ArgumentParser, default: str | None) -> None:
    parser.add_argument(
        "--config",
        type=Path,
        default=default,
        help=f"configuration file (default: {DEFAULT_CONFIG} if present)",
    )


def _date(text: str) -> date:
    """Parse a day.

    Raises:
        argparse.ArgumentTypeError: It is none.
    """
    try:
        return date.fromisoformat(text)
    except ValueError as exc:
        message = f"{text!r}, expected a day such as 2026-11-25"
        raise argparse.ArgumentTypeError(message) from exc


def _config(options: argparse.Namespace) -> RegisterConfig:
    path: Path | None = options.config
    if path is None and not may_exist(DEFAULT_CONFIG):
        return RegisterConfig()
    return REGISTER_FILE.load(path or DEFAULT_CONFIG)


def _open(options: argparse.Namespace) -> RegisterConfig:
    """Read the configuration and connect Django to its database, which the commands' imports need.

    Raises:
        ConfigError: The configuration or its database cannot be used.
        MissingExtraError: The extra "register" is not installed.
    """
    config = _config(options)
    if find_spec("django") is None:
        raise MissingExtraError(
            "`kiosk register` needs Django: pip install attendance-kiosk[register]"
        )
    from kiosk.register.database import use_database

    use_database(config.database)
    return config


def _run(options: argparse.Namespace) -> int:
    config = _open(options)
    from kiosk.register.service import serve

    logging.getLogger("kiosk").setLevel(logging.INFO)
    return serve(config)


def _pages(options: argparse.Namespace) -> int:
    config = _open(options)
    from kiosk.register.commands.pages import serve_pages

    logging.getLogger("kiosk").setLevel(logging.INFO)
    return serve_pages(config)
