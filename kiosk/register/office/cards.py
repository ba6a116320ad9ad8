"""Issue and revoke students' cards, and tell the kiosks which ones count."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction

from kiosk.errors import PayloadError
from kiosk.protocol.card_text import SUBJECT_MAX, new_card_id, write_card
from kiosk.protocol.card_text import Card as SignedCard
from kiosk.protocol.cards import REVOKED_MAX, CardList, decode_cards, encode_cards
from kiosk.protocol.signature import Signer
from kiosk.protocol.topics import CARDS, KioskAddress
from kiosk.register.identity.own_key import own_key, own_public_key
from kiosk.register.models import Account, Card, Kiosk, Person, Publication
from kiosk.register.office.room_timetables import told_last


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


def publish_cards(now: datetime, sites: Collection[str] = ()) -> int:
    """Write what kiosks must be told of cards, if it is not what they were told last.

    Nothing is told before the first card was issued. Of more than
    :data:`~kiosk.protocol.cards.REVOKED_MAX` revoked cards the newest are told; the page warns.

    Args:
        now: The current time, UTC.
        sites: Only kiosks of these sites; empty for all.

    Returns:
        How many kiosks are told something.
    """
    if not Card.objects.exists():
        return 0
    # One day more, since a site may be behind UTC.
    revoked = Card.objects.exclude(revoked_at=None).filter(
        expires_on__gte=now.date() - timedelta(days=1)
    )
    newest = revoked.order_by("-revoked_at", "card_id").values_list("pk", flat=True)[:REVOKED_MAX]
    cards = CardList(
        version=int(now.timestamp()),
        public_key=own_public_key(),
        revoked=tuple(sorted(newest)),
    )
    kiosks = Kiosk.objects.filter(site__in=sites) if sites else Kiosk.objects.all()
    addresses = [KioskAddress(*one) for one in kiosks.values_list("site", "room", "kiosk")]
    told = told_last([one.topic(CARDS) for one in addresses])
    rows = [_publication(one, cards, told.get(one.topic(CARDS)), now) for one in addresses]
    news = [one for one in rows if one is not None]
    Publication.objects.bulk_create(news)
    return len(news)


def _publication(
    address: KioskAddress, cards: CardList, told: bytes | None, now: datetime
) -> Publication | None:
    """Return the message for a kiosk; ``None`` if the last one says the same."""
    version = cards.version
    if told is not None:
        try:
            last = decode_cards(told)
        except PayloadError:
            last = None
        if last and (last.public_key, last.revoked) == (cards.public_key, cards.revoked):
            return None
        version = max(version, last.version + 1 if last else 1)
    numbered = CardList(version=version, public_key=cards.public_key, revoked=cards.revoked)
    payload = Signer(own_key(), address).sign(encode_cards(numbered))
    return Publication(topic=address.topic(CARDS), payload=payload, retain=True, made_at=now)
