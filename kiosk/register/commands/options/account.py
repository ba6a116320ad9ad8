"""The options of ``kiosk register account``."""

import argparse
from collections.abc import Callable
from typing import Any, Final

from kiosk.register.commands.options.action import AddAction, Open

ROLES: Final = ("administrator", "office", "teacher", "technician")


def add_account(actions: Any, add: AddAction, opened: Open) -> None:  # noqa: ANN401  # argparse's own class is private
    """Add ``account`` and the actions below it."""

    def run(name: str) -> Callable[[argparse.Namespace], int]:
        return lambda options: _run(name, options, opened)

    account = add(actions, "account", "show who may sign in, or invite people", run("list"))
    below = account.add_subparsers(title="actions (default: list)")
    add(below, "list", "show the accounts", run("list"))
    text = "make an account and print the link with which its owner chooses a password"
    invite = add(below, "invite", text, run("invite"))
    invite.add_argument("--role", required=True, choices=ROLES, help="what the account may do")
    invite.add_argument("--email", default="", help="email address of this teacher in rosters")
    text = "a class of this teacher; repeat the option for several"
    invite.add_argument("--class", dest="classes", metavar="ID", action="append", help=text)
    for name, text in (
        ("link", "print a new link to choose a password, if it was forgotten"),
        ("disable", "let nobody sign in with an account, and end its sessions"),
        ("enable", "let a disabled account sign in again"),
        ("sign-out", "end every session of an account"),
    ):
        add(below, name, text, run(name))
    for name, parser in below.choices.items():
        if name != "list":
            parser.add_argument("name", help="user name")


def _run(name: str, options: argparse.Namespace, opened: Open) -> int:
    config = opened(options)
    from kiosk.register.commands import account as command

    if name == "list":
        return command.show_accounts(as_json=options.json)
    if name == "invite":
        return command.invite_person(
            config,
            options.name,
            role=options.role,
            email=options.email,
            class_ids=options.classes or [],
            as_json=options.json,
        )
    return command.change_account(config, name, options.name, as_json=options.json)
