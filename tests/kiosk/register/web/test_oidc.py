"""Sign-in at a service of the school, with a small provider of the test's own."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import uvicorn
from django.conf import settings
from django.test import Client
from django.utils import timezone
from joserfc import jwt
from joserfc.jwk import RSAKey
from msgspec import structs

from kiosk.errors import ConfigError
from kiosk.register.accounts import manage
from kiosk.register.accounts.oidc import client_of as service_client
from kiosk.register.config import OidcSection, RegisterConfig
from kiosk.register.models import Account
from tests.kiosk.register.web.support import School, client_of
from tests.kiosk.register.web.test_accounts import is_signed_in
from tests.mosquitto import free_port

KEY = RSAKey.generate_key(2048, {"kid": "one"})
OTHER_KEY = RSAKey.generate_key(2048, {"kid": "one"})


class Provider:
    """An OpenID provider that lets everybody in; ``claims`` go over those that are right."""

    def __init__(self) -> None:
        self.port = free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.claims: dict[str, Any] = {}
        self.key = KEY
        self.nonce = ""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        assert receive
        path = scope["path"]
        answer = {
            "/.well-known/openid-configuration": self.metadata,
            "/keys": lambda: {"keys": [KEY.as_dict(private=False)]},
            "/token": self.token,
        }[path]()
        body = json.dumps(answer).encode()
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "id_token_signing_alg_values_supported": ["RS256"],
        }

    def token(self) -> dict[str, Any]:
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": "42",
            "aud": "kiosk",
            "iat": now,
            "exp": now + 60,
            "nonce": self.nonce,
            "hd": "school.example",
        }
        signed = jwt.encode({"alg": "RS256", "kid": "one"}, claims | self.claims, self.key)
        return {"access_token": "a", "token_type": "Bearer", "id_token": signed}


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    provider = Provider()
    server = uvicorn.Server(
        uvicorn.Config(provider, port=provider.port, lifespan="off", log_level="error")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield provider
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def provider(
    running: Provider,
    school: School,
    config: RegisterConfig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Provider:
    """The provider, as the pages are configured for it."""
    assert school
    secret = tmp_path / "secret"
    secret.write_text("quiet\n")
    section = OidcSection(
        name="google",
        title="Google",
        issuer=running.issuer,
        client_id="kiosk",
        secret_file=str(secret),
        claim="hd",
        allowed=("school.example",),
    )
    monkeypatch.setattr(settings, "KIOSK", structs.replace(config, oidc=(section,)))
    running.claims, running.key = {}, KEY
    return running


def go(client: Client, provider: Provider, query: str = "", **changes: str) -> Any:  # noqa: ANN401 - of the test client
    """Go to the service and come back, as a browser does."""
    asked = urlsplit(client.get(f"/oidc/google{query}").headers["Location"])
    facts = {key: value[0] for key, value in parse_qs(asked.query).items()}
    assert facts["code_challenge_method"] == "S256"
    provider.nonce = facts["nonce"]
    back = {"code": "c", "state": facts["state"]} | changes
    return client.get(f"{urlsplit(facts['redirect_uri']).path}?{urlencode(back)}")


def test_an_invited_person_connects_and_signs_in(provider: Provider) -> None:
    """The invitation is used up; from then on the service opens the account."""
    bob = Account.objects.get(username="bob")
    token = manage.new_link(bob, made_by=None, now=timezone.now())
    assert b"Sign in with Google" in Client().get(f"/invitation/{token}").content
    first = Client()
    go(first, provider, f"?invitation={token}")
    assert is_signed_in(first)
    bob.refresh_from_db()
    assert (bob.oidc_issuer, bob.oidc_subject) == (provider.issuer, "42")
    assert go(Client(), provider, f"?invitation={token}").status_code == 403
    later = Client()
    go(later, provider)
    assert later.get("/my-account").context["account"] == bob


def test_who_is_signed_in_connects_the_own_account(provider: Provider) -> None:
    """One person of the service is one account."""
    go(client_of("alice"), provider)
    assert Account.objects.get(username="alice").oidc_subject == "42"
    assert go(client_of("bob"), provider).status_code == 403
    assert Account.objects.get(username="bob").oidc_subject == ""


def test_a_stranger_of_the_right_domain_gets_no_account(provider: Provider) -> None:
    """Not even with the address of one: only issuer and subject count."""
    Account.objects.filter(username="ada").update(email="ada@school.example")
    provider.claims = {"email": "ada@school.example", "email_verified": True}
    client = Client()
    assert b"No account is connected" in go(client, provider).content
    assert not is_signed_in(client)


@pytest.mark.parametrize(
    "claims",
    [
        {"hd": "other.example"},
        {"hd": None},
        {"iss": "https://accounts.google.com"},
        {"aud": "another-client"},
        {"exp": 1},
        {"nonce": "guessed"},
        {"sub": ""},
    ],
)
def test_a_token_that_proves_nothing_is_refused(
    provider: Provider, claims: dict[str, object]
) -> None:
    """Domain, issuer, audience, time, nonce and subject are checked, each."""
    Account.objects.filter(username="bob").update(
        oidc_issuer=provider.issuer, oidc_subject=str(claims.get("sub", "42"))
    )
    provider.claims = claims
    client = Client()
    assert go(client, provider).status_code == 403
    assert not is_signed_in(client)


def test_a_token_of_another_key_or_session_is_refused(provider: Provider) -> None:
    """The signature is the service's, and who comes back is who went."""
    Account.objects.filter(username="bob").update(oidc_issuer=provider.issuer, oidc_subject="42")
    assert go(Client(), provider, state="guessed").status_code == 403
    provider.key = OTHER_KEY
    assert go(Client(), provider).status_code == 403


def test_a_service_that_is_away_is_told(
    provider: Provider, config: RegisterConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In words, and the password still opens."""
    (section,) = settings.KIOSK.oidc
    assert section.issuer == provider.issuer
    away = structs.replace(section, issuer=f"http://127.0.0.1:{free_port()}")
    monkeypatch.setattr(settings, "KIOSK", structs.replace(config, oidc=(away,)))
    assert b"cannot be reached now" in Client().get("/oidc/google").content


def test_a_secret_that_cannot_be_read_is_named(provider: Provider) -> None:
    """Before the pages are served."""
    (section,) = settings.KIOSK.oidc
    assert section.issuer == provider.issuer
    with pytest.raises(ConfigError, match=r"oidc\.secret_file: /nowhere"):
        service_client(structs.replace(section, secret_file="/nowhere"))


def test_a_disabled_account_stays_out(provider: Provider) -> None:
    """Whatever the service says."""
    bob = Account.objects.get(username="bob")
    Account.objects.filter(pk=bob.pk).update(
        oidc_issuer=provider.issuer, oidc_subject="42", is_active=False
    )
    assert go(Client(), provider).status_code == 403
    assert Client().get("/oidc/unknown").status_code == 404
