"""Events that the tests of the viewer share."""

from zoneinfo import ZoneInfo

import msgspec

from kiosk.people.roster import Roster
from kiosk.protocol.event import AttendanceEvent, DecisionRecord, ParticipationEvent, PersonEvent

BERLIN = ZoneInfo("Europe/Berlin")
ROSTER = Roster({"s1": "Ada Lovelace"})
DECISION = DecisionRecord(
    score=0.7, margin=0.3, threshold=0.5, votes=4, frames=5, quality=0.9, model_id="m"
)
FIRST = AttendanceEvent(
    event_id="019ab000-0000-7000-8000-000000000001",
    site="school",
    room="room-1",
    kiosk="kiosk-1",
    subject_id="s1",
    session="2026-11-24/maths",
    time="2026-11-24T08:01:02.003+01:00",
    clock="synchronised",
    boot_id="boot-1",
    monotonic_s=12.5,
    sequence=1,
    decision=DECISION,
)


def event(number: int = 1, **changes: str) -> AttendanceEvent:
    """An event with an id of its own, otherwise as FIRST."""
    event_id = f"019ab000-0000-7000-8000-{number:012d}"
    return msgspec.structs.replace(FIRST, event_id=event_id, **changes)


def changed(**changes: object) -> bytes:
    """FIRST as JSON, with some fields put to other values."""
    return msgspec.json.encode({**msgspec.to_builtins(FIRST), **changes})


def participation(number: int, count: int, **changes: str) -> ParticipationEvent:
    """A participation event of the person of FIRST, with an id of its own."""
    shared = {name: getattr(FIRST, name) for name in PersonEvent.__struct_fields__}
    del shared["schema_version"]
    event_id = f"019ab000-0000-7000-8000-{number:012d}"
    return ParticipationEvent(**{**shared, "event_id": event_id, "count": count, **changes})
