"""Sign in at a service by OpenID Connect: who somebody is there, and whose account that is.

An account is known by issuer and subject, which never change, and never by an address: an address
can be given to somebody else. People connect the two themselves, in their invitation or while they
are signed in.
"""

import logging
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from django.db import transaction
from django.http import HttpResponse

from kiosk.errors import ConfigError, MissingExtraError
from kiosk.files.bounded_file import read_file
from kiosk.register.accounts import manage
from kiosk.register.config import OidcSection
from kiosk.register.models import Account, Invitation

_log = logging.getLogger(__name__)
_TIMEOUT_S: Final = 10
_SECRET_BYTES_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody at a service."""

    issuer: str
    subject: str


def client_of(section: OidcSection) -> Any:  # noqa: ANN401 - authlib carries no types
    """Return the client of a service.

    Raises:
        ConfigError: The secret cannot be read.
        MissingExtraError: The extra "oidc" is not installed.
    """
    try:
        from authlib.integrations.django_client import OAuth  # noqa: PLC0415 - an optional dependency
    except ImportError as exc:
        message = "[[oidc]] needs authlib: pip install attendance-kiosk[oidc]"
        raise MissingExtraError(message) from exc
    try:
        secret = read_file(Path(section.secret_file), _SECRET_BYTES_MAX).decode().strip()
    except (OSError, UnicodeDecodeError) as exc:
        message = f"oidc.secret_file: {section.secret_file} cannot be read as UTF-8 text"
        raise ConfigError(message) from exc
    return OAuth().register(
        section.name,
        client_id=section.client_id,
        client_secret=secret,
        server_metadata_url=f"{section.issuer.rstrip('/')}/.well-known/openid-configuration",
        client_kwargs={
            "scope": "openid",
            "code_challenge_method": "S256",
            "default_timeout": _TIMEOUT_S,
        },
    )


def send_there(section: OidcSection, request: object, back: str) -> HttpResponse | None:
    """Return the answer that sends a person to a service; ``None`` if it cannot be reached.

    Args:
        section: The service.
        request: The person's request.
        back: The address to come back to.
    """
    client = client_of(section)
    try:
        answer: HttpResponse = client.authorize_redirect(request, back)
    except Exception as exc:  # noqa: BLE001 - authlib and requests have a tree of errors each
        _log.warning("%s cannot be reached: %s", section.name, type(exc).__name__)
        return None
    return answer


def identify(section: OidcSection, request: object) -> Identity | None:
    """Return who has come back from a service; ``None`` if that is not proven.

    Signature, issuer, audience, expiry and nonce of the token must be right, and its domain or
    tenant one of the allowed.
    """
    options = {
        "iss": {"essential": True, "value": section.issuer},
        "aud": {"essential": True, "value": section.client_id},
    }
    client = client_of(section)
    try:
        token = client.authorize_access_token(request, claims_options=options)
    except Exception as exc:  # noqa: BLE001 - authlib, joserfc and requests have a tree of errors each
        # The text of an error may hold a token, which belongs into no log.
        _log.warning("sign-in at %s failed: %s", section.name, type(exc).__name__)
        return None
    return identity_in(token.get("userinfo") or {}, section)


def identity_in(claims: dict[str, Any], section: OidcSection) -> Identity | None:
    """Return who the checked claims of a token name, if the school's service vouches for it."""
    subject = claims.get("sub")
    if claims.get("iss") != section.issuer or not isinstance(subject, str) or not subject:
        return None
    if claims.get(section.claim) not in section.allowed:
        _log.warning("sign-in at %s: %s is not allowed", section.name, section.claim)
        return None
    return Identity(section.issuer, subject)


def account_of(identity: Identity) -> Account | None:
    """Return the account that is connected with somebody at a service."""
    connected = Account.objects.filter(
        oidc_issuer=identity.issuer, oidc_subject=identity.subject, is_active=True
    )
    return connected.first()


@transaction.atomic
def connect(account: Account, identity: Identity) -> bool:
    """Connect an account with somebody at a service; ``False`` if another account is."""
    others = Account.objects.filter(oidc_issuer=identity.issuer, oidc_subject=identity.subject)
    if others.exclude(pk=account.pk).exists():
        return False
    account.oidc_issuer, account.oidc_subject = identity.issuer, identity.subject
    account.save(update_fields=["oidc_issuer", "oidc_subject"])
    return True


@transaction.atomic
def accept(invitation: Invitation, identity: Identity, now: datetime) -> bool:
    """Use an invitation to connect its account; ``False`` if one of the two is taken."""
    if not connect(invitation.account, identity):
        return False
    return manage.use(invitation, now)
