"""Events: strict to write, tolerant to read, and described by their JSON Schema."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator

import kiosk
from kiosk.__main__ import main
from kiosk.errors import PayloadError
from kiosk.protocol.event import (
    EVENT_TYPES,
    AttendanceEvent,
    BaseEvent,
    DecisionRecord,
    Event,
    ParticipationEvent,
    PersonEvent,
    TimeCorrectionEvent,
    UnknownEvent,
    decode,
    encode,
    event_type,
    schema,
)

EVENT = AttendanceEvent(
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
    outbox_id="00000000-0000-4000-8000-000000000001",
    sequence=1,
    direction="left",
    decision=DecisionRecord(
        score=0.7, margin=0.3, threshold=0.5, votes=3, frames=4, quality=0.8, model_id="m"
    ),
)


PARTICIPATION = ParticipationEvent(
    **{
        name: getattr(EVENT, name)
        for name in PersonEvent.__struct_fields__
        if name != "schema_version"
    },
    count=2,
)
CARD = msgspec.structs.replace(EVENT, method="qr", decision=msgspec.UNSET, direction=None)
CORRECTION = TimeCorrectionEvent(
    **{
        name: getattr(EVENT, name)
        for name in BaseEvent.__struct_fields__
        if name != "schema_version"
    },
    corrects=EVENT.event_id,
    corrected_time=EVENT.time,
)
DEEP = b'{"new":' + b"[" * 100_000 + b"]" * 100_000 + b"}"


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
    """kiosk/protocol/event.schema.json is `kiosk schema`: run that again when this fails."""
    assert main(["schema"]) == 0
    file = Path(kiosk.__file__).parent / "protocol" / "event.schema.json"
    assert file.read_text() == capsys.readouterr().out


def test_the_schema_is_a_schema() -> None:
    """The JSON Schema is valid itself."""
    Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize(
    "event",
    [EVENT, PARTICIPATION, CORRECTION, CARD],
    ids=["face", "participation", "correction", "card"],
)
def test_an_event_survives_the_wire(event: Event) -> None:
    """Written and read, an event of each type is the same, and its JSON keeps to the schema."""
    assert decode(encode(event)) == event
    Draft202012Validator(schema()).validate(json.loads(encode(event)))


def test_every_event_type_has_an_example_here() -> None:
    """A new event type needs an example in this file."""
    assert {event_type(one) for one in (EVENT, PARTICIPATION, CORRECTION)} == set(EVENT_TYPES)


WRONG = [
    ("event_id", "019a0000-0000-4000-8000-000000000001"),
    ("event_id", 7),
    ("outbox_id", "019a0000-0000-7000-8000-000000000001"),
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
    ("method", "finger"),
    ("decision.score", 1.1),
    ("decision.margin", -0.1),
    ("decision.votes", 0),
    ("decision.quality", 2),
]


@pytest.mark.parametrize(
    ("path", "value"),
    [*WRONG, ("subject_id", ...), ("decision.model_id", ...), ("decision", ...), ("type", ...)],
)
def test_a_wrong_field_is_rejected(path: str, value: object) -> None:
    """Absent, mistyped and impossible fields are rejected, by reader and schema alike."""
    payload = changed(path, value)
    with pytest.raises(PayloadError, match="not an event of schema 1: "):
        decode(payload)
    assert not Draft202012Validator(schema()).is_valid(json.loads(payload))


@pytest.mark.parametrize(
    ("field", "value"), [(path, value) for path, value in WRONG if "." not in path]
)
def test_a_wrong_field_is_never_written(field: str, value: object) -> None:
    """Writing is strict: an event that breaks the schema is rejected before it is stored."""
    with pytest.raises(PayloadError, match="not an event of schema 1"):
        encode(msgspec.structs.replace(EVENT, **{field: value}))


@pytest.mark.parametrize("path", ["name", "decision.image"])
def test_an_unknown_field_is_ignored(path: str) -> None:
    """Reading is tolerant: a field of a newer kiosk does not make the event unreadable."""
    assert decode(changed(path, {"new": [1]})) == EVENT


def test_an_event_of_an_older_kiosk_is_read() -> None:
    """A kiosk before version 0.2 sent no outbox_id."""
    assert decode(changed("outbox_id", ...)) == msgspec.structs.replace(EVENT, outbox_id=None)


@pytest.mark.parametrize(("path", "value"), [("type", "absence"), ("schema_version", 2)])
def test_an_unknown_type_is_not_a_bad_payload(path: str, value: object) -> None:
    """A type or schema version of a newer kiosk is not an error: the reader counts it."""
    unknown = decode(changed(path, value))
    assert isinstance(unknown, UnknownEvent)
    assert getattr(unknown, path) == value


@pytest.mark.parametrize(
    "payload",
    [b"", b"{", b"[]", b"null", b"\xff", b'"\xff"', b"[" * 10_000, DEEP, encode(EVENT)[:-1]],
)
def test_what_is_not_an_event_is_rejected(payload: bytes) -> None:
    """Bytes that are not JSON, not text, nested too deeply or not an event raise PayloadError."""
    with pytest.raises(PayloadError):
        decode(payload)
