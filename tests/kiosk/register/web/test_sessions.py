"""Sessions: what an attacker tries, and what a person does to the own account."""

from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core import signing
from django.test import Client

from kiosk.register.erasing.erase import erase_subject
from kiosk.register.models import Account, Register
from kiosk.register.web.pages import sign_in_link
from tests.kiosk.register.web.support import PASSWORD, School, client_of
from tests.kiosk.register.web.test_accounts import NEW, is_signed_in, signed_in


def test_signing_in_gives_a_new_session(school: School) -> None:
    """A session id that was planted before does not become that of the account."""
    assert school
    client = Client()
    client.get("/sign-in")
    client.session.save()
    planted = client.session.session_key or ""
    client.cookies[settings.SESSION_COOKIE_NAME] = planted
    client.post("/sign-in", {"username": "alice", "password": PASSWORD})
    assert is_signed_in(client)
    assert client.session.session_key != planted
    thief = Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = planted
    assert not is_signed_in(thief)


def test_who_has_a_backup_of_the_database_cannot_make_a_sign_in_link(school: School) -> None:
    """A link is signed with a key that is in no database, and in no process but its own."""
    assert school
    facts = {"account": Account.objects.get(username="ada").pk, "page": "/accounts"}
    secret = Register.objects.get().secret
    forged = signing.dumps(facts, key=secret, salt=sign_in_link._SALT)
    client = Client()
    assert client.get("/sign-in-link", {"token": forged}).status_code == 403
    assert not is_signed_in(client)
    own = sign_in_link.sign_in_address(Account.objects.get(username="alice"), "/now")
    assert client.get(own).headers["Location"] == "/now"


def test_a_failed_attempt_does_not_keep_the_page_of_a_student(school: School) -> None:
    """An erasure does not look there for the student's id."""
    assert school
    page = "/students/s-1/lessons"
    facts = {"username": "alice", "password": "wrong", "next": page}
    assert Client().post(f"/sign-in?next={page}", facts).status_code == 200
    attempt = AccessAttempt.objects.get()
    assert "next=***" in attempt.get_data
    assert "s-1" not in attempt.get_data + attempt.post_data + attempt.path_info


def test_an_erasure_deletes_messages_that_no_page_has_shown(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They may name the person; who was to read them stays signed in."""
    with monkeypatch.context() as patch:
        patch.setattr(settings, "SECRET_KEY", "a former key")
        client_of("bob")
    client = client_of("alice")
    client.post(f"/lessons/{school.lesson.pk}/guests", {"guest": "s-4"})
    assert "Dora Lind" in str(client.session.items())
    with monkeypatch.context() as patch:
        patch.setattr(settings, "SECRET_KEY", "a command has none")
        erase_subject("s-4", datetime.now(UTC))
    assert "Dora Lind" not in str(client.session.items())
    assert is_signed_in(client)
    assert Session.objects.get().pk == client.session.session_key


def test_a_form_without_its_token_is_refused(school: School) -> None:
    """Another site cannot sign a person out or change the account."""
    assert school
    client = Client(enforce_csrf_checks=True)
    client.force_login(Account.objects.get(username="ada"))
    for address in ("/my-account", "/sign-out", "/accounts", "/my-account/sign-out-everywhere"):
        assert client.post(address).status_code == 403
    assert client.post("/sign-in", {"username": "ada", "password": PASSWORD}).status_code == 403


def test_who_is_signed_out_while_filling_in_a_form_comes_back_to_its_page(school: School) -> None:
    """The page says that nothing was stored; it does not ask for the address of the form."""
    there = f"/lessons/{school.lesson.lesson_id}/now?status=late"
    client = Client(headers={"Referer": f"http://testserver{there}"})
    answer = client.post(f"/lessons/{school.lesson.lesson_id}/mend", {"student": "0:s-1"})
    assert answer.headers["Location"] == f"/sign-in?{urlencode({'next': there}, safe='/')}"
    assert "nothing was stored" in client.get(answer.headers["Location"]).content.decode()


@pytest.mark.parametrize("sender", ["https://evil.example/now", "", "//", "http://[bad"])
def test_a_form_of_nobody_knows_where_leads_to_the_start_page(school: School, sender: str) -> None:
    """As after a sign-in from another site."""
    answer = Client(headers={"Referer": sender}).post(f"/lessons/{school.lesson.lesson_id}/mend")
    assert answer.headers["Location"] == "/sign-in?next=/"


def test_a_live_update_without_a_session_is_no_part_of_the_page(school: School) -> None:
    """The browser is sent to the sign-in form instead."""
    there = f"/lessons/{school.lesson.lesson_id}/now"
    answer = Client(headers={"HX-Request": "true"}).get(there)
    assert (answer.status_code, answer.content) == (401, b"")
    assert answer.headers["HX-Redirect"] == f"/sign-in?next={there}"


@pytest.mark.parametrize(
    "target",
    ["https://evil.example", "//evil.example/x", "javascript:alert(1)", "\\\\evil.example"],
)
def test_nobody_is_sent_elsewhere_after_signing_in(school: School, target: str) -> None:
    """``next`` leads to a page of the register, or to the start page."""
    assert school
    data = {"username": "alice", "password": PASSWORD, "next": target}
    assert Client().post("/sign-in", data).headers["Location"] == "/"
    data["next"] = "/my-account"
    assert Client().post("/sign-in", data).headers["Location"] == "/my-account"


def test_wrong_passwords_lock_the_account_for_a_while(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then not even the right one opens; another person's sign-in is not affected."""
    assert school
    monkeypatch.setattr(settings, "AXES_FAILURE_LIMIT", 2)
    wrong = {"username": "alice", "password": "wrong"}
    assert Client().post("/sign-in", wrong).status_code == 200
    answer = Client().post("/sign-in", wrong)
    assert answer.status_code == 429
    assert b"Try again in 15 minutes" in answer.content
    right = {"username": "alice", "password": PASSWORD}
    assert Client().post("/sign-in", right).status_code == 429
    assert is_signed_in(signed_in("bob"))


def test_a_stolen_session_cannot_guess_the_password(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong old password counts like one at sign-in."""
    assert school
    monkeypatch.setattr(settings, "AXES_FAILURE_LIMIT", 2)
    client = signed_in("alice")
    data = {"old_password": "wrong", "new_password1": NEW, "new_password2": NEW}
    assert b"The old password is wrong" in client.post("/my-account/password", data).content
    assert client.post("/my-account/password", data).status_code == 429


def test_a_new_password_ends_the_other_sessions(school: School) -> None:
    """Who changed it stays signed in."""
    assert school
    here, there = signed_in("alice"), signed_in("alice")
    data = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
    assert here.post("/my-account/password", data).status_code == 302
    assert is_signed_in(here)
    assert not is_signed_in(there)


def test_signing_out_everywhere_ends_every_session(school: School) -> None:
    """Also the one that asked for it; signing in again works."""
    assert school
    here, there = signed_in("alice"), signed_in("alice")
    here.post("/my-account/sign-out-everywhere")
    assert not is_signed_in(here)
    assert not is_signed_in(there)
    assert is_signed_in(signed_in("alice"))


def test_name_and_language_are_saved(school: School) -> None:
    """The language of the account goes before that of the browser."""
    assert school
    client = signed_in("alice")
    client.post("/my-account", {"first_name": "Alice Moreno", "language": "es"})
    page = client.get("/my-account", headers={"Accept-Language": "en"})
    assert page.headers["Content-Language"] == "es"
    assert "Alice Moreno" in page.content.decode()
