"""Load and save the states of outboxes."""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, Final, TypeAlias

import msgspec
from django.db import connection

from kiosk.decoder import decoder_of
from kiosk.protocol.topics import KioskAddress
from kiosk.register.among import as_utc, plain, writer_of_times
from kiosk.register.ingest.outbox_state import OutboxState
from kiosk.register.ingest.ranges import Ranges
from kiosk.register.models import Outbox

_TYPES: Final = {
    "site": "text",
    "room": "text",
    "kiosk": "text",
    "watermark": "bigint",
    "beyond": "text",
    "reported_last": "bigint",
    "reported_at": "timestamptz",
    "covered_at": "timestamptz",
    "missing_since": "timestamptz",
    "request_after": "timestamptz",
    "requests": "integer",
    "outbox_id": "text",
}
COLUMNS: Final = tuple(_TYPES)
_UPSERT: Final = (
    "INSERT INTO register_outbox ({columns}) {rows} ON CONFLICT (outbox_id) DO UPDATE SET {changes}"
)
_PARTS: Final = {
    "columns": ", ".join(COLUMNS),
    "changes": ", ".join(f"{one} = excluded.{one}" for one in COLUMNS[:-1]),
}
_UPSERT_ROW: Final = _UPSERT.format(rows=f"VALUES ({', '.join(['%s'] * len(_TYPES))})", **_PARTS)
_ARRAYS: Final = ", ".join(f"%s::{one}[]" for one in _TYPES.values())
_UPSERT_ARRAYS: Final = _UPSERT.format(
    rows=f"SELECT * FROM unnest({_ARRAYS})",  # noqa: S608 - of constants
    **_PARTS,
)
_NONE_BEYOND: Final = "[]"

Row: TypeAlias = tuple[Any, ...]
"""The columns of an outbox. Rows and not models: a batch may touch as many as it has events."""


def lock_states(addresses: Mapping[str, KioskAddress]) -> dict[str, OutboxState]:
    """Load the states of these outboxes, and keep other instances from changing them meanwhile.

    Args:
        addresses: Where each was heard; an outbox that is new starts from there.

    Returns:
        States by outbox id. The caller holds a transaction, which ends the lock.
    """
    states = _lock(addresses)
    new = sorted(set(addresses) - set(states))
    if new:
        Outbox.objects.bulk_create(
            [_model_of(OutboxState(outbox_id=one, address=addresses[one])) for one in new],
            ignore_conflicts=True,  # another instance may have heard it, too
        )
        states |= _lock(new)
    return states


def save_states(states: Iterable[OutboxState]) -> None:
    """Write states that have changed."""
    adapt = writer_of_times()
    rows = [_row_of(one, adapt) for one in states]
    if not rows:
        return
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.executemany(_UPSERT_ROW, rows)
        else:  # in one statement: each has a price over the network
            cursor.execute(_UPSERT_ARRAYS, [list(column) for column in zip(*rows, strict=True)])


def claim_request(before: OutboxState, after: OutboxState) -> bool:
    """Store that a request is made, unless another instance was faster.

    Returns:
        Whether this instance is the one to make the request.
    """
    changed = Outbox.objects.filter(
        outbox_id=before.outbox_id, request_after=before.request_after, requests=before.requests
    ).update(request_after=after.request_after, requests=after.requests)
    return changed == 1


def load_states(
    sites: Collection[str] = (),
    *,
    missing_before: datetime | None = None,
) -> list[OutboxState]:
    """Return outboxes, by address.

    Args:
        sites: Only those of these sites; empty for all.
        missing_before: Only those of which a number has been missing since before this time.
    """
    rows = Outbox.objects.order_by("site", "room", "kiosk", "outbox_id")
    if sites:
        rows = rows.filter(site__in=sites)
    if missing_before is not None:
        rows = rows.filter(missing_since__lte=missing_before)
    return [state_of(row) for row in rows.values_list(*COLUMNS)]


def _lock(outbox_ids: Iterable[str]) -> dict[str, OutboxState]:
    # All instances lock in the same order, so none waits for another in a circle.
    rows = Outbox.objects.select_for_update().filter(outbox_id__among=outbox_ids)
    states = map(state_of, plain(rows.order_by("outbox_id").values_list(*COLUMNS)))
    return {one.outbox_id: one for one in states}


def state_of(row: Row) -> OutboxState:
    """Return the state of a row of :data:`COLUMNS`, as the database gives it."""
    site, room, kiosk, watermark, beyond, *others, outbox_id = row
    reported_last, reported_at, covered_at, missing_since, request_after, requests = others
    return OutboxState(
        outbox_id=outbox_id,
        address=KioskAddress(site, room, kiosk),
        watermark=watermark,
        beyond=() if beyond == _NONE_BEYOND else decoder_of(Ranges).decode(beyond),
        reported_last=reported_last,
        reported_at=as_utc(reported_at),
        covered_at=as_utc(covered_at),
        missing_since=as_utc(missing_since),
        request_after=as_utc(request_after),
        requests=requests,
    )


def _row_of(state: OutboxState, adapt: Callable[[datetime | None], Any]) -> Row:
    return (
        state.address.site,
        state.address.room,
        state.address.kiosk,
        state.watermark,
        msgspec.json.encode(state.beyond).decode() if state.beyond else _NONE_BEYOND,
        state.reported_last,
        adapt(state.reported_at),
        adapt(state.covered_at),
        adapt(state.missing_since),
        adapt(state.request_after),
        state.requests,
        state.outbox_id,
    )


def _model_of(state: OutboxState) -> Outbox:
    return Outbox(**dict(zip(COLUMNS, _row_of(state, lambda value: value), strict=True)))
