"""Tell each kiosk which students' cards count."""

from collections.abc import Collection
from datetime import datetime, timedelta

from kiosk.errors import PayloadError
from kiosk.protocol.cards import REVOKED_MAX, CardList, decode_cards, encode_cards
from kiosk.protocol.signature import Signer
from kiosk.protocol.topics import CARDS, KioskAddress
from kiosk.register.identity.own_key import own_key, own_public_key
from kiosk.register.models import Card, Kiosk, Publication
from kiosk.register.publications.newest import told_last


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
