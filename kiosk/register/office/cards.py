"""Issue and revoke students' cards, and tell the kiosks which ones count."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction

from kiosk.protocol.card_text import SUBJECT_MAX, new_card_id, write_card
from kiosk.protocol.card_text import Card as SignedCard
from kiosk.register.identity.own_key import own_key
from kiosk.register.models import Account, Card, Person
from kiosk.register.publications.card_lists import publish_cards


@dataclass(frozen=True, slots=True)
class Issued:
    """What came of an order for cards.

    Attributes:
        made: How many cards were made.
        kept: How many students had one already.
        too_long: Students whose subject id does not fit onto a card.
    """

    made: int
    kept: int
    too_long: tuple[Person, ...]


def school_year_end(today: date, begins: int) -> date:
    """Return the last day of the school year that a day is in.

    Args:
        today: The day.
        begins: The month, 1 to 12, on whose first day a school year begins.
    """
    year = today.year + (today.month >= begins)
    return date(year, begins, 1) - timedelta(days=1)


def valid_cards(people: Iterable[Person], today: date) -> dict[str, Card]:
    """Return the newest card of each person that counts on a day, by subject id."""
    cards = Card.objects.filter(person__in=list(people), revoked_at=None, expires_on__gte=today)
    return {str(one.person_id): one for one in cards.order_by("issued_at", "card_id")}


@transaction.atomic
def issue(
    people: Collection[Person],
    expires_on: date,
    *,
    account: Account,
    now: datetime,
    today: date,
    is_replacing: bool = False,
) -> Issued:
    """Make a card for each of these people.

    Args:
        people: The students.
        expires_on: The last day on which the cards count.
        account: Who issues them.
        now: The current time, UTC.
        today: The day at the school.
        is_replacing: Revoke the cards that they have; otherwise who has one keeps it.
    """
    too_long = tuple(one for one in people if len(one.subject_id.encode()) > SUBJECT_MAX)
    fitting = [one for one in people if one not in too_long]
    # The lock keeps two clicks from issuing two cards.
    list(Person.objects.select_for_update().filter(pk__in=[one.pk for one in fitting]))
    have = valid_cards(fitting, today)
    if is_replacing:
        revoke(fitting, account=account, now=now)
        have = {}
    Card.objects.bulk_create(
        Card(
            card_id=new_card_id(),
            person=one,
            issued_at=now,
            issued_by=account,
            expires_on=expires_on,
        )
        for one in fitting
        if one.subject_id not in have
    )
    publish_cards(now)
    return Issued(len(fitting) - len(have), len(have), too_long)


@transaction.atomic
def revoke(people: Iterable[Person], *, account: Account, now: datetime) -> int:
    """Revoke all cards of these people, and have the kiosks told; return how many cards."""
    cards = Card.objects.filter(person__in=list(people), revoked_at=None)
    count = cards.update(revoked_at=now, revoked_by=account)
    publish_cards(now)
    return count


def card_text(card: Card) -> str:
    """Return what the QR code of a card says."""
    return write_card(SignedCard(card.card_id, str(card.person_id), card.expires_on), own_key())


def revoked_count(today: date) -> int:
    """Return how many cards are revoked and have not expired."""
    return Card.objects.exclude(revoked_at=None).filter(expires_on__gte=today).count()
