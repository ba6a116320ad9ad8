"""Process messages in the bin again: after a list was imported, a clock was set, an update."""

from collections.abc import Collection
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import QuerySet

from kiosk.protocol.topics import parse_topic
from kiosk.register.identity.keys import SignaturePolicy
from kiosk.register.ingest.bin_table import digest
from kiosk.register.ingest.store import store
from kiosk.register.messages.arrival import Arrival
from kiosk.register.models import BinEntry

_CHUNK: Final = 500


def retry_due(sites: Collection[str], now: datetime, policy: SignaturePolicy) -> bool:
    """Process the messages again that may be placed by now, without anybody asking for it.

    Args:
        sites: The sites that this instance serves; empty for all.
        now: The current time, UTC.
        policy: Whose messages must be signed.

    Returns:
        Whether more are due.
    """
    due = BinEntry.objects.filter(due_at__lte=now, dismissed_at=None)
    if sites:
        topics = ((one.pk, parse_topic(one.topic)) for one in due.only("topic").iterator())
        own = [key for key, topic in topics if topic is not None and topic.address.site in sites]
        due = BinEntry.objects.filter(pk__in=own[:_CHUNK])
    return sum(retry_bin(due.order_by("pk")[:_CHUNK], now, policy)) == _CHUNK


def retry_bin(
    entries: QuerySet[BinEntry], now: datetime, policy: SignaturePolicy
) -> tuple[int, int]:
    """Place what can be placed by now; the rest stays, with its reason as it is now.

    Args:
        entries: Which entries to process.
        now: The current time, UTC.
        policy: Whose messages must be signed.

    Returns:
        How many were placed, and how many of these entries remain.
    """
    placed = remaining = 0
    ids = list(entries.values_list("pk", flat=True))
    for start in range(0, len(ids), _CHUNK):
        chunk = list(BinEntry.objects.filter(pk__in=ids[start : start + _CHUNK]).order_by("pk"))
        kept = _retry(chunk, now, policy)
        placed += len(chunk) - kept
        remaining += kept
    return placed, remaining


def _retry(entries: list[BinEntry], now: datetime, policy: SignaturePolicy) -> int:
    """Process a few entries in one transaction; return how many remain."""
    arrivals = [Arrival(one.topic, bytes(one.payload), one.arrived_at) for one in entries]
    with transaction.atomic():
        stored = store(arrivals, now, policy)
        still = {digest(one.arrival): one for one in stored.rejected}
        BinEntry.objects.filter(
            pk__in=[one.pk for one in entries if one.digest not in still]
        ).delete()
        kept = [one for one in entries if one.digest in still]
        for one in kept:
            one.reason = still[one.digest].reason.value
            one.detail = still[one.digest].detail
            one.due_at = still[one.digest].due_at
        BinEntry.objects.bulk_update(kept, ["reason", "detail", "due_at"])
    return len(kept)
