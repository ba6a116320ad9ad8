"""What visitors, programs and the log get when a page cannot be shown."""

import json
import logging

import pytest
from django.db import OperationalError
from django.test import Client

from kiosk.register.config import RegisterConfig
from kiosk.register.web.pages import classes
from tests.kiosk.register.web.support import School, client_of

AWAY = "connection refused\n\tIs the server running?"


def test_what_a_program_asks_for_and_is_not_there_is_named_in_json(config: RegisterConfig) -> None:
    """A program reads no page."""
    assert config
    answer = Client().get("/api/v1/pupils")
    assert answer.status_code == 404
    assert "openapi.json" in json.loads(answer.content)["error"]


def test_a_program_that_writes_is_told_that_it_only_reads(config: RegisterConfig) -> None:
    """Not that a form is too old: it has none."""
    assert config
    answer = Client(enforce_csrf_checks=True).post("/api/v1/classes")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")
    assert "expected GET" in json.loads(answer.content)["error"]


def test_the_address_of_a_form_says_that_it_shows_nothing(school: School) -> None:
    """As when it is asked for by "Enter" in the address bar; the way on is named."""
    answer = client_of("alice").get(f"/lessons/{school.lesson.lesson_id}/mend")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert "only takes what a form sends" in answer.content.decode()


@pytest.fixture
def is_away(config: RegisterConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection to the database can be had."""
    assert config

    def refuse(*_: object) -> None:
        raise OperationalError(AWAY)

    monkeypatch.setattr("django.db.backends.utils.CursorWrapper.execute", refuse)


@pytest.mark.usefixtures("is_away")
@pytest.mark.parametrize(
    ("language", "title"),
    [("en", "The database cannot be reached"), ("es", "No se puede acceder a la base de datos")],
)
def test_a_page_says_that_the_database_is_away(
    language: str, title: str, caplog: pytest.LogCaptureFixture
) -> None:
    """In the browser's language, and the log has one line for it."""
    client = Client(raise_request_exception=False, headers={"Accept-Language": language})
    client.cookies["kiosk-session"] = "a" * 32
    with caplog.at_level(logging.ERROR):
        answer = client.get("/now")
    assert answer.status_code == 503
    assert f"<h1>{title}</h1>" in answer.content.decode()
    (line,) = [one for one in caplog.records if one.name == "django.request"]
    assert line.exc_info is None
    assert line.getMessage().endswith("/now: connection refused Is the server running?")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("/students/s-77/lessons", "Not Found: /students/<path:subject_id>/lessons"),
        ("/s-77/Alma Ibarra", "Not Found: an address of no page"),
        ("/lessons/s-77/mend", "Method Not Allowed (GET): /lessons/<path:lesson_id>/mend"),
    ],
)
def test_the_log_has_no_id_of_an_address(
    school: School, address: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor a name, whether there is such a student or not."""
    assert school
    client_of("alice").get(address)
    assert said in caplog.text
    assert "s-77" not in caplog.text


def test_the_log_has_no_address_of_a_form_that_is_too_old(
    school: School, caplog: pytest.LogCaptureFixture
) -> None:
    """Only why it was refused, and which kind of form it was."""
    assert school
    client = Client(enforce_csrf_checks=True)
    client.post("/students/s-77/consent")
    assert "s-77" not in caplog.text


@pytest.mark.usefixtures("is_away")
def test_a_program_is_told_that_the_database_is_away() -> None:
    """In JSON, with a status that says to try again."""
    client = Client(raise_request_exception=False, headers={"Authorization": "Bearer x"})
    answer = client.get("/api/v1/classes")
    assert answer.status_code == 503
    assert "database" in json.loads(answer.content)["error"]


def test_a_fault_of_a_page_is_no_blank_page(
    school: School, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It says whom to tell, and the log has the traceback."""
    assert school
    client = client_of("alice")
    client.raise_request_exception = False
    monkeypatch.setattr(classes, "visible_classes", lambda _: 1 / 0)
    answer = client.get("/classes")
    assert answer.status_code == 500
    assert "Something went wrong" in answer.content.decode()
    assert any(one.exc_info for one in caplog.records if one.name == "django.request")
