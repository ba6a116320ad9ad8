"""Consent to face recognition: recorded, withdrawn, and what must be erased after that.

The register holds no face and reaches no gallery. So a withdrawal is open until a person confirms
that ``kiosk gallery remove`` was run at every kiosk. An event of the face that was made later is
shown against that.
"""

import shlex
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from kiosk.protocol.event import PersonEvent, decode
from kiosk.register.models import Account, Consent, Event, Person


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A withdrawn consent, and whether the face is gone.

    Attributes:
        consent: The row.
        command: What must be run at each kiosk.
        seen: The newest event that a kiosk made of the face after the withdrawal, or, once the
            erasure was confirmed, after that; ``None`` without one.
    """

    consent: Consent
    command: str
    seen: Event | None


def newest_consents(people: Collection[Person]) -> dict[str, Consent]:
    """Return the newest consent of each person who has one, by subject id."""
    rows = Consent.objects.filter(person__in=people).select_related(
        "recorded_by", "withdrawn_by", "erased_by"
    )
    return {one.person_id: one for one in rows.order_by("pk")}


@transaction.atomic
def record(
    person: Person, given_at: datetime, given_by: str, text_id: str, *, account: Account
) -> bool:
    """Record a consent; return false where one stands already."""
    Person.objects.select_for_update().get(pk=person.pk)
    if Consent.objects.filter(person=person, withdrawn_at=None).exists():
        return False
    Consent.objects.create(
        person=person, given_at=given_at, given_by=given_by, text_id=text_id, recorded_by=account
    )
    return True


def withdraw(person: Person, account: Account, now: datetime) -> bool:
    """Record that the consent was withdrawn; return false where none stands."""
    standing = Consent.objects.filter(person=person, withdrawn_at=None)
    return standing.update(withdrawn_at=now, withdrawn_by=account) > 0


def confirm_erased(consent: Consent, receipt: str, account: Account, now: datetime) -> bool:
    """Record a person's word that the face was erased; return false if there is one, or no need."""
    rows = Consent.objects.filter(pk=consent.pk, erased_at=None).exclude(withdrawn_at=None)
    return rows.update(erased_at=now, erased_by=account, receipt=receipt) > 0


def withdrawals(people: Collection[Person] | None = None) -> list[Withdrawal]:
    """Return the newest withdrawals first that are open, or that a later event speaks against.

    Args:
        people: Only of these, and all of theirs; everybody by default.
    """
    rows = Consent.objects.exclude(withdrawn_at=None).select_related("person", "erased_by")
    if people is not None:
        rows = rows.filter(person__in=people)
    agreed = set(Consent.objects.filter(withdrawn_at=None).values_list("person_id", flat=True))
    found = [_withdrawal(one) for one in rows.order_by("-withdrawn_at", "-pk")]
    if people is not None:
        return found
    return [
        one
        for one in found
        if one.consent.person_id not in agreed and (one.seen or one.consent.erased_at is None)
    ]


def _withdrawal(consent: Consent) -> Withdrawal:
    command = f"sudo kiosk gallery remove {shlex.quote(consent.person_id)}"
    return Withdrawal(consent, command, _seen_since(consent))


def _seen_since(consent: Consent) -> Event | None:
    """Return the newest event of the face that a kiosk made after it should not have."""
    events = Event.objects.filter(
        subject_id=consent.person_id,
        scanned_at__gt=consent.erased_at or consent.withdrawn_at,
        clock="synchronised",
    )
    later = Consent.objects.filter(person=consent.person_id, pk__gt=consent.pk).order_by("pk")
    if again := later.first():
        events = events.filter(scanned_at__lt=again.given_at)
    for one in events.order_by("-scanned_at")[:50]:
        event = decode(bytes(one.payload))
        if isinstance(event, PersonEvent) and event.method == "face":
            return one
    return None
