"""Retention: named before it is deleted, in order, with a receipt, and never too much."""

import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.sessions.models import Session
from django.db import connections

from kiosk.__main__ import main
from kiosk.errors import ConfigError, RegisterError
from kiosk.register.config import REGISTER_FILE, DatabaseSection, RetentionSection
from kiosk.register.ingest.store import store
from kiosk.register.marking.daily_retention import DailyRetention
from kiosk.register.marking.rederive import rederive
from kiosk.register.models import (
    Account,
    BinEntry,
    Event,
    Lesson,
    Mark,
    MarkChange,
    Person,
    RetentionRun,
    SchoolClass,
    Upload,
)
from kiosk.register.rules.settings import RuleSettings
from tests.kiosk.register.marking.support import marker_at
from tests.kiosk.register.support import arrival, event

Run = Callable[..., str]
NOW = datetime.now(UTC)


@pytest.fixture
def run(
    database: DatabaseSection, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    """Run the command with so many days; return what it prints."""
    path = tmp_path / "register.toml"
    where = f"url = '{database.url}'" if database.url else f"path = '{database.path}'"

    def command(marks: int, events: int, *arguments: str) -> str:
        days = f"marks_days = {marks}\nevents_days = {events}\n"
        path.write_text(f"[database]\n{where}\n[retention]\n{days}")
        assert main(["register", "--config", str(path), "retention", *arguments]) == 0
        return capsys.readouterr().out

    yield command
    connections.close_all()


def seen(number: int, days_ago: int, **columns: str) -> None:
    """Store an event of so many days ago."""
    at = NOW - timedelta(days=days_ago)
    payload = event(number, time=at.isoformat(timespec="milliseconds"))
    store([arrival(payload, at=at)], at)
    Event.objects.filter(sequence=number).update(placing="placed", **columns)


def lesson(name: str, days_ago: int) -> Lesson:
    """Store a lesson with one mark, which was changed and undone."""
    at = NOW - timedelta(days=days_ago)
    school_class, _ = SchoolClass.objects.get_or_create(class_id="7b", title="7B")
    person, _ = Person.objects.get_or_create(subject_id="s-1", name="Ada")
    row = Lesson.objects.create(
        lesson_id=name, school_class=school_class, site="school", room="room-1", date=at.date(),
        starts_at=at, ends_at=at, title="Maths", swept_at=at,
    )  # fmt: skip
    Mark.objects.create(lesson=row, person=person, status="present", derived="present", rule="r",
                        updated_at=at)  # fmt: skip
    facts: dict[str, Any] = {"lesson": row, "person": person, "at": at, "before": "a", "after": "b"}
    first = MarkChange.objects.create(**facts, version=1)
    MarkChange.objects.create(**facts, version=2, undoes=first)
    return row


def test_what_is_due_is_named_and_stays_in_a_trial(run: Run) -> None:
    """The trial tells tables, days and counts, and deletes nothing."""
    seen(1, 200)
    lesson("old", 200)
    first = (NOW - timedelta(days=100)).date()
    text = run(100, 100, "--dry-run")
    assert text.splitlines()[0] == f"due: 2 changes of marks before {first}"
    assert f"due: 1 event before {first}" in text
    assert "deleted:" not in text
    assert (Event.objects.count(), Mark.objects.count()) == (1, 1)
    assert not RetentionRun.objects.exists()


def test_the_old_is_deleted_and_the_new_stays(run: Run) -> None:
    """Marks with their changes, and events; the lesson stays, so that nothing makes it anew."""
    seen(1, 200)
    seen(2, 50)
    lesson("old", 200)
    lesson("new", 50)
    text = run(100, 100)
    assert "deleted: 2 changes of marks, 1 mark, 1 event\n" in text
    assert list(Event.objects.values_list("sequence", flat=True)) == [2]
    assert list(Mark.objects.values_list("lesson_id", flat=True)) == ["new"]
    assert MarkChange.objects.filter(lesson="new").count() == MarkChange.objects.count() == 2
    assert Lesson.objects.count() == 2
    receipt = RetentionRun.objects.get()
    assert json.loads(receipt.counts) == {"markchange": 2, "mark": 1, "event": 1}
    assert "s-1" not in receipt.counts + receipt.before


def test_the_running_register_deletes_once_a_day(
    database: DatabaseSection, caplog: pytest.LogCaptureFixture
) -> None:
    """At its time, in batches, and named before; what becomes due later goes on the next day."""
    assert database
    caplog.set_level(logging.INFO, "kiosk.register")
    for number in (1, 2, 3):
        seen(number, 200)
    night = datetime.combine(NOW.date(), time(3, 30), UTC)
    daily = DailyRetention(RetentionSection(events_days=100), ZoneInfo("UTC"))
    assert not daily.turn(night - timedelta(seconds=1))
    assert Event.objects.count() == 3
    assert daily.turn(night)
    assert "retention: 3 events before" in caplog.text
    assert not Event.objects.exists()
    assert not daily.turn(night)
    assert json.loads(RetentionRun.objects.get().counts) == {"event": 3}
    seen(4, 200)
    assert not daily.turn(night + timedelta(hours=20))
    assert daily.turn(night + timedelta(days=1))
    assert not Event.objects.exists()


def test_without_a_time_nothing_is_deleted_by_itself(database: DatabaseSection) -> None:
    """Somebody runs the command."""
    assert database
    seen(1, 200)
    section = RetentionSection(at="", events_days=100)
    assert not DailyRetention(section, ZoneInfo("UTC")).turn(NOW)
    assert Event.objects.exists()


def test_the_running_register_deletes_uploads_that_expired(database: DatabaseSection) -> None:
    """Also where nothing else is ever deleted; and sessions that have ended, once it looks."""
    assert database
    office = Account.objects.create(username="office")
    facts: dict[str, Any] = {"account": office, "digest": "", "kind": "roster", "options": "{}"}
    for hours in (0, 1):
        end = NOW + timedelta(hours=hours)
        Upload.objects.create(**facts, file_name=f"{hours}.csv", content=b"s-1", expires_at=end)
        Session.objects.create(session_key=str(hours), session_data="", expire_date=end)
    marker_at(NOW).work()
    assert [one.file_name for one in Upload.objects.all()] == ["1.csv"]
    assert [one.pk for one in Session.objects.all()] == ["1"]
    assert not RetentionRun.objects.exists()


def test_zero_keeps_everything(run: Run) -> None:
    """Without a schedule nothing is due, ever."""
    seen(1, 4000)
    lesson("old", 4000)
    assert "keeps everything" in run(0, 0)
    assert (Event.objects.count(), Mark.objects.count()) == (1, 1)


def test_marks_stay_when_their_events_go(run: Run) -> None:
    """The two are kept for different times; a mark without its event is still a mark."""
    seen(1, 200)
    row = lesson("old", 200)
    Mark.objects.update(event=Event.objects.get())
    run(0, 100)
    assert Mark.objects.get(lesson=row).event is None
    assert not Event.objects.exists()


def test_what_came_late_or_is_not_looked_at_stays(run: Run) -> None:
    """An old scan that arrived today, and an event that the marker has not seen."""
    old = NOW - timedelta(days=200)
    late = event(1, time=old.isoformat(timespec="milliseconds"))
    store([arrival(late, at=NOW)], NOW)
    Event.objects.update(placing="placed")
    seen(2, 200)
    Event.objects.filter(sequence=2).update(placing="new")
    store([arrival(b"no event", at=old), arrival(b"none", at=NOW)], NOW)
    run(0, 100)
    assert Event.objects.count() == 2
    assert BinEntry.objects.count() == 1


def test_days_without_their_events_are_not_decided_again(run: Run) -> None:
    """Otherwise everybody would be absent then."""
    seen(1, 200)
    run(0, 100)
    first = date.fromisoformat(json.loads(RetentionRun.objects.get().before)["event"])
    day = timedelta(days=1)
    with pytest.raises(RegisterError, match="were deleted"):
        rederive(first - day, first, RuleSettings(), NOW, "why", dry_run=True)
    assert rederive(first, first, RuleSettings(), NOW, "why", dry_run=True).lessons == 0


def test_json_has_the_same(run: Run) -> None:
    """For a timer that keeps the receipts."""
    seen(1, 200)
    found = json.loads(run(0, 100, "--json"))
    assert found["due"] == {"event": 1, "alarm": 0, "binentry": 0}
    assert (found["deleted"], found["dry_run"]) == ({"event": 1}, False)


@pytest.mark.parametrize("key", ["marks_days", "events_days"])
def test_the_last_month_is_never_due(key: str) -> None:
    """What can still be corrected is not deleted by a short number."""
    with pytest.raises(ConfigError, match=f"retention.{key}: expected 0"):
        REGISTER_FILE.parse(f"[retention]\n{key} = 30\n".encode(), "register.toml")
