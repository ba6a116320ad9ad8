"""What ``kiosk register`` prints about what it has stored."""

import csv
import json
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connections

from kiosk.__main__ import main
from kiosk.errors import RegisterError
from kiosk.files.file_lock import file_lock
from kiosk.protocol.event import encode
from kiosk.protocol.signature import Signer, fingerprint
from kiosk.register import service
from kiosk.register.config import DatabaseSection
from kiosk.register.ingest.heartbeat import beat
from kiosk.register.ingest.store import store
from kiosk.register.models import Event, Kiosk, KioskKey, Person
from tests.kiosk.register.support import DOOR, NOON, OUTBOX, arrival, event, event_id, health

Run = Callable[..., str]


@pytest.fixture
def run(
    database: DatabaseSection, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    """Run a command that must succeed; return what it prints."""
    path = tmp_path / "register.toml"
    where = f"url = '{database.url}'" if database.url else f"path = '{database.path}'"
    path.write_text(f"[database]\n{where}\n[register]\ntimezone = 'America/Mexico_City'\n")

    def command(*arguments: str, code: int = 0) -> str:
        assert main(["register", "--config", str(path), *arguments]) == code
        output = capsys.readouterr()
        return output.out if code == 0 else output.err

    yield command
    connections.close_all()


def records(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def test_empty_tables_are_explained(run: Run) -> None:
    """A new register says what is not there, in words."""
    assert run("list") == "no events are stored\n"
    assert run("gaps") == "no kiosk was heard yet\n"
    assert run("gaps", "--all") == "no kiosk was heard yet\n"
    assert run("bin") == "no message is in the bin\n"
    assert run("bin", "--alarms") == "no event claims the id or number of another\n"
    assert run("people") == "no list was imported: events of every person are accepted\n"


def test_the_bin_says_how_many_stored_events_have_no_lesson(run: Run) -> None:
    """The page "Bin" shows these; the command must not say that nothing is there."""
    store([arrival(event(1)), arrival(event(2))], NOON)
    Event.objects.filter(sequence=1).update(placing="no lesson")
    assert run("bin").splitlines() == [
        "no message is in the bin",
        '1 stored event without a lesson: see the page "Bin"',
    ]


def test_a_kiosk_whose_key_nobody_has_trusted_is_named(run: Run) -> None:
    """Until then others may speak in its name."""
    store([arrival(event(1))], NOON)
    address = {"site": DOOR.site, "room": DOOR.room, "kiosk": DOOR.kiosk}
    KioskKey.objects.create(**address, public_key="key", announced_at=NOON)
    assert "its key is not trusted yet, " in run("kiosks")


def test_events_are_listed_with_their_names(run: Run) -> None:
    """Scan time and arrival time are local; what is special about an event is noted."""
    store([arrival(event(1)), arrival(event(2, clock="unsynchronised"), "replayed")], NOON)
    Person.objects.create(subject_id="s-0001", name="Ada")
    header, first, second = run("list").splitlines()
    assert header.split() == ["scanned", "arrived", "kiosk", "type", "session", "person", "notes"]
    assert first.split("  ") == [
        *("2026-01-15 05:00:01", "06:00:00", "school/room-1/kiosk-1", "attendance"),
        *("2026-01-15/day", "Ada"),
    ]
    assert second.endswith("s-0002  replayed, clock not synchronised")


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        ([], [1, 2, 3]),
        (["--limit", "2"], [2, 3]),
        (["--person", "s-0002"], [2]),
        (["--kiosk", "kiosk-1"], [1, 2, 3]),
        (["--kiosk", "school/room-9/kiosk-1"], []),
        (["--day", "2026-01-15"], [1, 2, 3]),
        (["--day", "2026-01-14"], []),
    ],
)
def test_events_are_chosen(run: Run, options: list[str], numbers: list[int]) -> None:
    """By day in the school's time zone, kiosk and person; the newest, if there are many."""
    store([arrival(event(number)) for number in (3, 1, 2)], NOON)
    found = records(run("list", "--json", *options))
    assert [one["event"]["sequence"] for one in found] == numbers
    if not numbers:
        assert run("list", *options) == "none matches\n"


def test_gaps_say_what_is_missing_and_what_is_gone(run: Run) -> None:
    """One line for each kiosk; --json has all ranges."""
    store([arrival(event(number)) for number in (1, 4, 6)] + [health(9)], NOON)
    _, line = run("gaps").splitlines()
    assert re.split(r" {2,}", line)[:3] == ["school/room-1/kiosk-1", "1", "6 (2-3, 5, 7-9)"]
    assert line.endswith("6 events expected")
    (facts,) = records(run("gaps", "--json"))
    assert (facts["watermark"], facts["expected"]) == (1, 9)
    assert facts["missing"] == [[2, 3], [5, 5], [7, 9]]
    assert facts["outbox_id"] == OUTBOX


def test_gaps_blame_the_register_if_that_is_away(run: Run) -> None:
    """Of the kiosks it says what was known when the register listened last."""
    then = datetime.now(UTC) - timedelta(hours=1)
    store([arrival(event(1)), health(1, at=then)], then)
    beat("register-1", then)
    said, line = run("gaps", "--all").splitlines()[0], run("gaps", "--all").splitlines()[-1]
    assert said.startswith("the register has received nothing since ")
    assert "complete until" in line
    assert "offline" not in line
    assert records(run("gaps", "--all", "--json"))[0]["register_away_since"]
    beat("register-1", datetime.now(UTC))
    assert "offline since" in run("gaps")
    Kiosk.objects.update(retired_at=datetime.now(UTC))
    assert run("gaps") == "nothing is missing\n"
    assert records(run("gaps", "--all", "--json"))[0]["register_away_since"] is None


def test_the_bin_is_shown_and_processed_again(run: Run, tmp_path: Path) -> None:
    """After the list of people was completed, the events are placed."""
    (tmp_path / "people.csv").write_text("subject_id,name\ns-0001,Ada\n")
    run("people", str(tmp_path / "people.csv"))
    store([arrival(event(1)), arrival(event(2)), arrival(b"\x1b{")], NOON)
    assert len(run("bin").splitlines()) == 3
    (foreign,) = records(run("bin", "--json", "--reason", "foreign payload"))
    assert foreign["payload"] == "\x1b{"
    (tmp_path / "people.csv").write_text("subject_id,name\ns-0001,Ada\ns-0002,Ben\n")
    assert run("people", str(tmp_path / "people.csv")) == (
        "1 added, 0 changed, 0 removed\n"
        "1 message waiting for it: the running register tries them again, or `kiosk register bin"
        " --retry` now\n"
    )
    assert run("bin", "--retry") == "1 placed, 1 remain in the bin\n"
    assert Event.objects.count() == 2


def test_alarms_are_shown(run: Run) -> None:
    """Who claims another event's number stands in a list of its own."""
    store([arrival(event(1)), arrival(event(1, event_id=event_id(7)))], NOON)
    assert event_id(7) in run("bin", "--alarms")
    (alarm,) = records(run("bin", "--alarms", "--json"))
    assert alarm["payload"]["event_id"] == event_id(7)


def test_an_export_can_be_repeated(run: Run, tmp_path: Path) -> None:
    """The same position gives the same bytes, whatever came meanwhile."""
    store([arrival(event(2)), arrival(event(1, subject_id="=1+1"))], NOON)
    first, again = tmp_path / "first.csv", tmp_path / "again.csv"
    run("export", str(first))
    position = Event.objects.latest("id").pk
    store([arrival(event(3))], NOON)
    run("export", str(again), "--up-to", str(position))
    assert first.read_bytes() == again.read_bytes()
    rows = list(csv.DictReader(first.read_text().splitlines()))
    assert [row["subject_id"] for row in rows] == ["'=1+1", "s-0002"]
    assert rows[1]["scanned_at"] == "2026-01-15T11:00:02+00:00"


def test_an_export_has_the_days_that_were_asked_for(run: Run) -> None:
    """Days are those of the school's time zone; --json has each event as it came."""
    store([arrival(event(1)), arrival(event(2, time="2026-01-14T23:00:00.000-06:00"))], NOON)
    found = records(run("export", "-", "--json", "--to", "2026-01-14"))
    assert [one["event"]["sequence"] for one in found] == [2]
    assert "before --from" in run("export", "-", "--from", "2026-01-15", "--to", "2026-01-14",
                                  code=78)  # fmt: skip


@pytest.mark.parametrize("command", [["export"], ["export-marks", "marks"]])
@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_an_export_replaces_no_file_of_the_register(
    command: list[str], run: Run, tmp_path: Path
) -> None:
    """The database, what is beside it and the configuration stay; a second name is asked for."""
    store([arrival(event(1))], NOON)
    (tmp_path / "link").symlink_to(tmp_path / "register.sqlite3")
    for name, what in (
        ("register.sqlite3", "the file that database.path names"),
        ("register.sqlite3-wal", "the file that database.path names"),
        ("link", "the file that database.path names"),
        ("register.toml", "the configuration"),
    ):
        path = tmp_path / name
        said = f"kiosk: {path}: this is {what}; nothing was written, give another name\n"
        assert run(*command, str(path), code=78) == said
    assert Event.objects.count() == 1
    for _ in range(2):  # a script may write one file again and again
        run(*command, str(tmp_path / "out"))


def test_an_export_that_cannot_be_written_is_named(run: Run) -> None:
    """The message has the file and the reason."""
    assert "/no/such/file: cannot be written" in run("export", "/no/such/file", code=74)


def test_a_list_is_imported_whole_or_not_at_all(run: Run, tmp_path: Path) -> None:
    """A dry run and a malformed file change nothing."""
    path = tmp_path / "people.csv"
    path.write_text("subject_id,name\ns-1,Ada\ns-2,Ben\n")
    assert run("people", str(path), "--dry-run").startswith("nothing imported; would be: 2 added")
    assert not Person.objects.exists()
    run("people", str(path))
    path.write_text("subject_id,name\ns-3,Ida\ns-3,Eve\n")
    assert "the same subject_id" in run("people", str(path), code=65)
    assert run("people").splitlines()[1:] == ["s-1         Ada", "s-2         Ben"]
    path.write_text("subject_id,name\ns-1,Ada L.\ns-3,Ida\n")
    assert records(run("people", str(path), "--json")) == [
        {"added": 1, "changed": 1, "removed": 1, "waiting": 0, "dry_run": False}
    ]


def test_kiosks_are_listed_with_their_state(run: Run, tmp_path: Path) -> None:
    """The list keeps what was heard of a kiosk; one that was never heard is shown, too."""
    store([health(0)], NOON)
    path = tmp_path / "kiosks.csv"
    path.write_text("site,room,kiosk\nschool,room-1,kiosk-1\nschool,room-2,kiosk-2\n")
    assert run("kiosks", str(path)) == "2 added, 0 changed, 0 removed\n"
    assert Kiosk.objects.get(room="room-1").health_at == NOON
    _, first, second = run("kiosks").splitlines()
    assert "offline since 2026-01-15" in first
    assert second.endswith("not known yet")
    path.write_text("site,room,kiosk\nschool,room-1,kiosk/1\n")
    assert "1 line with a name that no kiosk can have" in run("kiosks", str(path), code=65)


def test_a_database_that_is_away_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A command does not wait for it."""
    path = tmp_path / "register.toml"
    path.write_text("[database]\nurl = 'postgresql://me@127.0.0.1:1/none'\n")
    assert main(["register", "list", "--config", str(path)]) == 74
    error = capsys.readouterr().err
    assert error.startswith("kiosk: PostgreSQL 127.0.0.1, database none: ")
    assert error.count("\n") == 1


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_a_second_register_with_one_database_is_refused(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first one is named, before both fight for the broker; a register that ended is none."""
    lock = tmp_path / ".lock-register.sqlite3-register-1"
    held = file_lock(lock, "kiosk register run", busy="", error=RegisterError, owner_of=tmp_path)
    with held:
        said = run("run", code=75)
    assert f"{tmp_path}/register.sqlite3: `kiosk register run` (process " in said
    assert "is running as register-1 with this database; stop it first" in said
    monkeypatch.setattr(service, "_serve", lambda _: 0)
    run("run")


@pytest.mark.slow
def test_pages_that_cannot_listen_name_the_keys(tmp_path: Path) -> None:
    """Another program has the port; the exit code is one of ours."""
    path = tmp_path / "register.toml"
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        path.write_text(f"[database]\npath = '{tmp_path}/r.sqlite3'\n[pages]\nport = {port}\n")
        command = [sys.executable, "-m", "kiosk", "register", "pages", "--config", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == RegisterError.exit_code
    assert f"pages.host, pages.port: cannot listen at 127.0.0.1:{port}" in done.stderr


def test_two_kiosks_with_one_name_are_shown(run: Run) -> None:
    """`gaps` and `kiosks` say so, although nothing is missing."""
    now = datetime.now(UTC)
    for minute, boot in enumerate(["boot-1", "boot-2", "boot-1"]):
        at = now + timedelta(minutes=minute - 3)
        said = {"outbox_id": OUTBOX, "boot_id": boot, "time": at.isoformat(timespec="milliseconds")}
        store([arrival(msgspec.json.encode(said), "health", at=at)], now)
    for command in ("gaps", "kiosks"):
        assert "two kiosks use this name" in run(command)
    assert records(run("gaps", "--json"))[0]["is_name_shared"]


def test_a_person_trusts_the_key_of_a_kiosk(run: Run) -> None:
    """The fingerprint is printed to compare; unsigned events then go to the bin."""
    signer = Signer(Ed25519PrivateKey.generate(), DOOR)
    address = "school/room-1/kiosk-1"
    assert "has not announced a key yet" in run("kiosks", "--trust", address, code=78)
    assert "expected SITE/ROOM/KIOSK" in run("kiosks", "--trust", "room-1/kiosk-1", code=78)
    said = {"outbox_id": OUTBOX, "public_key": signer.public_key}
    store([arrival(msgspec.json.encode(said), "health")], NOON)
    assert records(run("kiosks", "--json"))[0]["key"] == "announced"
    first, *_ = run("kiosks", "--trust", address).splitlines()
    assert first.endswith(f"the key with the fingerprint {fingerprint(signer.public_key)}")
    store([arrival(event(1)), arrival(signer.sign(encode(event(2))))], NOON)
    assert "not signed" in run("bin", "--reason", "signature not accepted")
    assert run("bin", "--retry") == "0 placed, 1 remain in the bin\n"
    assert records(run("kiosks", "--json"))[0]["key"] == "trusted"
    assert (
        run("kiosks", "--distrust", address) == f"{address}: keys that are no longer trusted: 1\n"
    )
    assert run("bin", "--retry") == "1 placed, 0 remain in the bin\n"
