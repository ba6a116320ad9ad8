"""``kiosk register kiosks``: the list of kiosks whose events are accepted."""

from pathlib import Path
from typing import Final

from django.db import transaction

from kiosk.errors import RosterError
from kiosk.protocol.topics import KioskAddress
from kiosk.register.commands.gaps import show_gaps
from kiosk.register.commands.output import opened
from kiosk.register.commands.people import print_outcome
from kiosk.register.config import RegisterConfig
from kiosk.register.lists import read_list
from kiosk.register.models import BinEntry, Kiosk
from kiosk.register.reading import is_valid

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
            f"{file}: {wrong} lines have a name that no kiosk can have; a name has at most 64 "
            "letters, digits, '.', '_' and '-', the first a letter or digit"
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
    print_outcome(facts, dry_run=dry_run, as_json=as_json)
    return 0
