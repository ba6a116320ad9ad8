"""``kiosk register account``: who may sign in."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from django.core.exceptions import ValidationError
from django.urls import reverse

from kiosk.counted import counted
from kiosk.errors import ConfigError
from kiosk.register.accounts import manage
from kiosk.register.commands.output import opened, print_json, print_line, print_table, utc_now
from kiosk.register.commands.pages import address
from kiosk.register.config import RegisterConfig
from kiosk.register.models import Account, Role, SchoolClass

_HEADER: Final = ("user name", "role", "classes", "state")
_DONE: Final = {
    "disable": "is disabled",
    "enable": "may sign in again",
    "sign-out": "is signed out everywhere",
}


def show_accounts(*, as_json: bool) -> int:
    """Print the accounts.

    Raises:
        RegisterError: The database cannot be read.
    """
    with opened():
        accounts = list(Account.objects.order_by("username").prefetch_related("teaching"))
    if as_json:
        for one in accounts:
            print_json(_record(one))
    elif not accounts:
        print_line("there is no account: kiosk register account invite NAME --role administrator")
    else:
        print_table(_HEADER, [_row(one) for one in accounts])
    return 0


def invite_person(
    config: RegisterConfig,
    name: str,
    *,
    role: str,
    email: str,
    class_ids: Iterable[str],
    as_json: bool,
) -> int:
    """Make an account and print the link to its invitation.

    Raises:
        ConfigError: The name is taken or none, the address is none, or there is no such class.
        RegisterError: The database cannot be read or written.
    """
    with opened():
        _check_name(name, email)
        token = manage.invite(
            name,
            Role(role),
            email=email,
            classes=_classes(class_ids),
            made_by=None,
            now=utc_now(),
        )
    _print_link(config, name, token, as_json=as_json)
    return 0


def change_account(config: RegisterConfig, action: str, name: str, *, as_json: bool) -> int:
    """Do "link", "disable", "enable" or "sign-out" to an account.

    Raises:
        ConfigError: There is no such account, or it is the last administrator's.
        RegisterError: The database cannot be read or written.
    """
    with opened():
        account = manage.find_account(name)
        if account is None:
            raise ConfigError(f"{name!r}: no such account; see `kiosk register account list`")
        if action == "link":
            if not account.is_active:
                raise ConfigError(f"{name!r}: the account is disabled; enable it first")
            token = manage.new_link(account, made_by=None, now=utc_now())
            _print_link(config, account.username, token, as_json=as_json)
            return 0
        _change(account, action, utc_now())
        tokens = manage.working_tokens(account) if action == "disable" else 0
    if as_json:
        print_json(_record(account))
    else:
        print_line(f"{account.username} {_DONE[action]}")
        if tokens:
            print_line(f"{counted(tokens, 'token')} of this account still in use; see Programs")
    return 0


def _change(account: Account, action: str, now: datetime) -> None:
    if action == "sign-out":
        manage.sign_out(account, now)
    elif action == "enable":
        manage.enable(account)
    elif manage.is_last_administrator(account):
        raise ConfigError(
            f"{account.username!r}: the last administrator stays; invite another one first"
        )
    else:
        manage.disable(account, now)


def _check_name(name: str, email: str) -> None:
    try:
        Account(username=name, email=email).clean_fields(
            exclude=("password", "sessions_valid_from")
        )
    except ValidationError as exc:
        if texts := exc.message_dict.get("username"):
            raise ConfigError(f"{name!r}: {texts[0]}") from exc
        raise ConfigError(
            f"--email {email!r}: expected an address such as ada@school.example"
        ) from exc
    if manage.find_account(name) is not None:
        raise ConfigError(
            f"{name!r}: there is an account of this name; for a new password: "
            "kiosk register account link NAME"
        )


def _classes(class_ids: Iterable[str]) -> list[SchoolClass]:
    wanted = set(class_ids)
    found = list(SchoolClass.objects.filter(class_id__in=wanted))
    if missing := wanted - {one.class_id for one in found}:
        known = SchoolClass.objects.order_by("class_id").values_list("pk", flat=True)[:20]
        hint = f"known: {', '.join(known)}" if known else "import the roster first"
        raise ConfigError(f"--class {', '.join(sorted(missing))}: no such class; {hint}")
    return found


def _print_link(config: RegisterConfig, name: str, token: str, *, as_json: bool) -> None:
    link = address(config.pages) + reverse("invitation", kwargs={"token": token})
    if as_json:
        print_json({"name": name, "link": link, "valid_days": manage.VALID.days})
        return
    print_line(link)
    print_line(f"{name} chooses a password there; once, within {manage.VALID.days} days")


def _record(account: Account) -> dict[str, object]:
    return {
        "name": account.username,
        "role": account.role,
        "email": account.email,
        "classes": sorted(one.school_class_id for one in account.teaching.all()),
        "is_active": account.is_active,
        "has_password": account.has_usable_password(),
        "last_login": account.last_login,
    }


def _row(account: Account) -> tuple[str, ...]:
    state = "active" if account.has_usable_password() or account.oidc_subject else "invited"
    return (
        account.username,
        account.role,
        ", ".join(sorted(one.school_class_id for one in account.teaching.all())),
        state if account.is_active else "disabled",
    )
