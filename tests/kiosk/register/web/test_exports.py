"""The page of exports, and the files that it gives."""

import pytest

from kiosk.register.models import Lesson, MarkChange
from kiosk.register.rules.codes import Code
from tests.kiosk.register.web.support import School, client_of


def change(lesson: Lesson, subject_id: str, code: Code) -> None:
    """A change as a rule makes it."""
    MarkChange.objects.create(
        lesson=lesson,
        person_id=subject_id,
        at=lesson.starts_at,
        before="not-known",
        after=code.value,
        rule="test",
        version=1,
    )


@pytest.mark.usefixtures("school")
def test_the_page_says_what_a_file_leaves_out_before_the_download() -> None:
    """With the reason, and who."""
    school_page = client_of("alice").get("/exports?class=7b&lesson=7b/maths/1")
    text = str(school_page.content, "utf-8")
    assert "3 left out: the status has no acronym in Moodle" in text
    assert "Alma Ibarra, Maths 7B" in text
    offers = {one.kind.value: one for one in school_page.context["offers"]}
    assert [one.count for one in offers["moodle"].omissions] == [3]
    assert "Choose one lesson" in str(client_of("alice").get("/exports?class=7b").content, "utf-8")


def test_a_download_has_a_name_and_stays_the_same(school: School) -> None:
    """Its address has the position; what is changed later does not show."""
    change(school.lesson, "s-1", Code.PRESENT)
    client = client_of("alice")
    page = client.get(f"/exports?class=7b&lesson={school.lesson.pk}")
    address = next(one.address for one in page.context["offers"] if one.kind.value == "moodle")
    before = client.get(address)
    assert before.content == b"idnumber,status\r\ns-1,P\r\n"
    name = f"moodle-7B-Maths-7B-{school.lesson.date}-p{page.context['position']}.csv"
    assert before.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    assert before.headers["Content-Type"] == "text/csv; charset=utf-8"
    change(school.lesson, "s-2", Code.LATE)
    assert client.get(address).content == before.content
    now = client.get(f"/exports/moodle?class=7b&lesson={school.lesson.pk}")
    assert now.content == b"idnumber,status\r\ns-1,P\r\ns-2,L\r\n"


@pytest.mark.parametrize(
    ("account", "query", "code"),
    [
        ("alice", "class=7b", 200),
        ("alice", "class=8a", 404),
        ("alice", "class=&student=s-4", 404),
        ("alice", "class=7b&lesson=8a/maths/1", 404),
        ("bob", "class=8a", 200),
        ("olga", "class=&student=s-4", 200),
        ("olga", "class=&position=1", 400),
        ("tom", "class=7b", 403),
    ],
)
def test_who_may_not_see_a_class_exports_nothing_of_it(
    school: School, account: str, query: str, code: int
) -> None:
    """Neither on the page nor by the file's own address."""
    assert school
    for path in ("/exports", "/exports/marks"):
        assert client_of(account).get(f"{path}?{query}").status_code == code


@pytest.mark.usefixtures("school")
def test_all_classes_are_all_that_one_may_see() -> None:
    """A teacher's file of all classes has the own ones alone."""
    text = str(client_of("alice").get("/exports/marks?class=").content, "utf-8-sig")
    assert "Alma Ibarra" in text
    assert "Dora Lind" not in text
    assert client_of("alice").get("/exports/pdf?class=").status_code == 404
