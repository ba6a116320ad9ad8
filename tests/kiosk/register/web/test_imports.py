"""The pages of an import: upload, look, confirm."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.utils.formats import date_format

from kiosk.register.erasing.erase import erase_subject
from kiosk.register.models import Lesson, Person, Upload
from tests.kiosk.register.web.support import School, client_of

ROSTER = "id,name,class\ns-1,Alma Ibarra,7b\ns-2,Bruno Keller,7b\ns-3,Chen Wei,7b\ns-5,Eva Paz,7b\n"


def upload(client: Client, text: str, **data: str) -> HttpResponse:
    file = SimpleUploadedFile("list.csv", text.encode())
    facts = {"kind": "roster", "file": file, **data}
    answer = client.post("/imports/upload", facts, follow=True)
    assert isinstance(answer, HttpResponse)
    return answer


def confirm(client: Client, page: HttpResponse) -> str:
    """Press the button of the dry run; return the text of the next page."""
    number = Upload.objects.get().pk
    fingerprint = page.content.decode().split('name="fingerprint" value="')[1].split('"')[0]
    data = {"fingerprint": fingerprint}
    return client.post(f"/imports/{number}", data, follow=True).content.decode()


def test_a_roster_is_looked_at_and_then_imported(school: School) -> None:
    """Nothing is stored before it is confirmed; then all of it, and the upload is gone."""
    assert school
    client = client_of("olga")
    page = upload(client, ROSTER)
    text = page.content.decode()
    assert "New students: 1" in text
    assert "s-5 Eva Paz" in text
    assert "1 student of the list is not in the file" in text
    assert not Person.objects.filter(pk="s-5").exists()
    assert "Imported." in confirm(client, page)
    assert Person.objects.get(pk="s-5").name == "Eva Paz"
    assert not Person.objects.get(pk="s-4").is_listed
    assert not Upload.objects.exists()


def test_an_erased_student_is_shown_with_line_and_id(school: School) -> None:
    """Before the import: nothing of this id would be stored after it."""
    assert school
    Person.objects.create(subject_id="s-5", name="Eva Paz")
    erase_subject("s-5", datetime.now(UTC))
    text = upload(client_of("olga"), ROSTER).content.decode()
    assert "New students: 1" in text
    row = next(one for one in text.split("<tr>") if "this id was erased on" in one)
    assert '<td class="number" data-label="Line">5</td>' in row
    assert '<td data-label="Value">s-5</td>' in row


def test_every_problem_is_shown_with_its_line(school: School) -> None:
    """And there is nothing to confirm."""
    assert school
    text = upload(client_of("olga"), "id,name,class\n,Ana,7b\ns-6,,7b\n").content.decode()
    assert "2 problems" in text
    assert '<td class="number" data-label="Line">2</td>' in text
    assert '<td class="number" data-label="Line">3</td>' in text
    assert "fingerprint" not in text


def test_a_change_between_looking_and_confirming_is_noticed(school: School) -> None:
    """What is applied is what was shown, or nothing."""
    assert school
    client = client_of("olga")
    page = upload(client, ROSTER)
    Person.objects.filter(pk="s-1").update(name="Alma I.")
    assert "has changed meanwhile" in confirm(client, page)
    assert not Person.objects.filter(pk="s-5").exists()


def test_an_upload_is_its_owners_and_expires(school: School) -> None:
    """After a day it is gone."""
    assert school
    client = client_of("olga")
    upload(client, ROSTER)
    kept = Upload.objects.get()
    assert client_of("ada").get(f"/imports/{kept.pk}").status_code == 404
    Upload.objects.update(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert client.get(f"/imports/{kept.pk}").status_code == 404
    upload(client, ROSTER)
    assert not Upload.objects.filter(pk=kept.pk).exists()


@pytest.mark.parametrize("text", [ROSTER, "id,name,class\n,Ana,7b\n"])
def test_a_file_that_is_not_imported_is_deleted_at_once(school: School, text: str) -> None:
    """Also one with problems; nothing of it is stored, and nobody else can delete it."""
    assert school
    client = client_of("olga")
    page = upload(client, text).content.decode()
    address = f"/imports/{Upload.objects.get().pk}"
    button = re.search('<button[^>]*name="(do)" value="(discard)"', page)
    assert button
    data = {button[1]: button[2]}
    assert client_of("ada").post(address, data).status_code == 404
    client.get(address, data)
    assert Upload.objects.exists()
    assert client.post(address, data).headers["Location"] == "/imports"
    assert not Upload.objects.exists()
    assert Person.objects.get(pk="s-1").name == "Alma Ibarra"
    assert not Person.objects.filter(pk="s-5").exists()


def test_a_timetable_is_imported(school: School) -> None:
    """Lessons to come are added, and the file says what it speaks of."""
    assert school
    client = client_of("olga")
    day = (datetime.now(UTC) + timedelta(days=3)).date()
    text = f"class,room,title,days,start,end,from\n7b,room-7,Art,,10:00,10:45,{day}\n"
    assert "Write the site" in upload(client, text, kind="timetable").content.decode()
    page = upload(client, text, kind="timetable", site="school")
    assert "New lessons: 1" in page.content.decode()
    assert "no kiosk of this room was heard" in page.content.decode()
    confirm(client, page)
    assert Lesson.objects.get(title="Art").school_class_id == "7b"


def test_the_last_day_of_a_timetable_is_that_of_its_last_lesson(school: School) -> None:
    """Also of one that ends or begins at midnight."""
    assert school
    day = (datetime.now(UTC) + timedelta(days=30)).date()
    begin, end = (date_format(day - timedelta(days=n), "SHORT_DATE_FORMAT") for n in (7, 0))
    for start, stop in (("08:00", "08:45"), ("23:30", "24:00"), ("00:00", "00:45")):
        row = f"7b,room-7,Art,{day:%a},{start},{stop},{day - timedelta(days=7)},{day}"
        text = f"class,room,title,days,start,end,from,until\n{row}\n"
        page = upload(client_of("olga"), text, kind="timetable", site="school").content.decode()
        assert f"The file speaks of 1 class from {begin} to {end};" in page


def test_lessons_that_are_over_are_not_said_to_be_stored(school: School) -> None:
    """A first import within the term, or after it, leaves them out."""
    assert school
    day = (datetime.now(UTC) - timedelta(days=30)).date()
    row = f"7b,room-7,Art,{day:%a},10:00,10:45,{day},{day + timedelta(days=7)}"
    text = f"class,room,title,days,start,end,from,until\n{row}\n"
    page = upload(client_of("olga"), text, kind="timetable", site="school").content.decode()
    assert "Lessons that are over, so not added, changed or cancelled: 2" in page
    assert "This file would change nothing." in page
    assert "stored already" not in page
    assert not Lesson.objects.filter(title="Art").exists()


def test_an_empty_file_is_refused(school: School) -> None:
    """With a word on what to choose."""
    assert school
    assert "not empty" in upload(client_of("olga"), "").content.decode()
    answer = client_of("olga").post("/imports/upload", {"kind": "roster"}, follow=True)
    assert b"not empty" in answer.content
