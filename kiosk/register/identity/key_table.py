"""The public keys of the kiosks in the database."""

from collections.abc import Collection, Iterable
from datetime import datetime

from kiosk.protocol.topics import KioskAddress
from kiosk.register.among import plain
from kiosk.register.identity.keys import Authentication, Keys, SignaturePolicy
from kiosk.register.messages.arrival import (
    ErasureReceiptReading,
    HealthReading,
    Reading,
    outboxes_of,
)
from kiosk.register.models import Kiosk, KioskKey, Outbox


def authentication(readings: Iterable[Reading], policy: SignaturePolicy) -> Authentication:
    """Return what checks the signatures of these messages."""
    if not KioskKey.objects.exists():
        return Authentication(policy)
    readings = list(readings)
    health = {one.address for one in readings if isinstance(one, HealthReading)}
    if policy.require == "off" and not health:
        return Authentication(policy)
    outboxes = outboxes_of(readings)
    columns = ("outbox_id", "site", "room", "kiosk")
    rows = Outbox.objects.filter(outbox_id__among=outboxes).values_list(*columns)
    owners = {outbox_id: KioskAddress(*names) for outbox_id, *names in plain(rows)}
    receipts = {one.address for one in readings if isinstance(one, ErasureReceiptReading)}
    keys = load_keys({*outboxes.values(), *owners.values(), *health, *receipts})
    return Authentication(policy, keys, owners, _signing(health))


def _signing(addresses: Collection[KioskAddress]) -> frozenset[KioskAddress]:
    """Return those of these kiosks whose stored health is signed with a trusted key."""
    if not addresses:
        return frozenset()
    rows = Kiosk.objects.filter(
        room__among={one.room for one in addresses}, health_signature="signed"
    ).values_list("site", "room", "kiosk")
    return frozenset(KioskAddress(*names) for names in plain(rows))


def load_keys(addresses: Iterable[KioskAddress] | None = None) -> dict[KioskAddress, Keys]:
    """Return the keys of these kiosks; of all by default."""
    rows = KioskKey.objects.all()
    if addresses is not None:
        addresses = list(addresses)
        rows = rows.filter(room__among={one.room for one in addresses})
        rows = rows.filter(site__among={one.site for one in addresses})
    found: dict[KioskAddress, tuple[set[str], set[str]]] = {}
    columns = ("site", "room", "kiosk", "public_key", "trusted_at")
    for *names, public_key, trusted_at in plain(rows.values_list(*columns)):
        trusted, announced = found.setdefault(KioskAddress(*names), (set(), set()))
        (announced if trusted_at is None else trusted).add(public_key)
    return {
        address: Keys(frozenset(trusted), frozenset(announced))
        for address, (trusted, announced) in found.items()
    }


def note_keys(readings: Iterable[HealthReading], policy: SignaturePolicy, now: datetime) -> None:
    """Note which keys kiosks have announced; of those that are not trusted, the newest."""
    told = {one.address: one.public_key for one in readings if one.public_key}
    if not told:
        return
    known = load_keys(told)
    for address, public_key in sorted(told.items(), key=lambda one: str(one[0])):
        keys = known.get(address, Keys())
        if public_key in keys.announced or (public_key in keys.trusted and not keys.announced):
            continue
        of_kiosk = KioskKey.objects.filter(**_names(address))
        of_kiosk.filter(trusted_at=None).delete()
        if public_key not in keys.trusted:
            is_first = policy.trust_on_first_use and not keys.trusted
            KioskKey.objects.get_or_create(
                **_names(address),
                public_key=public_key,
                defaults={"announced_at": now, "trusted_at": now if is_first else None},
            )


def trust(address: KioskAddress, now: datetime) -> str | None:
    """Trust the key that a kiosk has announced; return it, or ``None`` if there is none."""
    row = KioskKey.objects.filter(**_names(address)).order_by("-announced_at", "-pk").first()
    if row is None:
        return None
    if row.trusted_at is None:
        row.trusted_at = now
        row.save(update_fields=["trusted_at"])
    return row.public_key


def distrust(address: KioskAddress) -> int:
    """Trust no key of a kiosk any more; return how many were trusted.

    What was stored stays; the kiosk announces its key again.
    """
    rows = KioskKey.objects.filter(**_names(address))
    trusted = rows.exclude(trusted_at=None).count()
    rows.delete()
    return trusted


def _names(address: KioskAddress) -> dict[str, str]:
    return {"site": address.site, "room": address.room, "kiosk": address.kiosk}
