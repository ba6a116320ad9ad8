"""``kiosk register account``."""

import json

import pytest

from kiosk.register.models import Account, SchoolClass
from kiosk.register.web.api.tokens import make_token
from tests.kiosk.register.support import NOON
from tests.kiosk.register.test_commands import Run, run

__all__ = ["run"]  # the fixture
pytestmark = pytest.mark.parametrize("kind", ["sqlite"])


def test_the_first_administrator_is_invited_by_a_command(run: Run) -> None:
    """An empty system says how; the command prints a link; the account is listed as invited."""
    assert "account invite NAME --role administrator" in run("account")
    link, hint = run("account", "invite", "ada", "--role", "administrator").splitlines()
    assert link.startswith("http://127.0.0.1:8000/invitation/")
    assert hint == "ada chooses a password there; once, within 7 days"
    assert run("account", "list").split() == [
        *("user", "name", "role", "classes", "state"),
        *("ada", "administrator", "invited"),
    ]


def test_a_teacher_is_invited_with_classes(run: Run) -> None:
    """A class that does not exist is named, and nothing is stored."""
    unknown = ("account", "invite", "bob", "--role", "teacher", "--class", "9x")
    assert "--class 9x: no such class; import the roster first" in run(*unknown, code=78)
    SchoolClass.objects.create(class_id="7b", title="7B")
    invite = ("account", "invite", "bob", "--role", "teacher", "--class", "7b")
    error = run(*invite, "--class", "9x", code=78)
    assert "--class 9x: no such class; known: 7b" in error
    assert not Account.objects.exists()
    facts = json.loads(run(*invite, "--json"))
    assert facts["name"] == "bob"
    for arguments in (("account", "list", "--json"), ("account", "--json", "list")):
        assert json.loads(run(*arguments))["classes"] == ["7b"]


def test_a_mistaken_name_is_explained(run: Run) -> None:
    """A name that is taken, none, or unknown, and an address that is none."""
    run("account", "invite", "ada", "--role", "administrator")
    for arguments, message in (
        (("invite", "ADA", "--role", "office"), "account link NAME"),
        (("invite", "a" * 151, "--role", "office"), "at most 150 characters"),
        (("invite", "a b", "--role", "office"), "Enter a valid username"),
        (("invite", "eve", "--role", "office", "--email", "x"), "--email 'x': expected an address"),
        (("link", "nobody"), "no such account"),
        (("disable", "ada"), "the last administrator stays"),
    ):
        assert message in run("account", *arguments, code=78)


def test_an_account_is_disabled_enabled_and_signed_out(run: Run) -> None:
    """The list shows it; a link to a disabled account is refused."""
    run("account", "invite", "ada", "--role", "administrator")
    run("account", "invite", "tom", "--role", "technician")
    assert run("account", "disable", "tom") == "tom is disabled\n"
    assert "disabled" in run("account")
    assert "enable it first" in run("account", "link", "tom", code=78)
    assert run("account", "enable", "tom") == "tom may sign in again\n"
    assert run("account", "link", "tom").startswith("http")
    assert run("account", "sign-out", "tom") == "tom is signed out everywhere\n"
    assert Account.objects.get(username="tom").sessions_valid_from


def test_tokens_of_a_disabled_account_are_named(run: Run) -> None:
    """They go on working until somebody revokes them."""
    run("account", "invite", "ada", "--role", "administrator")
    run("account", "invite", "eve", "--role", "administrator")
    make_token("sums", ["attendance"], Account.objects.get(username="eve"), NOON)
    said = run("account", "disable", "eve")
    assert said == "eve is disabled\n1 token of this account still in use; see Programs\n"
