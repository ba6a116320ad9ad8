"""The options of ``kiosk register``; what a command needs is imported when it runs."""

import argparse
import logging
from collections.abc import Callable
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from kiosk.cli import positive_int
from kiosk.errors import MissingExtraError
from kiosk.register.accounts.options import add_account
from kiosk.register.commands.options import add_retention
from kiosk.register.config import REGISTER_FILE, RegisterConfig
from kiosk.register.handover.options import add_marks
from kiosk.register.office.options import add_import

DEFAULT_CONFIG: Final = Path("/etc/kiosk-register/register.toml")
_REASONS: Final = (
    *("foreign payload", "unknown type", "unknown kiosk", "unknown person", "future time"),
    *("signature not accepted", "revoked card"),
)


def add_register(commands: Any) -> None:  # noqa: ANN401  # argparse's own class is private
    """Add ``register`` and the commands below it."""
    text = "run the central service that stores events, or look at what it has stored"
    register: argparse.ArgumentParser = commands.add_parser(
        "register", help=text, description=text[0].upper() + text[1:] + "."
    )
    register.set_defaults(run=_run)
    _add_config(register, default=None)
    actions = register.add_subparsers(title="actions (default: run)")
    _action(actions, "run", "store what the kiosks publish, until stopped", _run)
    _action(actions, "pages", "serve the pages for teachers and office, until stopped", _pages)
    _add_list(actions)
    gaps = _action(actions, "gaps", "show which events are missing", _gaps)
    gaps.add_argument("--all", action="store_true", help="show kiosks without gaps, too")
    _add_bin(actions)
    _add_export(actions)
    add_marks(actions, _action, _open, _date)
    add_account(actions, _action, _open)
    add_import(actions, _action, _open)
    _add_erase(actions)
    add_retention(actions, _action, _open)
    for name, columns, run in (
        ("people", "subject_id,name", _people),
        ("kiosks", "site,room,kiosk", _kiosks),
    ):
        text = f"show the list of {name}, or import it; without a list all are accepted"
        lists = _action(actions, name, text, run)
        lists.add_argument("file", nargs="?", type=Path, help=f"CSV file with {columns}")
        lists.add_argument("--dry-run", action="store_true", help="show only what would change")
    _add_trust(lists)
    _action(actions, "key", "print the public key that kiosks trust this register by", _key)


def _add_trust(kiosks: argparse.ArgumentParser) -> None:
    what = kiosks.add_mutually_exclusive_group()
    for option, text in (
        ("--trust", "trust the key with which this kiosk signs its events: SITE/ROOM/KIOSK"),
        ("--distrust", "trust no key of this kiosk any more: SITE/ROOM/KIOSK"),
    ):
        what.add_argument(option, metavar="KIOSK", help=text)


def _add_list(actions: Any) -> None:  # noqa: ANN401  # argparse's own class is private
    parser = _action(actions, "list", "show the newest events", _list)
    parser.add_argument("--day", type=_date, help="only this day, such as 2026-11-25")
    parser.add_argument("--kiosk", help="only this kiosk: SITE/ROOM/KIOSK, or KIOSK alone")
    parser.add_argument("--person", help="only this subject id")
    parser.add_argument("--limit", type=positive_int, default=50, help="at most so many (50)")


def _add_bin(actions: Any) -> None:  # noqa: ANN401  # argparse's own class is private
    parser = _action(actions, "bin", "show messages that could not be placed", _bin)
    parser.add_argument("--reason", choices=_REASONS, help="only those with this reason")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--retry", action="store_true", help="try to place them now")
    what.add_argument(
        "--alarms", action="store_true", help="show events that claim the id or number of another"
    )


def _add_erase(actions: Any) -> None:  # noqa: ANN401  # argparse's own class is private
    parser = _action(actions, "erase", "delete everything that names a person", _erase)
    parser.add_argument("subject", help="subject id")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--dry-run", action="store_true", help="show only what would be deleted")
    what.add_argument(
        "--lift", action="store_true", help="store new events of a person who was erased"
    )


def _add_export(actions: Any) -> None:  # noqa: ANN401  # argparse's own class is private
    parser = _action(actions, "export", "write events to a CSV file", _export)
    parser.add_argument("file", help='where to write; "-" is standard output')
    parser.add_argument("--from", dest="first", type=_date, help="first day")
    parser.add_argument("--to", dest="last", type=_date, help="last day")
    parser.add_argument(
        "--up-to",
        type=positive_int,
        help="stop at this position, as an earlier export printed it: gives the same file again",
    )


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
    _add_config(parser, default=argparse.SUPPRESS)
    if name not in {"run", "pages"}:
        parser.add_argument("--json", action="store_true", help="one JSON object a line")
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
    if path is None and not DEFAULT_CONFIG.exists():
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


def _list(options: argparse.Namespace) -> int:
    config = _open(options)
    from kiosk.register.commands.list import list_events

    return list_events(
        config,
        day=options.day,
        kiosk=options.kiosk,
        person=options.person,
        limit=options.limit,
        as_json=options.json,
    )


def _gaps(options: argparse.Namespace) -> int:
    config = _open(options)
    from kiosk.register.commands.gaps import show_gaps

    return show_gaps(config, only_gaps=not options.all, as_json=options.json)


def _key(options: argparse.Namespace) -> int:
    _open(options)
    from kiosk.register.commands.key import show_key

    return show_key(as_json=options.json)


def _bin(options: argparse.Namespace) -> int:
    config = _open(options)
    from kiosk.register.commands import bin as command

    if options.alarms:
        return command.show_alarms(config, as_json=options.json)
    if options.retry:
        return command.process_again(config, reason=options.reason, as_json=options.json)
    return command.show_bin(config, reason=options.reason, as_json=options.json)


def _export(options: argparse.Namespace) -> int:
    config = _open(options)
    from kiosk.register.commands.export import export_events

    return export_events(
        config,
        options.file,
        first=options.first,
        last=options.last,
        up_to=options.up_to,
        as_json=options.json,
    )


def _erase(options: argparse.Namespace) -> int:
    _open(options)
    from kiosk.register.commands import erase as command

    if options.lift:
        return command.lift(options.subject, as_json=options.json)
    return command.erase(options.subject, dry_run=options.dry_run, as_json=options.json)


def _people(options: argparse.Namespace) -> int:
    _open(options)
    from kiosk.register.commands import people as command

    if options.file is None:
        return command.show_people(as_json=options.json)
    return command.import_people(options.file, dry_run=options.dry_run, as_json=options.json)


def _kiosks(options: argparse.Namespace) -> int:
    config = _open(options)
    from kiosk.register.commands import kiosks as command

    if kiosk := options.trust or options.distrust:
        trusted = options.trust is not None
        return command.decide_key(config, kiosk, is_trusted=trusted, as_json=options.json)
    if options.file is None:
        return command.show_kiosks(config, as_json=options.json)
    return command.import_kiosks(options.file, dry_run=options.dry_run, as_json=options.json)
