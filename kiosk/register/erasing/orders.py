"""Give the kiosks orders to erase a face, take them back, and end a withdrawal when all is done."""

import uuid
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import TypeAlias

from django.db import transaction
from django.db.models import QuerySet

from kiosk.errors import PayloadError
from kiosk.protocol.erasure import (
    ORDERS_MAX,
    ErasureOrders,
    ErasureResult,
    Order,
    SealedOrder,
    decode_orders,
    decode_result,
    encode_orders,
    seal_order,
)
from kiosk.protocol.signature import Signer
from kiosk.protocol.topics import ERASURE, KioskAddress
from kiosk.register.erasing.message import Told, next_message
from kiosk.register.erasing.obstacle import ability_of
from kiosk.register.erasing.same_person import ids_of
from kiosk.register.identity.own_key import own_key, own_public_key
from kiosk.register.models import Consent, ErasureOrder, Kiosk, Publication
from kiosk.register.publications.newest import told_last

Doors: TypeAlias = dict[KioskAddress, Kiosk]


@transaction.atomic
def publish_orders(now: datetime, sites: Collection[str] = ()) -> int:
    """Order what is to be erased and was not ordered yet, and tell the kiosks what is open.

    Args:
        now: The current time, UTC.
        sites: Only kiosks of these sites; empty for all.

    Returns:
        How many kiosks are told something.
    """
    consents = open_withdrawals()
    if consents:
        _order(consents, _doors(sites), now)
    rows = _open_orders()
    if sites:
        rows = rows.filter(site__in=sites)
    addresses = {address_of(one) for one in rows}
    told = tell(addresses, now) if addresses else 0
    close_done(now)
    return told


@transaction.atomic
def take_back(person_id: str, now: datetime) -> None:
    """Take back the open orders to erase a person, who has agreed again."""
    rows = _open_orders().filter(consent__person=person_id)
    addresses = {address_of(one) for one in rows}
    if addresses:
        rows.update(cancelled_at=now)
        tell(addresses, now)


def tell(addresses: Collection[KioskAddress], now: datetime) -> int:
    """Write what these kiosks must be told, if it is not what they were told last."""
    doors = _rows_of(addresses)
    _seal(doors)
    wanted: dict[KioskAddress, list[SealedOrder]] = {one: [] for one in addresses}
    rows = _open_orders().filter(room__in={one.room for one in addresses}).exclude(sealed="")
    for row in rows.order_by("made_at", "order_id"):
        if (address := address_of(row)) in wanted:
            wanted[address].append(SealedOrder(order=row.order_id, sealed=row.sealed))
    last = told_last([one.topic(ERASURE) for one in addresses])
    lists = {one: _read(last.get(one.topic(ERASURE), b"")) for one in addresses}
    done = _done_of(one for one in lists.values() if one is not None)
    news = []
    for address in sorted(addresses, key=str):
        heard = doors[address].erasure_version if address in doors else None
        told = Told(lists[address], heard or 0, done)
        message = next_message(tuple(wanted[address][:ORDERS_MAX]), told, int(now.timestamp()))
        if message is not None:
            payload = message if isinstance(message, bytes) else _signed(message, address)
            topic = address.topic(ERASURE)
            news.append(Publication(topic=topic, payload=payload, retain=True, made_at=now))
    Publication.objects.bulk_create(news)
    return len(news)


def close_done(now: datetime) -> None:
    """End the withdrawals whose orders are all carried out; what they say is the receipt.

    Nobody waits for a kiosk that is out of service, but its order stays.
    """
    retired = {address_of(one) for one in Kiosk.objects.exclude(retired_at=None)}
    left = _open_orders().values_list("consent", "site", "room", "kiosk")
    waiting = {pk for pk, *names in left if KioskAddress(*names) not in retired}
    for consent in open_withdrawals():
        done = consent.orders.exclude(done_at=None).order_by("site", "room", "kiosk")
        orders = list(done) if consent.pk not in waiting else []
        if not orders:
            continue
        receipt = _with_lines(consent.receipt, map(_line, orders))
        # An earlier withdrawal of the same person is at its end, too.
        rows = Consent.objects.filter(person=consent.person_id, pk__lte=consent.pk, erased_at=None)
        rows.exclude(withdrawn_at=None).update(erased_at=now, receipt=receipt)


def reopen(person_id: str) -> None:
    """Open the withdrawal of a person anew, if it was at its end: an id came to them by a merge."""
    newest = Consent.objects.filter(person=person_id).order_by("-pk").first()
    if newest is not None and newest.withdrawn_at is not None:
        Consent.objects.filter(pk=newest.pk).update(erased_at=None, erased_by=None)


def _with_lines(receipt: str, lines: Iterable[str]) -> str:
    """Return a receipt with the lines that it does not have yet."""
    known = receipt.splitlines()
    return "\n".join([*filter(None, [receipt]), *(one for one in lines if one not in known)])


def open_withdrawals() -> list[Consent]:
    """Return the newest consent of each person whose withdrawal is not at its end."""
    open_ones = Consent.objects.exclude(withdrawn_at=None).filter(erased_at=None)
    people = set(open_ones.values_list("person_id", flat=True))
    newest = {
        one.person_id: one for one in Consent.objects.filter(person__in=people).order_by("pk")
    }
    return [one for one in newest.values() if one.withdrawn_at and one.erased_at is None]


def address_of(row: ErasureOrder | Kiosk) -> KioskAddress:
    """Return the kiosk that a row is about."""
    return KioskAddress(row.site, row.room, row.kiosk)


def _order(consents: Collection[Consent], doors: Iterable[KioskAddress], now: datetime) -> None:
    """Make the orders that are not there yet, also for a kiosk that is new, and a merged id."""
    names = [(one.site, one.room, one.kiosk) for one in doors]
    ids = ids_of(one.person_id for one in consents)
    for consent in consents:
        known = set(consent.orders.values_list("merged", "site", "room", "kiosk"))
        ErasureOrder.objects.bulk_create(
            (
                ErasureOrder(
                    order_id=str(uuid.uuid4()),
                    consent=consent,
                    merged_id=merged,
                    site=site,
                    room=room,
                    kiosk=kiosk,
                    made_at=now,
                )
                for merged in (None, *ids[consent.person_id][1:])
                for site, room, kiosk in names
                if (merged, site, room, kiosk) not in known
            ),
            ignore_conflicts=True,  # another instance was faster
        )


def _seal(doors: Doors) -> None:
    """Seal the open orders for kiosks with a trusted key that they are not sealed for."""
    own = own_public_key()
    keys = {address: ability_of(row, own).sealing_key for address, row in doors.items()}
    sealed = []
    rows = _open_orders().filter(room__in={one.room for one in doors}).exclude(consent=None)
    for row in rows.select_related("consent"):
        key = keys.get(address_of(row), "")
        if key and row.sealed_for != key and row.consent is not None:
            whose = row.merged_id or row.consent.person_id
            order = Order(subject_id=whose, consent=row.consent.pk)
            row.sealed, row.sealed_for = seal_order(order, key), key
            sealed.append(row)
    ErasureOrder.objects.bulk_update(sealed, ["sealed", "sealed_for"], batch_size=200)


def _doors(sites: Collection[str]) -> Doors:
    """Return the kiosks in service: the listed ones, or, without a list, all that were heard."""
    in_service = Kiosk.objects.filter(retired_at=None)
    listed = in_service.filter(is_listed=True)
    rows = listed if listed.exists() else in_service
    return {address_of(one): one for one in (rows.filter(site__in=sites) if sites else rows)}


def _rows_of(addresses: Collection[KioskAddress]) -> Doors:
    rows = Kiosk.objects.filter(room__in={one.room for one in addresses})
    return {address_of(one): one for one in rows if address_of(one) in addresses}


def _open_orders() -> QuerySet[ErasureOrder]:
    return ErasureOrder.objects.filter(done_at=None, cancelled_at=None)


def _done_of(lists: Iterable[ErasureOrders]) -> set[str]:
    names = [one.order for orders in lists for one in orders.orders]
    rows = ErasureOrder.objects.filter(order_id__in=names).exclude(done_at=None)
    return set(rows.values_list("order_id", flat=True))


def _read(payload: bytes) -> ErasureOrders | None:
    try:
        return decode_orders(payload) if payload else None
    except PayloadError:
        return None


def _signed(orders: ErasureOrders, address: KioskAddress) -> bytes:
    return Signer(own_key(), address).sign(encode_orders(orders))


def _line(row: ErasureOrder) -> str:
    """Return a line of the receipt."""
    counts = result_of(row).erased
    what = (
        ", ".join(f"{place} {count}" for place, count in sorted(counts.items())) or "nothing left"
    )
    return f"{address_of(row)} {row.done_at:%Y-%m-%dT%H:%M:%SZ} order {row.order_id}: {what}"


def result_of(row: ErasureOrder) -> ErasureResult:
    """Return what the kiosk has answered last."""
    return decode_result(row.result) if row.result else ErasureResult(order=row.order_id)
