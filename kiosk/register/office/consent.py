"""Consent to face recognition: recorded, withdrawn, and what must be erased after that.

The register holds no face. A withdrawal orders every kiosk to erase it
(:mod:`kiosk.register.erasing`). It is open until all have answered that nothing is left, or until a
person confirms that ``kiosk gallery remove`` was run there. If an event of the face was made later,
the page shows that beside the confirmation.
"""

import shlex
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import F, QuerySet, Window
from django.db.models.functions import RowNumber

from kiosk.protocol.event import PersonEvent, decode
from kiosk.register.erasing.doors import Doors, load_doors
from kiosk.register.erasing.orders import publish_orders, take_back
from kiosk.register.erasing.same_person import ids_of
from kiosk.register.models import Account, Consent, Event, Person

_EVENTS_MAX: Final = 50
"""Newest events of a person that are looked at; the others are older."""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A withdrawn consent, and whether the face is gone.

    Attributes:
        consent: The row.
        commands: What a person runs at a kiosk that takes no order.
        doors: What each kiosk has done.
        seen: The newest event that a kiosk made of the face after the withdrawal, or, once the
            erasure was confirmed, after that; ``None`` without one.
    """

    consent: Consent
    commands: tuple[str, ...]
    doors: Doors
    seen: Event | None


def newest_consents(people: Collection[Person]) -> dict[str, Consent]:
    """Return the newest consent of each person who has one, by subject id."""
    rows = Consent.objects.filter(person__in=people).select_related(
        "recorded_by", "withdrawn_by", "erased_by"
    )
    return {one.person_id: one for one in rows.order_by("pk")}


@transaction.atomic
def record(
    person: Person,
    given_at: datetime,
    given_by: str,
    text_id: str,
    *,
    account: Account,
    now: datetime,
) -> bool:
    """Record a consent, and take back orders to erase; return false where one stands already."""
    Person.objects.select_for_update().get(pk=person.pk)
    if Consent.objects.filter(person=person, withdrawn_at=None).exists():
        return False
    Consent.objects.create(
        person=person, given_at=given_at, given_by=given_by, text_id=text_id, recorded_by=account
    )
    take_back(person.pk, now)
    return True


@transaction.atomic
def withdraw(person: Person, account: Account, now: datetime) -> bool:
    """Record that the consent was withdrawn, and order the erasure; false where none stands."""
    standing = Consent.objects.filter(person=person, withdrawn_at=None)
    if not standing.update(withdrawn_at=now, withdrawn_by=account):
        return False
    publish_orders(now)
    return True


def confirm_erased(consent: Consent, receipt: str, account: Account, now: datetime) -> bool:
    """Record a person's word that the face was erased; return false if there is one, or no need."""
    rows = Consent.objects.filter(pk=consent.pk, erased_at=None).exclude(withdrawn_at=None)
    receipt = "\n".join(filter(None, [consent.receipt, receipt]))  # of before a merge, and of now
    return rows.update(erased_at=now, erased_by=account, receipt=receipt) > 0


def withdrawals(people: Collection[Person] | None = None) -> list[Withdrawal]:
    """Return the newest withdrawals first that are open, or that a later event speaks against.

    Args:
        people: Only of these, and all of theirs; everybody by default.
    """
    rows = Consent.objects.exclude(withdrawn_at=None).select_related("person", "erased_by")
    if people is not None:
        return _with_facts(rows.filter(person__in=people))
    agreed = Consent.objects.filter(withdrawn_at=None).values("person")
    return [
        one
        for one in _with_facts(rows.exclude(person__in=agreed))
        if one.seen or one.consent.erased_at is None
    ]


def _with_facts(rows: QuerySet[Consent]) -> list[Withdrawal]:
    """Return the withdrawals, the newest first, with what the kiosks have done and seen since."""
    consents = list(rows.order_by("-withdrawn_at", "-pk"))
    people = [one.person_id for one in consents]
    later = list(Consent.objects.filter(person__in=people).order_by("pk"))
    ids = ids_of(people)
    events: dict[str, list[Event]] = {}
    for event in _faces(consents, ids):
        events.setdefault(event.subject_id, []).append(event)
    doors = load_doors(consents)
    return [
        Withdrawal(
            one,
            tuple(f"sudo kiosk gallery remove {shlex.quote(each)}" for each in ids[one.person_id]),
            doors[one.pk],
            _seen_since(
                one, later, [e for each in ids[one.person_id] for e in events.get(each, ())]
            ),
        )
        for one in consents
    ]


def _faces(consents: Collection[Consent], ids: Mapping[str, Collection[str]]) -> list[Event]:
    """Return the newest events of the faces of these people since the first of the withdrawals."""
    since = min((_gone_at(one) for one in consents), default=None)
    if since is None:
        return []
    newest = Window(
        RowNumber(), partition_by=F("subject_id"), order_by=[F("scanned_at").desc(), F("id").desc()]
    )
    events = Event.objects.filter(
        subject_id__in={each for one in consents for each in ids[one.person_id]},
        scanned_at__gt=since,
        clock="synchronised",
    )
    found = events.annotate(place=newest).filter(place__lte=_EVENTS_MAX)
    return [one for one in found.order_by("-scanned_at") if _is_face(one)]


def _is_face(row: Event) -> bool:
    event = decode(bytes(row.payload))
    return isinstance(event, PersonEvent) and event.method == "face"


def _gone_at(consent: Consent) -> datetime:
    """Return from when on no kiosk should know the face."""
    gone_at = consent.erased_at or consent.withdrawn_at
    assert gone_at is not None
    return gone_at


def _seen_since(
    consent: Consent, consents: Iterable[Consent], events: Iterable[Event]
) -> Event | None:
    """Return the newest event of the face that a kiosk made after it should not have."""
    again = next(
        (one for one in consents if one.person_id == consent.person_id and one.pk > consent.pk),
        None,
    )
    wrong = (
        one
        for one in events
        if one.scanned_at > _gone_at(consent) and (not again or one.scanned_at < again.given_at)
    )
    return max(wrong, key=lambda one: one.scanned_at, default=None)
