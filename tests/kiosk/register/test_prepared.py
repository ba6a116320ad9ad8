"""A prepared query finds what Django's own finds, on each database."""

from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.db.models import DateField, QuerySet, TextField
from django.test.utils import CaptureQueriesContext

from kiosk.register.models import Membership, Person, SchoolClass
from kiosk.register.prepared import Given, GivenMany, Prepared

pytestmark = pytest.mark.usefixtures("database")

TEXTS = ("o'clock", 'with "quotes"', "ünïcode \U0001f600", "%s", "100 %", "{a,b}", "")


def test_each_question_has_its_own_values() -> None:
    """Texts with any character, days, and the same value in two places."""
    SchoolClass.objects.create(class_id="%s", title="7B")
    for number, text in enumerate(TEXTS):
        one = Person.objects.create(subject_id=text, name=f"Person {number}")
        Membership.objects.create(person=one, school_class_id="%s", begin=date(2026, 1, 1 + number))
    day = Given("day", DateField())
    query = Prepared(
        lambda: (
            Membership.objects.filter(
                begin__gte=day, school_class=Given("of", TextField()), person__merged_into=None
            )
            .exclude(begin__gt=day)
            .values_list("person_id", "person__name")
        )
    )
    for number, text in enumerate(TEXTS):
        asked = date(2026, 1, 1 + number)
        assert query.rows(day=asked, of="%s") == [(text, f"Person {number}")]
    assert query.rows(day=date(2026, 1, 1), of="8a") == []


def test_many_values_are_given_at_once() -> None:
    """As with the lookup itself."""
    for text in TEXTS:
        Person.objects.create(subject_id=text, name="x")
    query = Prepared(
        lambda: Person.objects.filter(pk__among=GivenMany("ids", TextField())).values_list("pk")
    )
    for wanted in ([], TEXTS[:1], TEXTS[1:4], TEXTS, ["absent"]):
        assert {one for (one,) in query.rows(ids=wanted)} == set(wanted) & set(TEXTS)


def test_the_statement_is_written_once() -> None:
    """Also after an answer; each question asks the database."""
    written: list[QuerySet[Person, tuple[Any, ...]]] = []

    def write() -> QuerySet[Person, tuple[Any, ...]]:
        rows = Person.objects.filter(name=Given("name", TextField())).values_list("pk")
        written.append(rows)
        return rows

    query = Prepared(write)
    with CaptureQueriesContext(connection) as asked:
        assert query.rows(name="Alma") == []
        Person.objects.create(subject_id="s-1", name="Alma")
        assert query.rows(name="Alma") == [("s-1",)]
    assert len(written) == 1
    assert len(asked) == 3
