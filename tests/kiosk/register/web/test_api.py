"""The read API."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from openapi_spec_validator import validate

from kiosk.register.models import Account, ApiToken, MarkChange
from kiosk.register.web.api.endpoints import ENDPOINTS, Endpoint
from kiosk.register.web.api.tokens import SCOPES, make_token
from tests.kiosk.register.web.support import School, client_of, mark


@pytest.fixture
def token(school: School) -> str:  # noqa: ARG001 - its administrator
    """A token that may read everything."""
    return make_token("test", SCOPES, Account.objects.get(username="ada"), datetime.now(UTC))


def get(path: str, token: str, **query: str) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    response = Client().get(f"/api/v1/{path}", query, headers=headers)
    return response.status_code, json.loads(response.content)


def test_marks_are_those_of_the_page(school: School, token: str) -> None:
    """Every student of the lesson is there, also one of whom nothing is known."""
    mark(school.lesson, "s-1", "late")
    status, marks = get("marks", token, lesson_id=school.lesson.lesson_id)
    assert status == 200
    assert {one["subject_id"]: one["status"] for one in marks} == {
        "s-1": "late",
        "s-2": "not-known",
        "s-3": "not-known",
    }


def test_changes_are_paged_by_position(school: School, token: str) -> None:
    """Who asks for what is after the last position gets the next changes, and none twice."""
    for version in (1, 2, 3):
        MarkChange.objects.create(
            lesson=school.lesson,
            person_id="s-1",
            at=datetime.now(UTC) - timedelta(minutes=1),
            before="not-known",
            after="late",
            version=version,
        )
    _, first = get("changes", token)
    _, rest = get("changes", token, after=str(first[0]["position"]))
    assert [one["position"] for one in rest] == [one["position"] for one in first[1:]]


def test_a_change_shows_when_none_before_it_can_follow(school: School, token: str) -> None:
    """One that was stored just now waits: another instance may store a smaller position."""
    MarkChange.objects.create(
        lesson=school.lesson,
        person_id="s-1",
        at=datetime.now(UTC),
        before="not-known",
        after="late",
        version=1,
    )
    assert get("changes", token) == (200, [])


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda one: one.name)
def test_nothing_is_read_without_a_token(school: School, endpoint: Endpoint) -> None:
    """Every address asks for a token, also of somebody who is signed in."""
    response = client_of("ada").get(f"/api/v1/{endpoint.name}")
    assert response.status_code == 401
    assert school.lesson.title not in str(response.content)


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda one: one.name)
def test_a_token_reads_only_its_scopes(school: School, endpoint: Endpoint) -> None:  # noqa: ARG001
    """A token without the scope of an address is told which one it lacks."""
    others = [one for one in SCOPES if one != endpoint.scope]
    token = make_token("test", others, Account.objects.get(username="ada"), datetime.now(UTC))
    status, answer = get(endpoint.name, token)
    assert status == 403
    assert endpoint.scope in answer["error"]


@pytest.mark.parametrize(
    ("path", "query", "named"),
    [
        ("lessons", {}, "date: missing"),
        ("lessons", {"date": "yesterday"}, "date: expected a day"),
        ("changes", {"after": "-1"}, "after: expected a number"),
        ("changes", {"after": "9" * 30}, "after: expected a number"),
        ("changes", {"befor": "1"}, "befor: unknown parameter"),
    ],
)
def test_a_wrong_parameter_is_named(
    token: str, path: str, query: dict[str, str], named: str
) -> None:
    """The answer says which parameter is wrong and what was expected."""
    status, answer = get(path, token, **query)
    assert status == 400
    assert named in answer["error"]


def test_a_lesson_that_is_not_there_is_not_found(token: str) -> None:
    """It is told from a lesson without students."""
    assert get("marks", token, lesson_id="none")[0] == 404


def test_a_revoked_token_is_worthless(token: str) -> None:
    """Revoked on the page, it reads nothing more."""
    assert get("classes", token)[0] == 200
    client_of("ada").post(f"/programs/{ApiToken.objects.get().pk}/revoke")
    assert get("classes", token)[0] == 401


def test_a_token_is_shown_once_and_not_stored(school: School) -> None:  # noqa: ARG001
    """The page that makes it shows it; the database has its hash alone."""
    client = client_of("ada")
    made = client.post("/programs", {"title": "SIS", "scopes": ["attendance"]})
    token = made.context["token"]
    assert token in str(made.content)
    assert get("classes", token)[0] == 200
    assert token not in str(client.get("/programs").content)
    assert token not in str(ApiToken.objects.values_list())


def test_the_document_is_openapi(school: School) -> None:  # noqa: ARG001
    """It is valid OpenAPI 3.1 and names every address."""
    document = json.loads(Client().get("/api/v1/openapi.json").content)
    validate(document)
    assert set(document["paths"]) == {f"/{one.name}" for one in ENDPOINTS}
