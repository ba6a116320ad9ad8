"""The options of the commands on the lists of people and kiosks, and of ``erase``."""

import argparse
from pathlib import Path
from typing import Any

from kiosk.register.commands.options.action import AddAction, Open


def add_lists(actions: Any, add: AddAction, opened: Open) -> None:  # noqa: ANN401  # argparse's own class is private
    """Add ``people``, ``kiosks``, ``key`` and ``erase``."""
    _add_erase(actions, add, opened)
    people = add(actions, "people", _text("people"), lambda one: _people(one, opened))
    _add_file(people, "subject_id,name")
    kiosks = add(actions, "kiosks", _text("kiosks"), lambda one: _kiosks(one, opened))
    _add_file(kiosks, "site,room,kiosk")
    what = kiosks.add_mutually_exclusive_group()
    for option, text in (
        ("--trust", "trust the key with which this kiosk signs its events: SITE/ROOM/KIOSK"),
        ("--distrust", "trust no key of this kiosk any more: SITE/ROOM/KIOSK"),
    ):
        what.add_argument(option, metavar="KIOSK", help=text)
    text = "print the public key of this register, which kiosks need to trust it"
    add(actions, "key", text, lambda one: _key(one, opened))


def _text(name: str) -> str:
    return f"show the list of {name}, or import it; without a list, all {name} are accepted"


def _add_file(parser: argparse.ArgumentParser, columns: str) -> None:
    parser.add_argument("file", nargs="?", type=Path, help=f"CSV file with {columns}")
    parser.add_argument("--dry-run", action="store_true", help="show only what would change")


def _add_erase(actions: Any, add: AddAction, opened: Open) -> None:  # noqa: ANN401  # argparse's own class is private
    text = "delete everything that names a person"
    parser = add(actions, "erase", text, lambda one: _erase(one, opened))
    parser.add_argument("subject", help="subject id")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--dry-run", action="store_true", help="show only what would be deleted")
    what.add_argument("--lift", action="store_true", help="store events of an erased person again")


def _erase(options: argparse.Namespace, opened: Open) -> int:
    opened(options)
    from kiosk.register.commands import erase as command

    if options.lift:
        return command.lift(options.subject, as_json=options.json)
    return command.erase(options.subject, dry_run=options.dry_run, as_json=options.json)


def _people(options: argparse.Namespace, opened: Open) -> int:
    opened(options)
    from kiosk.register.commands import people as command

    if options.file is None:
        return command.show_people(as_json=options.json)
    return command.import_people(options.file, dry_run=options.dry_run, as_json=options.json)


def _key(options: argparse.Namespace, opened: Open) -> int:
    opened(options)
    from kiosk.register.commands.key import show_key

    return show_key(as_json=options.json)


def _kiosks(options: argparse.Namespace, opened: Open) -> int:
    config = opened(options)
    from kiosk.register.commands import kiosks as command

    if kiosk := options.trust or options.distrust:
        trusted = options.trust is not None
        return command.decide_key(config, kiosk, is_trusted=trusted, as_json=options.json)
    if options.file is None:
        return command.show_kiosks(config, as_json=options.json)
    return command.import_kiosks(options.file, dry_run=options.dry_run, as_json=options.json)
