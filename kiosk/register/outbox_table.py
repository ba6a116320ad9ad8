"""Load and save the states of outboxes."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
from django.db import connection

from kiosk.protocol.topics import KioskAddress
from kiosk.register.models import Outbox
from kiosk.register.outbox_state import OutboxState
from kiosk.register.ranges import Range

_UPDATE: Final = (
    "UPDATE register_outbox SET site = %s, room = %s, kiosk = %s, watermark = %s, beyond = %s, "
    "reported_last = %s, reported_at = %s, covered_at = %s, missing_since = %s, "
    "request_after = %s, requests = %s WHERE outbox_id = %s"
)


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
            [_row(OutboxState(outbox_id=one, address=addresses[one])) for one in new],
            ignore_conflicts=True,  # another instance may have heard it, too
        )
        states |= _lock(new)
    return states


def save_states(states: Iterable[OutboxState]) -> None:
    """Write states that have changed."""
    rows = [(*_values(one).values(), one.outbox_id) for one in states]
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(_UPDATE, rows)


def state_of(row: Outbox) -> OutboxState:
    """Return the state that a row holds."""
    return OutboxState(
        outbox_id=row.outbox_id,
        address=KioskAddress(row.site, row.room, row.kiosk),
        watermark=row.watermark,
        beyond=msgspec.json.decode(row.beyond, type=tuple[Range, ...]),
        reported_last=row.reported_last,
        reported_at=row.reported_at,
        covered_at=row.covered_at,
        missing_since=row.missing_since,
        request_after=row.request_after,
        requests=row.requests,
    )


def claim_request(before: OutboxState, after: OutboxState) -> bool:
    """Store that a request is made, unless another instance was faster.

    Returns:
        Whether this instance is the one to make the request.
    """
    changed = Outbox.objects.filter(
        outbox_id=before.outbox_id, request_after=before.request_after, requests=before.requests
    ).update(request_after=after.request_after, requests=after.requests)
    return changed == 1


def missing_before(moment: datetime) -> list[OutboxState]:
    """Return the outboxes of which a number has been missing since before ``moment``."""
    return [state_of(row) for row in Outbox.objects.filter(missing_since__lte=moment)]


def all_states() -> list[OutboxState]:
    """Return every outbox, by address."""
    rows = Outbox.objects.order_by("site", "room", "kiosk", "outbox_id")
    return [state_of(row) for row in rows]


def _lock(outbox_ids: Iterable[str]) -> dict[str, OutboxState]:
    # All instances lock in the same order, so none waits for another in a circle.
    rows = Outbox.objects.select_for_update().filter(outbox_id__in=outbox_ids)
    return {row.outbox_id: state_of(row) for row in rows.order_by("outbox_id")}


def _row(state: OutboxState) -> Outbox:
    address = state.address
    return Outbox(
        outbox_id=state.outbox_id,
        site=address.site,
        room=address.room,
        kiosk=address.kiosk,
        watermark=state.watermark,
        beyond="[]",
        reported_last=state.reported_last,
        requests=state.requests,
    )


def _values(state: OutboxState) -> dict[str, Any]:
    """Return the columns of a row, in the order of the statement above."""
    adapt = connection.ops.adapt_datetimefield_value
    return {
        "site": state.address.site,
        "room": state.address.room,
        "kiosk": state.address.kiosk,
        "watermark": state.watermark,
        "beyond": msgspec.json.encode(state.beyond).decode(),
        "reported_last": state.reported_last,
        "reported_at": adapt(state.reported_at),
        "covered_at": adapt(state.covered_at),
        "missing_since": adapt(state.missing_since),
        "request_after": adapt(state.request_after),
        "requests": state.requests,
    }
