"""The bin as people see it: messages that could not be stored, and events that fit no lesson."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from operator import attrgetter
from typing import Final

from django.db import transaction
from django.db.models import Count, QuerySet

from kiosk.protocol.topics import parse_topic
from kiosk.register.audit import tell
from kiosk.register.identity.keys import SignaturePolicy
from kiosk.register.ingest.retry import retry_bin
from kiosk.register.models import Account, BinEntry, Dismissal, Event
from kiosk.register.models.placing import DISMISSED, NEW
from kiosk.register.office.unknown_people import subject_of

SHOWN: Final = 100
_MESSAGE, _EVENT = "m", "e"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """Something in the bin.

    Attributes:
        key: What names it in a form.
        reason: Why it is here.
        detail: What exactly.
        kiosk: Site, room and kiosk with slashes; the topic if it names no kiosk.
        subject_id: Whom it is about; "" if that is not known.
        scanned_at: The time of an event that is stored; ``None`` for a message.
        arrived_at: When it came.
        dismissed_by, dismissed_why: Who dismissed it, and why; "" if nobody.
    """

    key: str
    reason: str
    detail: str
    kiosk: str
    subject_id: str
    scanned_at: datetime | None
    arrived_at: datetime
    dismissed_by: str = ""
    dismissed_why: str = ""


def reasons() -> dict[str, int]:
    """Return how many are in the bin for each reason, the most frequent first."""
    found = dict(_messages().order_by().values_list("reason").annotate(Count("pk")))
    for placing, count in _events().order_by().values_list("placing").annotate(Count("pk")):
        found[placing] = found.get(placing, 0) + count
    return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))


def count_events() -> int:
    """Return how many stored events are in the bin."""
    return _events().count()


def items(reason: str = "") -> list[Item]:
    """Return the newest items of a reason, or of all; :data:`DISMISSED` is a reason here."""
    if reason == DISMISSED:
        messages = BinEntry.objects.exclude(dismissed_at=None).select_related("dismissed_by")
        events = _not_placed().filter(placing=DISMISSED)
    else:
        messages, events = _messages(), _events()
        if reason:
            messages, events = messages.filter(reason=reason), events.filter(placing=reason)
    found = chain(
        map(_of_message, messages.order_by("-arrived_at", "-pk")[:SHOWN]),
        _of_events(events.order_by("-id")[:SHOWN]),
    )
    return sorted(found, key=attrgetter("arrived_at"), reverse=True)[:SHOWN]


@transaction.atomic
def process_again(keys: Collection[str], now: datetime, policy: SignaturePolicy) -> tuple[int, int]:
    """Give items another chance, dismissed ones too.

    The marker looks at the events at once; what becomes of them is seen when it has.

    Returns:
        How many messages and events left the bin, and how many messages remain.
    """
    messages = BinEntry.objects.filter(pk__in=_numbers(keys, _MESSAGE))
    messages.update(dismissed_at=None, dismissed_by=None, dismissed_why="")
    placed, remaining = retry_bin(messages, now, policy)
    events = _not_placed().filter(pk__in=_numbers(keys, _EVENT)).update(placing=NEW)
    tell("bin", [""], now)
    return placed + events, remaining


@transaction.atomic
def dismiss(keys: Collection[str], account: Account, why: str, now: datetime) -> int:
    """Take items out of the bin, with a reason; return how many."""
    facts = {"dismissed_at": now, "dismissed_by": account, "dismissed_why": why}
    count = _messages().filter(pk__in=_numbers(keys, _MESSAGE)).update(**facts)
    events = list(_events().filter(pk__in=_numbers(keys, _EVENT)))
    Dismissal.objects.bulk_create(
        Dismissal(event=one, account=account, at=now, why=why, placing=one.placing)
        for one in events
    )
    Event.objects.filter(pk__in=[one.pk for one in events]).update(placing=DISMISSED)
    tell("bin", [""], now)
    return count + len(events)


def _messages() -> QuerySet[BinEntry]:
    return BinEntry.objects.filter(dismissed_at=None)


def _events() -> QuerySet[Event]:
    return _not_placed().exclude(placing__in=[NEW, DISMISSED])


def _not_placed() -> QuerySet[Event]:
    # Literally the condition of the index: SQLite does not use it for a parameter.
    return Event.objects.extra(where=["""NOT ("placing" = 'placed')"""])


def _numbers(keys: Iterable[str], kind: str) -> list[int]:
    numbers = [one[1:] for one in keys if one[:1] == kind]
    # The database has none with more digits.
    return [int(one) for one in numbers if one.isdecimal() and len(one) < 19]


def _of_message(entry: BinEntry) -> Item:
    topic = parse_topic(entry.topic)
    address = topic.address if topic else None
    return Item(
        key=f"{_MESSAGE}{entry.pk}",
        reason=entry.reason,
        detail=entry.detail,
        kiosk=f"{address.site}/{address.room}/{address.kiosk}" if address else entry.topic,
        subject_id=subject_of(bytes(entry.payload)),
        scanned_at=None,
        arrived_at=entry.arrived_at,
        dismissed_by=entry.dismissed_by.username if entry.dismissed_by else "",
        dismissed_why=entry.dismissed_why,
    )


def _of_events(events: QuerySet[Event]) -> list[Item]:
    rows = list(events)
    last = {
        one.event.pk: one
        for one in Dismissal.objects.filter(event__in=rows)
        .select_related("account", "event")
        .order_by("pk")
    }
    return [_of_event(one, last.get(one.pk)) for one in rows]


def _of_event(event: Event, dismissal: Dismissal | None) -> Item:
    is_dismissed = event.placing == DISMISSED and dismissal is not None
    return Item(
        key=f"{_EVENT}{event.pk}",
        reason=dismissal.placing if is_dismissed and dismissal else event.placing,
        detail="",
        kiosk=f"{event.site}/{event.room}/{event.kiosk}",
        subject_id=event.subject_id,
        scanned_at=event.scanned_at,
        arrived_at=event.arrived_at,
        dismissed_by=dismissal.account.username if is_dismissed and dismissal else "",
        dismissed_why=dismissal.why if is_dismissed and dismissal else "",
    )
