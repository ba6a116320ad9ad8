"""An erasure at the register deletes every row that names a person, and no kiosk brings it back."""

import json
import logging
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from django.apps import apps
from django.db import connection, connections

from kiosk.__main__ import main
from kiosk.errors import RosterError
from kiosk.protocol.event import encode
from kiosk.register.config import DatabaseSection
from kiosk.register.erasing.erase import erase_subject, lift_erasure
from kiosk.register.erasing.table_words import rows_text
from kiosk.register.ingest.store import store
from kiosk.register.messages.arrival import Arrival
from kiosk.register.models import (
    Account,
    Alarm,
    BinEntry,
    Card,
    Consent,
    Dismissal,
    Erasure,
    Event,
    Guest,
    Lesson,
    Mark,
    MarkChange,
    Membership,
    Outbox,
    ParticipationPoint,
    Person,
    Publication,
    SchoolClass,
    Upload,
)
from tests.kiosk.register.support import DOOR, NOON, arrival, event, event_id

pytestmark = pytest.mark.usefixtures("database")
WHO, OTHER = "s-secret", "s-other"
LATER = NOON + timedelta(days=1)


def put(*arrivals: Arrival) -> None:
    store(arrivals, NOON)


def of(number: int, subject_id: str = WHO, *, id_of: int | None = None) -> Arrival:
    """The event of this number, with the event id of its own or of another number."""
    name = event(number).event_id if id_of is None else event_id(id_of)
    return arrival(event(number, subject_id=subject_id, event_id=name))


def fill() -> None:
    """Give both people a row in every table that may name somebody."""
    put(of(1), of(2, OTHER), of(1, id_of=77), of(2, OTHER, id_of=78))
    put(*(arrival(f'{{"subject_id":"{who}"}}'.encode()) for who in (WHO, OTHER)))
    lesson = Lesson.objects.create(
        lesson_id="maths-7b", school_class=SchoolClass.objects.create(class_id="7b", title="7b"),
        site="school", room="room-1", date=NOON, starts_at=NOON, ends_at=LATER, title="Maths",
    )  # fmt: skip
    office = Account.objects.create(username="office")
    for who in (WHO, OTHER):
        person = Person.objects.create(subject_id=who, name=f"Ada {who}")
        Person.objects.create(subject_id=f"guest of {who}", name=who, merged_into=person)
        seen = Event.objects.get(subject_id=who)
        Membership.objects.create(person=person, school_class=lesson.school_class)
        Consent.objects.create(person=person, given_at=NOON, given_by=who, text_id="1")
        Card.objects.create(card_id=f"CARD{len(who)}", person=person, issued_at=NOON,
                            expires_on=NOON.date())  # fmt: skip
        Mark.objects.create(lesson=lesson, person=person, status="present", derived="present",
                            rule="r", event=seen, updated_at=NOON)  # fmt: skip
        first = MarkChange.objects.create(lesson=lesson, person=person, at=NOON, before="a",
                                          after="b", account=office, version=1)  # fmt: skip
        MarkChange.objects.create(lesson=lesson, person=person, at=NOON, before="b", after="a",
                                  version=2, undoes=first)  # fmt: skip
        ParticipationPoint.objects.create(lesson=lesson, person=person, at=NOON, event=seen)
        Publication.objects.create(topic="t", payload=f'"{who}"'.encode(), retain=False,
                                   made_at=NOON)  # fmt: skip


def naming(who: str) -> list[str]:
    """The tables, of all that there are, in which a row names a person."""
    return sorted(
        model._meta.model_name or ""
        for model in apps.get_models()
        if who in "\n".join(
            str(bytes(value)) if isinstance(value, memoryview | bytes) else str(value)
            for row in model._base_manager.values_list()
            for value in row
        )
    )  # fmt: skip


# What is deleted


def test_every_row_that_names_the_person_is_deleted() -> None:
    """No table names them any more, and all rows of somebody else stay."""
    fill()
    before = naming(OTHER)
    assert naming(WHO) == before
    assert len(before) == 11
    erased = erase_subject(WHO, LATER)
    assert naming(WHO) == []
    assert naming(OTHER) == before
    assert erased.counts == {
        "event": 1, "alarm": 1, "binentry": 1, "person": 2, "membership": 1, "consent": 1,
        "card": 1, "mark": 1, "markchange": 2, "participationpoint": 1, "publication": 1,
    }  # fmt: skip
    assert MarkChange.objects.exclude(undoes=None).count() == 1


def test_the_cards_of_an_erased_person_count_no_more() -> None:
    """They stay in the list that kiosks are sent, revoked and without a name; other cards stay."""
    fill()
    erase_subject(WHO, LATER)
    revoked = Card.objects.exclude(revoked_at=None)
    assert [(one.person_id, one.revoked_at) for one in revoked] == [(None, LATER)]
    assert Card.objects.get(revoked_at=None).person_id == OTHER


def test_a_trial_changes_nothing() -> None:
    """It counts what an erasure would delete."""
    fill()
    trial = erase_subject(WHO, LATER, is_trial=True)
    assert len(naming(WHO)) == 11
    assert not Erasure.objects.exists()
    assert trial.counts == erase_subject(WHO, LATER).counts


def test_the_receipt_names_nobody() -> None:
    """It has the time and the counts, and a hash that knows the person again."""
    put(of(1))
    erase_subject(WHO, LATER)
    receipt = Erasure.objects.get()
    assert (receipt.erased_at, json.loads(receipt.counts)) == (LATER, {"event": 1})
    assert WHO not in receipt.digest


def test_an_unknown_person_is_an_error() -> None:
    """A misspelt id deletes nothing and leaves no receipt; a second erasure is no error."""
    put(of(1))
    with pytest.raises(RosterError, match="'s-secre': nothing in the register names"):
        erase_subject("s-secre", LATER)
    erase_subject(WHO, LATER)
    again = erase_subject(WHO, LATER)
    assert (again.counts, again.was_erased) == ({}, True)


def wait_for_import(text: str, *, until: datetime = LATER) -> None:
    """Keep a file that somebody has uploaded."""
    account, _ = Account.objects.get_or_create(username="office")
    Upload.objects.create(digest="", account=account, kind="roster", file_name="list.csv",
                          options="{}", content=text.encode(), expires_at=until)  # fmt: skip


def test_files_that_wait_for_an_import_are_deleted() -> None:
    """All of them, whoever they name: one in an archive cannot be searched."""
    put(of(1))
    wait_for_import(f"id,name\n{WHO},Ada\n")
    wait_for_import("PK, an archive")
    with pytest.raises(RosterError):
        erase_subject("s-secre", LATER)
    assert Upload.objects.count() == 2
    assert erase_subject(WHO, LATER, is_trial=True).counts == {"event": 1, "upload": 2}
    assert Upload.objects.count() == 2
    assert erase_subject(WHO, LATER).counts == {"event": 1, "upload": 2}
    assert naming(WHO) == []
    assert json.loads(Erasure.objects.get().counts)["upload"] == 2


def test_a_second_erasure_deletes_what_was_uploaded_since() -> None:
    """Somebody has chosen an old list meanwhile."""
    put(of(1))
    erase_subject(WHO, LATER)
    wait_for_import(f"id,name\n{WHO},Ada\n")
    assert erase_subject(WHO, LATER).counts == {"upload": 1}


# What comes later


def test_no_kiosk_brings_an_event_back(caplog: pytest.LogCaptureFixture) -> None:
    """An event sent again, and one that comes late, are not stored; their numbers count."""
    put(of(1), of(2, OTHER))
    erase_subject(WHO, LATER)
    put(arrival(event(1, subject_id=WHO), "replayed"), of(3), of(4, OTHER))
    put(arrival(b'{"type":"new","schema_version":9,' + encode(event(5, subject_id=WHO))[1:]))
    assert list(Event.objects.order_by("sequence").values_list("sequence", flat=True)) == [2, 4]
    assert Outbox.objects.get().watermark == 4
    assert naming(WHO) == []
    assert (BinEntry.objects.count(), Alarm.objects.count()) == (0, 0)
    assert Erasure.objects.get().refused == 3
    assert f"{DOOR.topic('x')[:-2]}: sends events of a person who was erased" in caplog.text
    assert WHO not in caplog.text


def test_no_event_of_an_id_that_was_merged_comes_back() -> None:
    """The person was recorded under a wrong id, too, which a kiosk may still send."""
    put(of(1))
    person, _ = Person.objects.get_or_create(subject_id=WHO)
    Person.objects.create(subject_id="merged-id", is_temporary=True, merged_into=person)
    erase_subject(WHO, LATER)
    put(arrival(event(2, subject_id="merged-id")), of(3), of(4, OTHER))
    assert list(Event.objects.values_list("sequence", flat=True)) == [4]
    assert naming("merged-id") == []


def test_an_erasure_can_be_lifted() -> None:
    """Somebody who agrees again is recorded again; what was erased stays away."""
    put(of(1))
    erase_subject(WHO, LATER)
    assert lift_erasure(WHO, LATER)
    assert not lift_erasure(WHO, LATER)
    put(of(2))
    assert Event.objects.get().sequence == 2
    assert erase_subject(WHO, LATER).counts == {"event": 1}


def test_an_erasure_beside_the_ingest_is_complete() -> None:
    """Whatever is being stored at that moment, no event of the person is there afterwards."""
    is_over = threading.Event()

    def ingest() -> int:
        try:
            for number in count(1, 2):
                is_last = is_over.is_set()
                put(of(number), of(number + 1, OTHER))
                if is_last:
                    return number + 1
        finally:
            connections.close_all()
        raise AssertionError

    put(of(1_000_001))  # a number that the ingest does not reach meanwhile
    with ThreadPoolExecutor() as pool:
        running = pool.submit(ingest)
        while Event.objects.filter(subject_id=OTHER).count() < 5:
            assert not running.done()
        erase_subject(WHO, LATER)
        is_over.set()
        last = running.result()
    assert naming(WHO) == []
    assert Event.objects.count() == last // 2
    assert Outbox.objects.get().watermark == last


# On the disk


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_no_byte_remains_in_the_database(database: DatabaseSection) -> None:
    """The file and its log do not have the id; while somebody reads, the log is named."""
    fill()
    reader = sqlite3.connect(database.path)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM register_event").fetchone()
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 100")
    assert erase_subject(WHO, LATER).in_log
    reader.close()
    assert not erase_subject(WHO, LATER).in_log
    for file in Path(database.path).parent.glob("register.sqlite3*"):
        assert WHO.encode() not in file.read_bytes(), file.name


# The command


def test_every_table_has_words() -> None:
    """A person reads what was deleted, not the name of a table; JSON has that."""
    fill()
    put(arrival(event(9, subject_id=WHO)))
    Guest.objects.create(lesson=Lesson.objects.get(), person_id=WHO, added_at=NOON)
    wait_for_import("")
    for one in Event.objects.all():
        Dismissal.objects.create(event=one, account=Account.objects.get(), at=NOON, why="x")
    counts = erase_subject(WHO, LATER).counts
    related = {one.related_model._meta.model_name for one in Person._meta.related_objects}
    assert related | {"event", "dismissal", "upload"} <= set(counts)
    assert [rows_text(table, 2) for table in sorted(counts)] == [
        "2 alarms", "2 messages in the bin", "2 cards", "2 consents", "2 dismissed events",
        "2 events", "2 visits as a guest", "2 marks", "2 changes of marks",
        "2 memberships of classes", "2 participation points", "2 entries in the list of students",
        "2 messages for kiosks", "2 files that wait for their import",
    ]  # fmt: skip
    assert rows_text("markchange", 1) == "1 change of a mark"


def test_the_command_says_what_it_did_and_what_remains(
    database: DatabaseSection,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As text and as JSON; a trial first; and a misspelt id has an exit code."""
    config = tmp_path / "register.toml"
    config.write_text(
        f"[database]\npath = {json.dumps(database.path)}\nurl = {json.dumps(database.url)}\n"
    )
    caplog.set_level(logging.ERROR, logger="django")
    put(of(1), of(2))
    wait_for_import("id,name")

    def run(*words: str, code: int = 0) -> str:
        assert main(["register", "erase", "--config", str(config), *words]) == code
        printed = capsys.readouterr()
        return printed.err if code else printed.out

    rows = "2 events, 1 file that waits for its import"
    assert run(WHO, "--dry-run").startswith(f"{WHO}: would be deleted: {rows}\n")
    first, *others = run(WHO).splitlines()
    assert first == f"{WHO}: deleted: {rows}"
    assert any(line.startswith("not erased by this: ") for line in others)
    assert others[-1] == "erase the person at each kiosk, too: `kiosk gallery remove`"
    facts = json.loads(run(WHO, "--json"))
    assert (facts["counts"], facts["was_erased"], facts["dry_run"]) == ({}, True, False)
    assert ("VACUUM" in str(facts["remains"])) == bool(database.url)
    assert run(WHO, "--lift") == f"{WHO}: new events are stored again\n"
    assert "was not erased" in run(WHO, "--lift", code=65)
    assert "nothing in the register names this person" in run("s-9", code=65)
