"""Whatever is published, the register stores it or puts it into the bin, and goes on."""

import json
import os
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec import structs

from kiosk.protocol.availability import Availability, encode_availability
from kiosk.protocol.delivery import ReplayDone, encode_delivery
from kiosk.protocol.erasure import ErasureReceipts, ErasureResult, NotErased, encode_receipts
from kiosk.protocol.event import ParticipationEvent, TimeCorrectionEvent, encode
from kiosk.protocol.health import encode_health
from kiosk.register.commands.gaps import as_record
from kiosk.register.config import RegisterConfig, RegisterSection
from kiosk.register.ingest.store import store
from kiosk.register.messages.arrival import Arrival
from kiosk.register.office.kiosk_view import load_kiosks
from kiosk.register.overview.status import load_statuses
from tests.hostile import altered, broken
from tests.kiosk.protocol.test_health import HEALTH
from tests.kiosk.register.marking.support import work
from tests.kiosk.register.support import DOOR, NOON, OUTBOX, event, event_id

_COMMON: dict[str, Any] = {
    "sequence": 2,
    "outbox_id": OUTBOX,
    "session": "2026-01-15/day",
    "clock": "synchronised",
    "site": DOOR.site,
    "room": DOOR.room,
    "kiosk": DOOR.kiosk,
    "boot_id": "boot-1",
    "time": "2026-01-15T11:00:02.000+00:00",
    "monotonic_s": 2.0,
}
_PERSON = event(1)
_VALID = {
    "attendance": encode(_PERSON),
    "participation": encode(
        ParticipationEvent(
            event_id=event_id(2), subject_id="s-0001", decision=_PERSON.decision, count=1, **_COMMON
        )
    ),
    "time-correction": encode(
        TimeCorrectionEvent(
            event_id=event_id(3),
            corrects=_PERSON.event_id,
            corrected_time="2026-01-15T11:00:00.000+00:00",
            **{**_COMMON, "sequence": 3},
        )
    ),
    "availability": encode_availability(Availability(state="online", boot_id="b", version="1")),
    "health": encode_health(structs.replace(HEALTH, watching_s=60.0)),
    "replay-done": encode_delivery(ReplayDone(outbox_id=OUTBOX, first=1, last=9, gone=((2, 4),))),
    "erasure-receipt": encode_receipts(
        ErasureReceipts(
            version=1,
            results=(
                ErasureResult(
                    order=OUTBOX,
                    erased={"gallery": 1},
                    not_erased=(NotErased(place="roster", why="locked"),),
                ),
            ),
        )
    ),
}


def _payloads(kind: str) -> st.SearchStrategy[tuple[str, bytes]]:
    contents = list(_VALID.values()) if kind in {"replayed", "visitor"} else [_VALID[kind]]
    messages: list[dict[str, Any]] = [json.loads(one) for one in contents]
    return st.tuples(st.just(kind), altered(messages) | altered(messages) | broken(contents))


TIMES = int(os.environ.get("HOSTILE_TIMES", "10"))
CONFIG = RegisterConfig(register=RegisterSection(timezone="America/Mexico_City"))
_YEAR_1 = b"0001-01-01T00:00:00.000+00:00"


@pytest.mark.parametrize("kind", ["sqlite"])
@pytest.mark.usefixtures("database")
@settings(max_examples=TIMES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.one_of([_payloads(one) for one in (*_VALID, "replayed", "visitor")]), st.booleans()
        ),
        min_size=1,
        max_size=4,
    )
)
@example(
    [
        (("health", _VALID["health"].replace(HEALTH.time.encode(), _YEAR_1)), True),
        (("attendance", _VALID["attendance"].replace(_PERSON.time.encode(), _YEAR_1)), False),
    ]
)
def test_nothing_that_is_published_stops_the_register(
    messages: list[tuple[tuple[str, bytes], bool]],
) -> None:
    """Law: whatever the messages, they are stored, and what they say can be shown afterwards."""
    arrivals = [
        Arrival(DOOR.topic(kind), payload, NOON, is_retained)
        for (kind, payload), is_retained in messages
    ]
    store(arrivals, NOON)
    now = NOON + timedelta(minutes=1)
    work(now)
    load_kiosks(now)
    for one in load_statuses(now):
        json.dumps(as_record(one, CONFIG, now), default=str)
