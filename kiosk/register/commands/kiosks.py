"""``kiosk register kiosks``: the list of kiosks whose events are accepted."""

from pathlib import Path
from typing import Final

from django.db import transaction

from kiosk.config.timetable import NAME_FORM
from kiosk.counted import counted
from kiosk.errors import ConfigError, RosterError
from kiosk.protocol.signature import fingerprint
from kiosk.protocol.topics import KioskAddress
from kiosk.register.commands.gaps import show_gaps
from kiosk.register.commands.lists import read_list
from kiosk.register.commands.output import opened, print_json, print_line, utc_now
from kiosk.register.commands.people import print_outcome
from kiosk.register.config import RegisterConfig
from kiosk.register.identity.key_table import distrust, trust
from kiosk.register.ingest.bin_table import make_due
from kiosk.register.messages.arrival import Reason
from kiosk.register.messages.reading import is_valid
from kiosk.register.models import BinEntry, Kiosk

_HEADER: Final = ("site", "room", "kiosk")


def show_kiosks(config: RegisterConfig, *, as_json: bool) -> int:
    """Print every kiosk that was heard or is listed, and how complete it is.

    Raises:
        RegisterError: The database cannot be read.
    """
    return show_gaps(config, only_gaps=False, as_json=as_json)


def import_kiosks(file: Path, *, dry_run: bool, as_json: bool) -> int:
    """Replace the list by that of a CSV file, as a whole or not at all.

    Args:
        file: Columns site,room,kiosk.
        dry_run: Only print what would change.
        as_json: Print the outcome as JSON.

    Raises:
        RosterError: The file is malformed; every wrong line is named.
        RegisterError: The database cannot be read or written.
    """
    new = {KioskAddress(*row) for row in read_list(file, _HEADER, _HEADER)}
    if wrong := sum(not is_valid(one) for one in new):
        raise RosterError(
            f"{file}: {counted(wrong, 'line')} with a name that no kiosk can have; a name has "
            f"{NAME_FORM}"
        )
    with opened(), transaction.atomic():
        listed = Kiosk.objects.filter(is_listed=True)
        old = {KioskAddress(one.site, one.room, one.kiosk) for one in listed}
        facts = {
            "added": len(new - old),
            "changed": 0,
            "removed": len(old - new),
            "waiting": BinEntry.objects.filter(reason="unknown kiosk").count(),
        }
        if not dry_run:
            listed.update(is_listed=False)
            Kiosk.objects.bulk_create(
                (Kiosk(site=k.site, room=k.room, kiosk=k.kiosk, is_listed=True) for k in new),
                update_conflicts=True,
                unique_fields=list(_HEADER),
                update_fields=["is_listed"],
            )
            make_due([Reason.UNKNOWN_KIOSK], utc_now())
    print_outcome(facts, dry_run=dry_run, as_json=as_json)
    return 0


def decide_key(config: RegisterConfig, kiosk: str, *, is_trusted: bool, as_json: bool) -> int:
    """Trust the key that a kiosk has announced, or none of its keys any more.

    Args:
        config: The configuration.
        kiosk: SITE/ROOM/KIOSK.
        is_trusted: Whether to trust it.
        as_json: Print the outcome as JSON.

    Raises:
        ConfigError: ``kiosk`` is no address, or that kiosk has announced no key.
        RegisterError: The database cannot be read or written.
    """
    address = _address(kiosk, "--trust" if is_trusted else "--distrust")
    with opened(), transaction.atomic():
        facts = _trust(address) if is_trusted else {"distrusted": distrust(address)}
        waiting = BinEntry.objects.filter(reason=Reason.SIGNATURE.value).count()
        if is_trusted:
            make_due([Reason.SIGNATURE], utc_now(), address)
    if as_json:
        print_json({"kiosk": kiosk, **facts, "waiting": waiting})
        return 0
    if is_trusted:
        print_line(f"{kiosk}: trusted is the key with the fingerprint {facts['fingerprint']}")
        print_line("compare it with the one that the kiosk logs when it starts")
        print_line(
            f"in the bin: {counted(waiting, 'message')}; the running register tries this kiosk's"
        )
    else:
        print_line(f"{kiosk}: keys that are no longer trusted: {facts['distrusted']}")
    if config.register.require_signatures == "off":
        print_line('register.require_signatures is "off": no signature is checked')
    return 0


def _trust(address: KioskAddress) -> dict[str, object]:
    public_key = trust(address, utc_now())
    if public_key is None:
        raise ConfigError(f"--trust: {address} has not announced a key yet")
    return {"fingerprint": fingerprint(public_key)}


def _address(text: str, option: str) -> KioskAddress:
    levels = text.split("/")
    if len(levels) != len(_HEADER) or not is_valid(KioskAddress(*levels)):
        raise ConfigError(f"{option}: {text!r}, expected SITE/ROOM/KIOSK")
    return KioskAddress(*levels)
