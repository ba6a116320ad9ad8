"""Every text of the pages is there in Spanish, and every value that a page shows has a text."""

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from gettext import GNUTranslations
from pathlib import Path
from typing import get_args

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.test import Client
from django.utils import translation
from django.utils.translation.template import templatize

from kiosk.errors import PayloadError
from kiosk.protocol.availability import decode_availability
from kiosk.protocol.health import CameraState
from kiosk.register import imports, web
from kiosk.register.exports.records import Why
from kiosk.register.handover.files import Kind
from kiosk.register.identity import keys
from kiosk.register.imports.plan import RosterPlan, TimetablePlan
from kiosk.register.ingest import verdict
from kiosk.register.marking.deriving import REASONS
from kiosk.register.messages import reading
from kiosk.register.messages.arrival import Reason
from kiosk.register.models.placing import REFUSED
from kiosk.register.office import timetable_import
from kiosk.register.office.checklist import Facts, steps
from kiosk.register.office.guests import GuestProblem
from kiosk.register.office.imports import counts
from kiosk.register.office.terms import TermProblem
from kiosk.register.office.trouble import Trouble
from kiosk.register.rules import alert
from kiosk.register.rules.codes import Code
from kiosk.register.rules.correction import Denial, Role
from kiosk.register.rules.mark import Rule
from kiosk.register.web import tags, words
from kiosk.register.web.api.tokens import SCOPES
from kiosk.register.web.pages.accounts import ROLES
from kiosk.register.web.problems import TEXTS, known, problem
from tests.kiosk.register.web.support import PASSWORD, School

WEB = Path(web.__file__).parent
CATALOGUE = WEB / "locale" / "es" / "LC_MESSAGES"
HOLE = re.compile(r"%\(\w+\)[sd]|%%|<[^>]+>")
CALL = re.compile(
    r"\b_?(?:np|n|p)?(?:gettext|_)\((?:[^()'\"]|'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")*\)"
)
READERS = (timetable_import.__file__, verdict.__file__, keys.__file__, reading.__file__)
JOINED = {
    "an event with its kiosk",
    "no 1 at the root of the zip1",
    "; it lies in a folder: zip the files, not the folder",
    "no kiosk of this room was heard yet; its page says which room it stands in",
}
"""Parts of texts that are known as a whole."""
Message = tuple[str, str]
"""Context ("" for none) and English text."""
Messages = Mapping[Message, tuple[tuple[str, ...], tuple[str, ...]]]
"""With the forms in English and in Spanish."""


@pytest.fixture(scope="module")
def spanish() -> Messages:
    """The compiled catalogue."""
    with (CATALOGUE / "django.mo").open("rb") as file:
        return _read(read_mo(file))


def test_every_text_of_the_pages_is_in_spanish(spanish: Collection[Message]) -> None:
    """What templates and code mark for translation is in the catalogue."""
    used = {*_of_templates(), *_of_code()}
    assert len(used) > 500
    assert not used - set(spanish)


def test_no_text_of_the_catalogue_is_stale(spanish: Collection[Message]) -> None:
    """What no page says any more is not kept."""
    assert not set(spanish) - {*_of_templates(), *_of_code()}


def test_spanish_texts_are_whole(spanish: Messages) -> None:
    """No text is empty, and each has the values and the HTML of the English one."""
    for english, texts in spanish.values():
        assert len(texts) == (3 if len(english) == 2 else 1), english
        for number, text in enumerate(texts):
            origin = english[min(number, len(english) - 1)]
            assert text.strip(), english
            assert sorted({*HOLE.findall(text)}) == sorted({*HOLE.findall(origin)}), text


@pytest.mark.source
def test_the_compiled_catalogue_is_that_of_the_source(spanish: Messages) -> None:
    """``django-admin compilemessages`` was run; no entry is fuzzy."""
    with (CATALOGUE / "django.po").open("rb") as file:
        source = read_po(file)
    assert not [one.id for one in source if one.id and one.fuzzy]
    assert _read(source) == spanish


def test_plural_forms_are_those_of_django(spanish: object) -> None:
    """One and many differ."""
    assert spanish
    with (CATALOGUE / "django.mo").open("rb") as file:
        catalogue = GNUTranslations(file)
    texts = [catalogue.ngettext("%(n)s student.", "%(n)s students.", n) for n in (1, 2, 0)]
    assert texts == ["%(n)s estudiante.", "%(n)s estudiantes.", "%(n)s estudiantes."]


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (Code, tags.STATUS_TITLES),
        (Code, tags.STATUS_SIGNS),
        (Code, tags.STATUS_COUNTS),
        (Rule, tags.RULE_TITLES),
        (Role, ROLES),
        (Denial, words.DENIALS),
        ([*Reason, *REASONS, REFUSED], words.BIN_REASONS),
        (Trouble, words.TROUBLES),
        (alert.Trouble, words.ALERTS),
        (get_args(CameraState), words.CAMERA),
        (Kind, words.FILES),
        (Why, words.LEFT_OUT),
        (SCOPES, words.SCOPES),
        (TermProblem, words.TERM_PROBLEMS),
        (GuestProblem, words.GUEST_PROBLEMS),
        ([one.code for one in steps(Facts())], words.STEPS),
        ([*counts(RosterPlan(*[()] * 8)), *counts(TimetablePlan((), (), (), 0))], words.CHANGES),
    ],
)
def test_every_value_has_a_text(values: Collection[str], texts: Mapping[str, object]) -> None:
    """A page shows no value of the code, and no text is left from a value that is gone."""
    assert {*map(str, values)} == {*map(str, texts)}


def test_every_problem_of_a_file_is_known() -> None:
    """Each text that a reader may say of a file is one that can be translated."""
    files = [*Path(imports.__file__).parent.glob("*.py"), *map(Path, READERS)]
    said = {text for file in files for text in _texts_of(ast.parse(file.read_text()))}
    assert len(said) > 60
    assert not {text for text in said - JOINED if not known(text)}


def test_a_problem_is_said_in_the_visitors_language() -> None:
    """With its values; an unknown text stays as it is."""
    with translation.override("es"):
        assert problem("more than 50 files") == "más de 50 archivos"
        assert problem("of tomorrow") == "of tomorrow"
        for payload in (b"\0", b"{", b"{}", b'{"state": 1}', b'{"state": "x"}', b"[" * 99):
            with pytest.raises(PayloadError) as said:
                decode_availability(payload)
            assert problem(str(said.value)).startswith("no es un mensaje de disponibilidad: ")
    with translation.override("en"):
        assert all(problem(text) == text for text in TEXTS)


def test_a_form_that_is_too_old_is_refused_in_the_visitors_language(school: School) -> None:
    """A form without the token of the session stores nothing, and the page says what to do."""
    assert school
    client = Client(enforce_csrf_checks=True, headers={"Accept-Language": "es-MX"})
    answer = client.post("/sign-in", {"username": "alice", "password": PASSWORD})
    assert answer.status_code == 403
    assert answer.headers["Content-Language"] == "es"
    assert "No se guardó nada" in answer.text


def _read(catalogue: Catalog) -> Messages:
    found = {}
    for one in catalogue:
        context: object = one.context or ""
        text = context.decode() if isinstance(context, bytes) else str(context)
        if one.id:
            forms = _forms(one.id)
            found[text, forms[0]] = forms, _forms(one.string)
    return found


def _forms(text: object) -> tuple[str, ...]:
    return tuple(map(str, text)) if isinstance(text, tuple | list) else (str(text),)


def _of_templates() -> Iterator[Message]:
    for path in WEB.rglob("*.html"):
        for call in CALL.findall(templatize(path.read_text())):
            yield from _messages(ast.parse(call))


def _of_code() -> Iterator[Message]:
    for path in WEB.rglob("*.py"):
        yield from _messages(ast.parse(path.read_text()))


def _messages(tree: ast.AST) -> Iterator[Message]:
    """Return what the calls of gettext in a tree say."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            continue
        name = node.func.id.removesuffix("_lazy").removesuffix("_noop")
        texts = [str(one.value) for one in node.args if isinstance(one, ast.Constant)]
        if not texts:
            continue  # of a variable
        if name in {"_", "gettext", "ngettext"}:
            yield "", texts[0]
        elif name in {"pgettext", "npgettext"}:
            yield texts[0], texts[1]


def _texts_of(tree: ast.Module) -> Iterator[str]:
    """Return the sentences in the functions of a module, with "1" for each value."""
    for function in (one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)):
        parts = {
            id(part)
            for one in ast.walk(function)
            if isinstance(one, ast.JoinedStr)
            for part in ast.walk(one)
            if part is not one
        }
        for node in ast.walk(function):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                parts.add(id(node.value))
        for node in ast.walk(function):
            if id(node) in parts:
                continue
            text = _text(node)
            if re.search(r"[a-z]{2,} [a-z(]", text):
                yield text


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        values = [one.value if isinstance(one, ast.Constant) else "1" for one in node.values]
        return "".join(map(str, values))
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
