"""Invite people, change what they may do, and end their sessions.

An account begins without a password: who opens its invitation chooses one. The same kind of link
serves who has forgotten the password.
"""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from axes.utils import reset
from django.db import transaction
from django.db.models import QuerySet

from kiosk.register.models import Account, ApiToken, Invitation, Role, SchoolClass, Teaching

VALID: Final = timedelta(days=7)
"""How long a link can be used."""


def find_account(name: str) -> Account | None:
    """Return the account of a user name; two names never differ in capitals alone."""
    return Account.objects.filter(username__iexact=name).first()


@transaction.atomic
def invite(
    name: str,
    role: Role,
    *,
    email: str,
    classes: Iterable[SchoolClass],
    made_by: Account | None,
    now: datetime,
) -> str:
    """Make an account that has no password yet; return the token of its invitation."""
    account = Account(username=name, role=role, email=email)
    account.set_unusable_password()
    account.save()
    _set_classes(account, classes)
    return new_link(account, made_by=made_by, now=now)


@transaction.atomic
def new_link(account: Account, *, made_by: Account | None, now: datetime) -> str:
    """Return the token of a new invitation to an account; earlier ones no longer work."""
    _expire_links(account, now)
    token = secrets.token_urlsafe(32)
    Invitation.objects.create(
        token_hash=_hash(token),
        account=account,
        made_by=made_by,
        made_at=now,
        expires_at=now + VALID,
    )
    return token


def find_invitation(token: str, now: datetime) -> Invitation | None:
    """Return an invitation that can be used now."""
    return _usable(now).select_related("account").filter(token_hash=_hash(token)).first()


@transaction.atomic
def accept(invitation: Invitation, password: str, now: datetime) -> bool:
    """Set the password of the invited account and end its sessions.

    Returns:
        ``False``, and nothing is changed, if the invitation was used or has expired meanwhile.
    """
    if not use(invitation, now):
        return False
    account = invitation.account
    account.set_password(password)
    account.sessions_valid_from = now
    account.save()
    reset(username=account.username)
    return True


def use(invitation: Invitation, now: datetime) -> bool:
    """Mark an invitation as used; ``False`` if it was used or has expired meanwhile."""
    return bool(_usable(now).filter(pk=invitation.pk).update(used_at=now))


def sign_out(account: Account, now: datetime) -> None:
    """End every session of an account."""
    account.sessions_valid_from = now
    account.save(update_fields=["sessions_valid_from"])


@transaction.atomic
def disable(account: Account, now: datetime) -> None:
    """Let nobody sign in with this account; what it has done stays under its name."""
    account.is_active = False
    account.save(update_fields=["is_active"])
    sign_out(account, now)
    _expire_links(account, now)


def working_tokens(account: Account) -> int:
    """Return how many tokens for programs this account made that work, also when it is disabled."""
    return ApiToken.objects.filter(made_by=account, revoked_at=None).count()


def enable(account: Account) -> None:
    """Let a disabled account sign in again, with the password that it had."""
    account.is_active = True
    account.save(update_fields=["is_active"])


@transaction.atomic
def change(account: Account, role: Role, classes: Iterable[SchoolClass], now: datetime) -> None:
    """Set role and classes; a new role ends the sessions: open pages show what the old one saw."""
    if account.role != role:
        account.role = role
        account.save(update_fields=["role"])
        sign_out(account, now)
    _set_classes(account, classes)


def is_last_administrator(account: Account) -> bool:
    """Return whether nobody could make accounts any more without this one."""
    others = Account.objects.filter(role=Role.ADMINISTRATOR, is_active=True).exclude(pk=account.pk)
    return account.role == Role.ADMINISTRATOR and account.is_active and not others.exists()


def _usable(now: datetime) -> QuerySet[Invitation]:
    return Invitation.objects.filter(used_at=None, expires_at__gt=now, account__is_active=True)


def _expire_links(account: Account, now: datetime) -> None:
    account.invitations.filter(used_at=None, expires_at__gt=now).update(expires_at=now)


def _set_classes(account: Account, classes: Iterable[SchoolClass]) -> None:
    account.teaching.all().delete()
    Teaching.objects.bulk_create(Teaching(account=account, school_class=one) for one in classes)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
