"""Who may open which page: every address of the register, for every kind of visitor."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.urls import reverse

from kiosk.register.config import RegisterConfig
from kiosk.register.ingest.store import store
from kiosk.register.models import Account, Person, Role
from kiosk.register.web.access import (
    EVERYBODY,
    MARKERS,
    STAFF,
    changeable_classes,
    changeable_lesson,
    visible_classes,
)
from kiosk.register.web.api.endpoints import ENDPOINTS
from kiosk.register.web.urls import urlpatterns
from tests.kiosk.register.support import arrival, event, health
from tests.kiosk.register.web.support import School, client_of

KEEPERS = (Role.ADMINISTRATOR, Role.OFFICE, Role.TECHNICIAN)
ADMINISTRATOR = (Role.ADMINISTRATOR,)
PUBLIC = {"sign-in", "sign-in-link", "sign-out", "invitation", "openapi", "oidc", "oidc-callback"}
"""Open to who is not signed in; each has tests of its own."""
FOR_PROGRAMS = {f"api-{one.name}" for one in ENDPOINTS}
"""Opened by tokens, and by nobody's session."""
STREAMS = {"changes"}
"""Open to everybody who is signed in, and asks nobody to sign in: no person reads its answer."""
ONE = {"number": 1}
LESSON = {"lesson_id": "7b/maths/1"}
CLASS = {"class_id": "7b"}
STUDENT = {"subject_id": "s-1"}
MARK = {**LESSON, **STUDENT}
ALICES = (LESSON, CLASS, STUDENT, MARK, {**LESSON, "change": 1})
"""Bob sees nothing of these."""
PAGES: dict[str, tuple[dict[str, Any], tuple[Role, ...]]] = {
    "start": ({}, EVERYBODY),
    "now": ({}, MARKERS),
    "class-now": (LESSON, MARKERS),
    "classes": ({}, MARKERS),
    "class-days": (CLASS, MARKERS),
    "student": (STUDENT, MARKERS),
    "exports": ({}, MARKERS),
    "export": ({"kind": "marks"}, MARKERS),
    "cards": ({}, MARKERS),
    "cards-change": ({}, STAFF),
    "cards-sheet": ({}, STAFF),
    "consents": ({}, KEEPERS),
    "consents-record": ({}, STAFF),
    "consent": (STUDENT, STAFF),
    "consent-withdraw": (STUDENT, STAFF),
    "consent-erased": (ONE, KEEPERS),
    "registers": ({}, MARKERS),
    "mark-details": (MARK, MARKERS),
    "mend": (LESSON, MARKERS),
    "undo": ({**LESSON, "change": 1}, MARKERS),
    "undo-last": (LESSON, MARKERS),
    "take-register": (LESSON, MARKERS),
    "points": (LESSON, MARKERS),
    "participation": (LESSON, MARKERS),
    "guests": (LESSON, MARKERS),
    "programs": ({}, ADMINISTRATOR),
    "revoke-token": ({"token_hash": "0"}, ADMINISTRATOR),
    "bin": ({}, KEEPERS),
    "bin-change": ({}, KEEPERS),
    "bin-person": ({"subject_id": "s-98"}, STAFF),
    "merge": ({"subject_id": "s-99"}, STAFF),
    "kiosks": ({}, KEEPERS),
    "kiosk": ({"site": "school", "room": "room-1", "kiosk": "kiosk-1"}, KEEPERS),
    "kiosk-room": ({"site": "school", "room": "room-1", "kiosk": "kiosk-1"}, KEEPERS),
    "kiosk-service": ({"site": "school", "room": "room-1", "kiosk": "kiosk-1"}, KEEPERS),
    "imports": ({}, STAFF),
    "import-upload": ({}, STAFF),
    "import": (ONE, STAFF),
    "terms": ({}, STAFF),
    "terms-change": ({}, STAFF),
    "set-up": ({}, ADMINISTRATOR),
    "accounts": ({}, ADMINISTRATOR),
    "account": (ONE, ADMINISTRATOR),
    "account-link": (ONE, ADMINISTRATOR),
    "account-sign-out": (ONE, ADMINISTRATOR),
    "account-disable": (ONE, ADMINISTRATOR),
    "my-account": ({}, EVERYBODY),
    "my-password": ({}, EVERYBODY),
    "sign-out-everywhere": ({}, EVERYBODY),
}
"""Each other address: example arguments, and who may open it. A new page is a line here.

For a page of a class or lesson, the example is one that Alice teaches.
"""
VISITORS = {
    "alice": Role.TEACHER,
    "bob": Role.TEACHER,
    "olga": Role.OFFICE,
    "tom": Role.TECHNICIAN,
    "ada": Role.ADMINISTRATOR,
}


def test_every_address_is_in_the_table() -> None:
    """A new page states who may open it."""
    names = {str(pattern.name) for pattern in urlpatterns}
    assert names == {*PAGES, *PUBLIC, *STREAMS, *FOR_PROGRAMS}


@pytest.mark.parametrize("name", PAGES)
def test_every_view_is_decorated_with_its_roles(name: str) -> None:
    """The view itself checks the role, so no other address of it is open."""
    (pattern,) = [one for one in urlpatterns if one.name == name]
    roles = getattr(pattern.callback, "roles", None)
    assert roles == PAGES[name][1], "begin the view with @page(...)"


@pytest.mark.parametrize("visitor", [None, *VISITORS])
def test_each_visitor_opens_what_the_role_allows(school: School, visitor: str | None) -> None:
    """Others are told that they may not; who is not signed in is asked to."""
    assert school
    add_what_pages_are_about()
    client = client_of(visitor) if visitor else Client()
    client.raise_request_exception = False
    for name, (arguments, roles) in PAGES.items():
        address = reverse(name, kwargs=arguments)
        response = client.get(address)
        if visitor is None:
            assert response.status_code == 302, name
            assert response.headers["Location"].startswith("/sign-in?next="), name
        elif VISITORS[visitor] not in roles:
            assert response.status_code == 403, name
        elif name == "import" or (visitor == "bob" and arguments in ALICES):
            if response.status_code == 405:
                response = client.post(address)
            assert response.status_code == 404, name
        else:
            # 405: it only takes forms.
            assert response.status_code in {200, 302, 405}, (name, response.status_code)
            assert "/sign-in" not in response.headers.get("Location", ""), name


def add_what_pages_are_about() -> None:
    """What the example arguments of the table name, beside the school."""
    now = datetime.now(UTC)
    store([arrival(event(1, subject_id="s-98"), at=now), health(1)], now)
    Person.objects.create(subject_id="s-99", name="Visitor", is_temporary=True)


def test_a_stream_is_closed_to_strangers(config: RegisterConfig) -> None:
    """Live updates are for who is signed in."""
    assert config
    for name in STREAMS:
        assert Client().get(reverse(name)).status_code == 401


def test_an_address_for_programs_is_closed_to_people(school: School) -> None:
    """A session is no token, not even an administrator's."""
    assert school
    for name in FOR_PROGRAMS:
        assert client_of("ada").get(reverse(name)).status_code == 401, name


def test_a_setting_lets_teachers_see_all_classes(
    school: School, monkeypatch: pytest.MonkeyPatch, config: RegisterConfig
) -> None:
    """Seen is not changed: the marks of another's class stay closed."""
    pages = type(config.pages)(port=config.pages.port, teachers_see="all")
    alice = Account.objects.get(username="alice")
    assert [one.title for one in visible_classes(alice)] == ["7B"]
    monkeypatch.setattr("kiosk.register.web.access.config", lambda: type(config)(pages=pages))
    assert [one.title for one in visible_classes(alice)] == ["7B", "8A"]
    assert changeable_lesson(alice, school.lesson.lesson_id) == school.lesson
    assert (
        client_of("alice").get(f"/lessons/{school.other_lesson.lesson_id}/now").status_code == 200
    )
    with pytest.raises(PermissionDenied):
        changeable_lesson(alice, school.other_lesson.lesson_id)


@pytest.mark.usefixtures("school")
def test_a_teacher_who_becomes_a_technician_has_no_class() -> None:
    """The classes stay with the account, for the day on which it is a teacher's again."""
    account = Account.objects.get(username="alice")
    assert changeable_classes(account).exists()
    account.role = Role.TECHNICIAN
    assert not changeable_classes(account).exists()
