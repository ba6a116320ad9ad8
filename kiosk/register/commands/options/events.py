"""The options of the commands on stored events; they load neither Django nor the commands."""

import argparse
from collections.abc import Callable
from datetime import date
from typing import Any, Final

from kiosk.cli import positive_int
from kiosk.register.commands.options.action import AddAction, Open
from kiosk.register.config import DEFAULT_CONFIG

_REASONS: Final = (
    *("foreign payload", "unknown type", "unknown kiosk", "unknown person", "future time"),
    *("signature not accepted", "revoked card"),
)


def add_events(
    actions: Any,  # noqa: ANN401  # argparse's own class is private
    add: AddAction,
    opened: Open,
    day: Callable[[str], date],
) -> None:
    """Add ``list``, ``gaps``, ``bin`` and ``export``."""
    _add_list(actions, add, opened, day)
    gaps = add(actions, "gaps", "show which events are missing", lambda one: _gaps(one, opened))
    gaps.add_argument("--all", action="store_true", help="show kiosks without gaps, too")
    _add_bin(actions, add, opened)
    _add_export(actions, add, opened, day)


def _add_list(
    actions: Any,  # noqa: ANN401  # argparse's own class is private
    add: AddAction,
    opened: Open,
    day: Callable[[str], date],
) -> None:
    parser = add(actions, "list", "show the newest events", lambda one: _list(one, opened))
    parser.add_argument("--day", type=day, help="only this day, such as 2026-11-25")
    parser.add_argument("--kiosk", help="only this kiosk: SITE/ROOM/KIOSK, or KIOSK alone")
    parser.add_argument("--person", help="only this subject id")
    parser.add_argument("--limit", type=positive_int, default=50, help="how many (default: 50)")


def _add_bin(actions: Any, add: AddAction, opened: Open) -> None:  # noqa: ANN401  # argparse's own class is private
    text = "show messages that could not be placed"
    parser = add(actions, "bin", text, lambda one: _bin(one, opened))
    parser.add_argument("--reason", choices=_REASONS, help="only those with this reason")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--retry", action="store_true", help="try to place them now")
    what.add_argument(
        "--alarms", action="store_true", help="show events that claim the id or number of another"
    )


def _add_export(
    actions: Any,  # noqa: ANN401  # argparse's own class is private
    add: AddAction,
    opened: Open,
    day: Callable[[str], date],
) -> None:
    text = "write events to a file, as CSV or with --json as JSON"
    parser = add(actions, "export", text, lambda one: _export(one, opened))
    parser.add_argument("file", help='where to write; "-" is standard output')
    parser.add_argument("--from", dest="first", type=day, help="first day")
    parser.add_argument("--to", dest="last", type=day, help="last day")
    parser.add_argument(
        "--up-to",
        type=positive_int,
        help="stop at the position that an earlier export printed, to get the same file again",
    )


def _list(options: argparse.Namespace, opened: Open) -> int:
    config = opened(options)
    from kiosk.register.commands.list import list_events

    return list_events(
        config,
        day=options.day,
        kiosk=options.kiosk,
        person=options.person,
        limit=options.limit,
        as_json=options.json,
    )


def _gaps(options: argparse.Namespace, opened: Open) -> int:
    config = opened(options)
    from kiosk.register.commands.gaps import show_gaps

    return show_gaps(config, only_gaps=not options.all, as_json=options.json)


def _bin(options: argparse.Namespace, opened: Open) -> int:
    config = opened(options)
    from kiosk.register.commands import bin as command

    if options.alarms:
        return command.show_alarms(config, as_json=options.json)
    if options.retry:
        return command.process_again(config, reason=options.reason, as_json=options.json)
    return command.show_bin(config, reason=options.reason, as_json=options.json)


def _export(options: argparse.Namespace, opened: Open) -> int:
    config = opened(options)
    from kiosk.register.commands.export import export_events

    return export_events(
        config,
        options.file,
        first=options.first,
        last=options.last,
        up_to=options.up_to,
        as_json=options.json,
        config_file=options.config or DEFAULT_CONFIG,
    )
