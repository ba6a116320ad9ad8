"""Tokens for programs. A token is shown once; its SHA-256 is stored (it is random, so no salt)."""

import hashlib
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias, get_args

from kiosk.register.models import Account, ApiToken

Scope: TypeAlias = Literal["attendance", "kiosks"]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
_PREFIX: Final = "kiosk_"
_USED_EVERY: Final = timedelta(minutes=1)
"""How exact "last used" is: a busy program costs no write for each request."""


def make_token(title: str, scopes: Iterable[Scope], account: Account, now: datetime) -> str:
    """Store a new token and return it."""
    token = _PREFIX + secrets.token_urlsafe(32)
    ApiToken.objects.create(
        token_hash=_hash(token),
        title=title,
        scopes=" ".join(sorted(scopes)),
        made_by=account,
        made_at=now,
    )
    return token


def find_token(authorization: str, now: datetime) -> ApiToken | None:
    """Return the token of a header such as "Bearer kiosk_…"; ``None`` if it is not valid."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        return None
    found = ApiToken.objects.filter(token_hash=_hash(token.strip()), revoked_at=None).first()
    if found is not None and (found.last_used_at is None or now - found.last_used_at > _USED_EVERY):
        ApiToken.objects.filter(pk=found.pk).update(last_used_at=now)
    return found


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
