"""The event: its schema, and that nothing else passes for one."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

import kiosk
from kiosk.__main__ import main
from kiosk.errors import PayloadError
from kiosk.protocol.event import DecisionRecord, Event, decode, encode, schema

EVENT = Event(
    event_id="019a0000-0000-7000-8000-000000000001",
    site="school",
    room="room-1",
    kiosk="kiosk-1",
    subject_id="s-1",
    session="2026-11-24/maths-7b",
    time="2026-11-24T08:01:02.345+01:00",
    clock="synchronised",
    boot_id="boot-1",
    monotonic_s=12.5,
    sequence=1,
    direction="left",
    decision=DecisionRecord(
        score=0.7, margin=0.3, threshold=0.5, votes=3, frames=4, quality=0.8, model_id="m"
    ),
)


def changed(path: str, value: object) -> bytes:
    """The event with one field exchanged or added; ``...`` removes it."""
    fields: dict[str, Any] = msgspec.to_builtins(EVENT)
    place = fields["decision"] if path.startswith("decision.") else fields
    key = path.removeprefix("decision.")
    if value is ...:
        del place[key]
    else:
        place[key] = value
    return json.dumps(fields).encode()


def test_the_schema_file_is_what_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    """kiosk/event.schema.json is `kiosk schema`: run that again when this fails."""
    assert main(["schema"]) == 0
    file = Path(kiosk.__file__).parent / "protocol" / "event.schema.json"
    assert file.read_text() == capsys.readouterr().out


def test_the_schema_is_a_schema() -> None:
    """The JSON Schema is valid itself, and closed to fields it does not know."""
    Draft202012Validator.check_schema(schema())
    definitions = schema()["$defs"]
    assert [definitions[name]["additionalProperties"] for name in ("Event", "DecisionRecord")] == [
        False,
        False,
    ]


def test_an_event_comes_back_as_it_was() -> None:
    """Written and read, an event is the same, and its JSON keeps to the schema."""
    assert decode(encode(EVENT)) == EVENT
    Draft202012Validator(schema()).validate(json.loads(encode(EVENT)))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("name", "Ada Lovelace"),
        ("decision.image", ""),
        ("schema_version", 2),
        ("type", "absence"),
        ("event_id", "019a0000-0000-4000-8000-000000000001"),
        ("event_id", 7),
        ("subject_id", ...),
        ("subject_id", None),
        ("session", 1),
        ("time", "2026-11-24T08:01:02Z"),
        ("time", "2026-11-24 08:01:02.345+01:00"),
        ("clock", "right"),
        ("monotonic_s", -0.1),
        ("monotonic_s", "12"),
        ("sequence", 0),
        ("sequence", 1.5),
        ("direction", "up"),
        ("decision", None),
        ("decision.score", 1.1),
        ("decision.margin", -0.1),
        ("decision.votes", 0),
        ("decision.quality", 2),
        ("decision.model_id", ...),
    ],
)
def test_a_field_that_is_wrong_is_refused(path: str, value: object) -> None:
    """Unknown, absent, mistyped and impossible fields are refused, by reader and schema alike."""
    payload = changed(path, value)
    with pytest.raises(PayloadError, match="not an attendance event of schema 1"):
        decode(payload)
    assert not Draft202012Validator(schema()).is_valid(json.loads(payload))


@pytest.mark.parametrize(
    "payload", [b"", b"{", b"[]", b"null", b"\xff", b'"\xff"', b"[" * 10_000, encode(EVENT)[:-1]]
)
def test_what_is_no_event_is_refused(payload: bytes) -> None:
    """What is no JSON, not text, or another thing is a PayloadError."""
    with pytest.raises(PayloadError):
        decode(payload)
