"""Accounts: invitations, roles, and the end of sessions."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from kiosk.register.accounts import manage
from kiosk.register.config import RegisterConfig
from kiosk.register.models import Account, ApiToken, Invitation, Role, SchoolClass
from kiosk.register.web.api.tokens import make_token
from tests.kiosk.register.web.support import PASSWORD, School, client_of

NEW = "a long and quiet river"


def signed_in(name: str, password: str = PASSWORD) -> Client:
    """A client that went through the form."""
    client = Client()
    response = client.post("/sign-in", {"username": name, "password": password})
    assert response.status_code == 302
    return client


def is_signed_in(client: Client) -> bool:
    return client.get("/my-account").status_code == 200


def link_in(page: bytes) -> str:
    """The address in the answer to an invitation, without the host."""
    return page.decode().split("/invitation/")[1].split('"')[0]


def accept(link: str, password: str = NEW) -> Client:
    client = Client()
    client.post(f"/invitation/{link}", {"new_password1": password, "new_password2": password})
    return client


def test_an_invited_person_chooses_a_password_and_signs_in(school: School) -> None:
    """The link that the administrator gets leads to an account with role and classes."""
    assert school
    data = {"username": "nina", "name": "Nina Roth", "role": "teacher", "classes": ["8a"]}
    answer = client_of("ada").post("/accounts", data)
    link = link_in(answer.content)
    assert b"12 characters" in Client().get(f"/invitation/{link}").content
    accept(link)
    nina = Account.objects.get(username="nina")
    assert (nina.role, nina.get_full_name()) == (Role.TEACHER, "Nina Roth")
    assert [one.school_class_id for one in nina.teaching.all()] == ["8a"]
    assert is_signed_in(signed_in("nina", NEW))


def test_a_link_works_once_and_for_seven_days(school: School) -> None:
    """Used, expired, replaced, or of a disabled account: the page says that it no longer works."""
    assert school
    now = datetime.now(UTC)
    bob = Account.objects.get(username="bob")
    old = manage.new_link(bob, made_by=None, now=now - timedelta(days=7))
    assert Client().get(f"/invitation/{old}").status_code == 410
    replaced = manage.new_link(bob, made_by=None, now=now)
    used = manage.new_link(bob, made_by=None, now=now)
    assert Client().get(f"/invitation/{replaced}").status_code == 410
    accept(used)
    assert Client().get(f"/invitation/{used}").status_code == 410
    last = manage.new_link(bob, made_by=None, now=now)
    manage.disable(bob, now)
    assert Client().get(f"/invitation/{last}").status_code == 410
    assert Client().get("/invitation/guessed").status_code == 410


def test_of_two_who_use_a_link_at_once_one_succeeds(school: School) -> None:
    """The second one changes nothing."""
    assert school
    now = datetime.now(UTC)
    bob = Account.objects.get(username="bob")
    token = manage.new_link(bob, made_by=None, now=now)
    one, other = (manage.find_invitation(token, now) for _ in range(2))
    assert one
    assert other
    assert manage.accept(one, NEW, now)
    assert not manage.accept(other, PASSWORD, now)
    assert Account.objects.get(username="bob").check_password(NEW)


def test_only_the_hash_of_a_link_is_stored(school: School) -> None:
    """Who reads the database cannot use an invitation."""
    assert school
    bob = Account.objects.get(username="bob")
    token = manage.new_link(bob, made_by=None, now=datetime.now(UTC))
    assert token not in Invitation.objects.get().token_hash


@pytest.mark.parametrize("password", ["short", "password1234", "bob-the-builder!"])
def test_a_weak_password_is_refused(school: School, password: str) -> None:
    """Too short, too common, or like the user name."""
    assert school
    bob = Account.objects.get(username="bob")
    Account.objects.filter(pk=bob.pk).update(username="bob-the-builder")
    token = manage.new_link(bob, made_by=None, now=datetime.now(UTC))
    accept(token, password)
    assert Invitation.objects.get().used_at is None


def test_a_new_role_signs_the_account_out(school: School) -> None:
    """Its open pages belong to the old role; new classes alone do not end a session."""
    assert school
    bob, bobs = Account.objects.get(username="bob"), signed_in("bob")
    ada = client_of("ada")
    ada.post(f"/accounts/{bob.pk}", {"role": "teacher", "classes": ["7b", "8a"]})
    assert is_signed_in(bobs)
    ada.post(f"/accounts/{bob.pk}", {"role": "technician"})
    assert not is_signed_in(bobs)
    bob.refresh_from_db()
    assert bob.role == Role.TECHNICIAN
    assert not bob.teaching.exists()


def test_a_disabled_account_is_out_at_once(school: School) -> None:
    """Its sessions end, and its password opens nothing until it is enabled again."""
    assert school
    bob, bobs = Account.objects.get(username="bob"), signed_in("bob")
    ada = client_of("ada")
    ada.post(f"/accounts/{bob.pk}/disable")
    assert not is_signed_in(bobs)
    assert Client().post("/sign-in", {"username": "bob", "password": PASSWORD}).status_code == 200
    ada.post(f"/accounts/{bob.pk}/disable")
    assert is_signed_in(signed_in("bob"))


def test_tokens_of_who_may_make_none_any_more_are_named(school: School) -> None:
    """They go on working, since programs depend on them, until somebody revokes them."""
    assert school
    eve = Account.objects.create(username="eve", role=Role.ADMINISTRATOR)
    now = datetime.now(UTC)
    make_token("sums", ["attendance"], eve, now)
    ada = client_of("ada")
    changed = ada.post(f"/accounts/{eve.pk}", {"role": "office"}, follow=True)
    assert b"1 token that this account made still works" in changed.content
    disabled = ada.post(f"/accounts/{eve.pk}/disable", follow=True)
    assert b"1 token that this account made still works" in disabled.content
    ApiToken.objects.update(revoked_at=now)
    ada.post(f"/accounts/{eve.pk}/disable")
    disabled = ada.post(f"/accounts/{eve.pk}/disable", follow=True)
    assert b"still works" not in disabled.content


def test_the_last_administrator_stays(school: School) -> None:
    """Neither disabled nor given another role: nobody could make accounts any more."""
    assert school
    ada, client = Account.objects.get(username="ada"), client_of("ada")
    client.post(f"/accounts/{ada.pk}/disable")
    answer = client.post(f"/accounts/{ada.pk}", {"role": "office"})
    assert b"last administrator" in answer.content
    ada.refresh_from_db()
    assert (ada.is_active, ada.role) == (True, Role.ADMINISTRATOR)


def test_a_name_is_taken_whatever_its_capitals(school: School) -> None:
    """Two accounts never differ in capitals alone."""
    assert school
    answer = client_of("ada").post("/accounts", {"username": "Alice", "role": "teacher"})
    assert b"There is an account of this name" in answer.content


def test_an_account_without_classes_is_listed(school: School) -> None:
    """The list names role, classes and state of everybody."""
    assert school
    manage.disable(Account.objects.get(username="bob"), datetime.now(UTC))
    page = client_of("ada").get("/accounts").content.decode()
    assert all(name in page for name in ("alice", "7B", "technician", "disabled", "never"))
    assert SchoolClass.objects.count() == 2


def test_without_an_account_the_sign_in_page_says_how(
    school: School, config: RegisterConfig
) -> None:
    """A fresh system names the command that invites the first administrator."""
    assert config
    assert school
    assert b"account invite" not in Client().get("/sign-in").content
    Account.objects.all().delete()
    page = Client().get("/sign-in").content
    assert b"kiosk register account invite NAME --role administrator" in page
