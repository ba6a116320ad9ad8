"""Correct marks: by whom, with a reason, never over somebody else's change."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from kiosk.protocol.participation import decode_window
from kiosk.register.models import (
    Account,
    Change,
    Kiosk,
    Lesson,
    Mark,
    MarkChange,
    ParticipationPoint,
    ParticipationWindow,
    Publication,
)
from tests.kiosk.register.web.support import School, client_of, mark


def send(client: Client, lesson: Lesson, what: str = "mend", **form: Any) -> Any:  # noqa: ANN401 - of Django's client
    return client.post(f"/lessons/{lesson.lesson_id}/{what}", form)


def stands() -> dict[str, tuple[str, int]]:
    return {one.person_id: (one.status, one.version) for one in Mark.objects.all()}


def test_chosen_students_get_a_status_with_who_when_and_why(school: School) -> None:
    """The others keep theirs, and open pages are told."""
    mark(school.lesson, "s-1", "present")
    form: dict[str, Any] = {"student": ["1:s-1", "0:s-2"], "code": "excused", "reason": "choir"}
    assert send(client_of("alice"), school.lesson, **form).status_code == 302
    assert stands() == {"s-1": ("excused", 2), "s-2": ("excused", 1)}
    rows = MarkChange.objects.order_by("person").values_list(
        "person", "before", "after", "account__username", "reason", "version", "rule"
    )
    assert list(rows) == [
        ("s-1", "present", "excused", "alice", "choir", 2, ""),
        ("s-2", "not-known", "excused", "alice", "choir", 1, ""),
    ]
    assert Mark.objects.get(person="s-1").derived == "present"
    assert Change.objects.filter(kind="lesson", key=school.lesson.lesson_id).count() == 2


def test_a_chosen_full_name_hides_no_account(school: School) -> None:
    """Everybody writes the own full name; the user name is given by an administrator."""
    alice = client_of("alice")
    alice.post("/my-account", {"first_name": "Olga \u202e"})
    send(alice, school.lesson, student="0:s-1", code="excused", reason="choir")
    send(alice, school.lesson, "points", student="1:s-1")
    page = client_of("olga").get(f"/lessons/{school.lesson.lesson_id}/students/s-1/mark")
    # Isolated: what reverses the direction of the name leaves the user name as it is.
    assert page.content.decode().count("<bdi>Olga \u202e</bdi> <small>alice</small>") == 2


def test_a_stale_page_gets_the_fresh_row_and_overwrites_nothing(school: School) -> None:
    """Of several rows none is stored, what was typed is kept, and the row is marked."""
    mark(school.lesson, "s-1", "late")
    form: dict[str, Any] = {"student": ["0:s-1", "0:s-2"], "code": "excused", "reason": "choir"}
    response = send(client_of("alice"), school.lesson, **form)
    html = response.content.decode()
    assert response.status_code == 409
    assert stands() == {"s-1": ("late", 1)}
    row = html.split('id="row-s-1"')[1].split("</li>")[0]
    assert 'class="stale"' in row
    assert 'value="1:s-1" checked' in row
    assert "late" in row
    assert 'value="choir"' in html
    update = html.split('id="rows"')[1].split('hx-get="')[1].split('"')[0].replace("&amp;", "&")
    assert row in client_of("alice").get(update, headers={"HX-Request": "true"}).content.decode()
    assert not MarkChange.objects.exists()


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ({"student": ["0:s-1"], "code": "late", "reason": " "}, "Write a reason"),
        ({"student": [], "code": "late", "reason": "bus"}, "Choose at least one student"),
        ({"student": ["0:s-1"], "code": "not-known", "reason": "bus"}, "and a status"),
        ({"student": ["0:s-1"], "code": "sick", "reason": "bus"}, "and a status"),
        ({"student": ["0:s-4"], "code": "late", "reason": "bus"}, "Choose at least one student"),
        ({"student": ["x:s-1"], "code": "late", "reason": "bus"}, "Choose at least one student"),
        ({"student": ["0:s-1"], "code": "late", "reason": "b" * 501}, "longer than"),
    ],
)
def test_what_does_not_fit_together_is_refused(
    school: School, form: dict[str, Any], text: str
) -> None:
    """A student of another class, an unknown status, no reason: nothing is stored."""
    response = send(client_of("alice"), school.lesson, **form)
    assert response.status_code == 400
    assert text in response.content.decode()
    assert not Mark.objects.exists()


def test_the_time_to_correct_depends_on_the_role(school: School) -> None:
    """A teacher after three days may not, the office may."""
    Lesson.objects.update(ends_at=datetime.now(UTC) - timedelta(days=3))
    form: dict[str, Any] = {"student": ["0:s-1"], "code": "late", "reason": "bus"}
    response = send(client_of("alice"), school.lesson, **form)
    assert response.status_code == 400
    assert "Ask the office" in response.content.decode()
    assert send(client_of("olga"), school.lesson, **form).status_code == 302


def test_who_is_too_late_is_told_whom_to_ask(school: School) -> None:
    """A teacher asks the office, and the office an administrator, who has no end."""
    Lesson.objects.update(ends_at=datetime.now(UTC) - timedelta(days=90))
    form: dict[str, Any] = {"student": ["0:s-1"], "code": "late", "reason": "bus"}
    for name, whom in (("alice", "Ask the office."), ("olga", "Ask an administrator.")):
        page = client_of(name).get(f"/lessons/{school.lesson.lesson_id}/now")
        answer = send(client_of(name), school.lesson, **form)
        assert all(whom in one.content.decode() for one in (page, answer))
    assert send(client_of("ada"), school.lesson, **form).status_code == 302


@pytest.mark.parametrize("what", ["mend", "take", "points", "participation", "undo", "undo/1"])
@pytest.mark.parametrize(("name", "code"), [("bob", 404), ("tom", 403)])
def test_nobody_else_may(school: School, what: str, name: str, code: int) -> None:
    """Neither another class's teacher nor the technician; nor anybody by a link."""
    assert send(client_of(name), school.lesson, what).status_code == code
    path = f"/lessons/{school.lesson.lesson_id}/{what}"
    assert client_of("alice").get(path).status_code == 405


def test_an_undo_returns_to_what_the_kiosks_say_by_another_change(school: School) -> None:
    """Both changes stay in the trail; what the rules found meanwhile shows again."""
    client = client_of("alice")
    mark(school.lesson, "s-1", "late")
    send(client, school.lesson, student=["1:s-1"], code="excused", reason="choir")
    Mark.objects.update(derived="present")
    change = MarkChange.objects.get()
    details = f"/lessons/{school.lesson.lesson_id}/students/s-1/mark"
    assert "Undo the last change" in client.get(details).content.decode()
    assert send(client, school.lesson, f"undo/{change.pk}", reason="").status_code == 400
    assert send(client, school.lesson, f"undo/{change.pk}", reason="wrong row").status_code == 302
    assert stands() == {"s-1": ("present", 3)}
    assert not Mark.objects.get().is_corrected
    undone = MarkChange.objects.latest("id")
    assert (undone.undoes_id, undone.before, undone.after) == (change.pk, "excused", "present")
    assert send(client, school.lesson, f"undo/{change.pk}", reason="again").status_code == 409


def test_an_undo_of_a_second_correction_returns_to_the_first(school: School) -> None:
    """And the undo of an undo to what it took back."""
    client = client_of("alice")
    send(client, school.lesson, student=["0:s-1"], code="late", reason="bus")
    send(client, school.lesson, student=["1:s-1"], code="excused", reason="choir")
    for expected in ("late", "excused"):
        newest = MarkChange.objects.latest("id").pk
        send(client, school.lesson, f"undo/{newest}", reason="no")
        assert Mark.objects.get().status == expected
        assert Mark.objects.get().is_corrected


def test_a_student_in_the_room_is_present_by_one_click(school: School) -> None:
    """The click is the reason, and a page says it in the reader's language."""
    client = client_of("alice")
    send(client, school.lesson, student=["0:s-1"], do="seen", code="absent", reason="")
    assert stands() == {"s-1": ("present", 1)}
    assert MarkChange.objects.get().reason == "seen in the room"
    Account.objects.filter(username="alice").update(language="es")
    details = client.get(f"/lessons/{school.lesson.lesson_id}/students/s-1/mark").content.decode()
    assert "seen in the room" not in details


def test_the_last_click_is_undone_as_a_whole_or_not_at_all(school: School) -> None:
    """Of all its rows; if somebody has changed one of them since, of none."""
    client = client_of("alice")
    form = {"student": ["0:s-1", "0:s-2"], "code": "excused", "reason": "choir"}
    page = client.post(f"/lessons/{school.lesson.lesson_id}/mend", form, follow=True)
    changed = [str(one.pk) for one in page.context["changed"]]
    assert len(changed) == 2
    assert "2 marks changed." in page.content.decode()
    assert send(client, school.lesson, "undo", changed=changed).status_code == 302
    assert stands() == {"s-1": ("not-known", 2), "s-2": ("not-known", 2)}
    form["student"] = ["2:s-1", "2:s-2"]
    page = client.post(f"/lessons/{school.lesson.lesson_id}/mend", form, follow=True)
    send(client_of("olga"), school.lesson, student=["3:s-2"], code="late", reason="bus")
    changed = [str(one.pk) for one in page.context["changed"]]
    assert send(client, school.lesson, "undo", changed=changed).status_code == 409
    assert stands() == {"s-1": ("excused", 3), "s-2": ("late", 4)}


def test_another_s_click_is_not_undone_by_its_number(school: School) -> None:
    """Nor shown as one's own; who may mend it does so at the student, with a reason."""
    send(client_of("olga"), school.lesson, student=["0:s-1"], code="late", reason="bus")
    change = str(MarkChange.objects.get().pk)
    send(client_of("alice"), school.lesson, "undo", changed=[change, "x", "9" * 30])
    assert stands() == {"s-1": ("late", 1)}
    page = client_of("alice").get(f"/lessons/{school.lesson.lesson_id}/now?changed={change}")
    assert page.context["changed"] == []


def test_a_window_is_opened_and_closed_from_the_page(school: School) -> None:
    """The kiosks of the room are told through a publication."""
    Kiosk.objects.create(site="school", room="room-7", kiosk="door-7")
    client = client_of("alice")
    send(client, school.lesson, "participation", state="open")
    path = f"/lessons/{school.lesson.lesson_id}/now"
    assert "Participation is open since" in client.get(path).content.decode()
    send(client, school.lesson, "participation", state="closed")
    assert ParticipationWindow.objects.get().closed_at is not None
    said = [decode_window(bytes(one.payload)).state for one in Publication.objects.order_by("id")]
    assert said == ["open", "closed"]


def test_points_are_given_by_hand_and_taken_back(school: School) -> None:
    """Each is a row of its own; nobody falls below nothing."""
    client = client_of("alice")
    chosen = ["0:s-1", "0:s-2"]
    assert send(client, school.lesson, "points", points="1").status_code == 400
    send(client, school.lesson, "points", student=["0:s-1"], points="1")
    html = client.get(f"/lessons/{school.lesson.lesson_id}/now").content.decode()
    assert "1 point" in html.split('id="row-s-1"')[1].split("</li>")[0]
    send(client, school.lesson, "points", student=chosen, points="-1", reason="by mistake")
    rows = ParticipationPoint.objects.order_by("id").values_list("person", "points", "reason")
    assert list(rows) == [("s-1", 1, ""), ("s-1", -1, "by mistake")]
