"""``kiosk register people``: the list of people whose events are accepted."""

from pathlib import Path
from typing import Final

from django.db import transaction

from kiosk.counted import counted
from kiosk.register.commands.lists import read_list
from kiosk.register.commands.output import (
    WAITING,
    opened,
    print_json,
    print_line,
    print_table,
    utc_now,
)
from kiosk.register.ingest.bin_table import make_due
from kiosk.register.messages.arrival import Reason
from kiosk.register.models import BinEntry, Person

_HEADER: Final = ("subject_id", "name")


def show_people(*, as_json: bool) -> int:
    """Print the list.

    Raises:
        RegisterError: The database cannot be read.
    """
    with opened():
        listed = Person.objects.filter(is_listed=True).order_by("subject_id")
        people = list(listed.values_list("subject_id", "name"))
    if as_json:
        for subject_id, name in people:
            print_json({"subject_id": subject_id, "name": name})
    elif not people:
        print_line("no list was imported: events of every person are accepted")
    else:
        print_table(_HEADER, people)
    return 0


def import_people(file: Path, *, dry_run: bool, as_json: bool) -> int:
    """Replace the list by that of a CSV file, as a whole or not at all.

    Stored events stay, and a person who is no longer in the list stays with them, not listed.

    Args:
        file: Columns subject_id,name.
        dry_run: Only print what would change.
        as_json: Print the outcome as JSON.

    Raises:
        RosterError: The file is malformed; every wrong line is named.
        RegisterError: The database cannot be read or written.
    """
    new = {row[0]: row[1] for row in read_list(file, _HEADER, _HEADER[:1])}
    with opened(), transaction.atomic():
        listed = Person.objects.filter(is_listed=True)
        old = dict(listed.values_list("subject_id", "name"))
        facts = {
            "added": len(set(new) - set(old)),
            "changed": sum(old[one] != new[one] for one in set(old) & set(new)),
            "removed": len(set(old) - set(new)),
            "waiting": BinEntry.objects.filter(reason="unknown person").count(),
        }
        if not dry_run:
            listed.exclude(subject_id__in=new).update(is_listed=False)
            Person.objects.bulk_create(
                (Person(subject_id=one, name=new[one]) for one in new),
                update_conflicts=True,
                unique_fields=["subject_id"],
                update_fields=["name", "is_listed"],
            )
            make_due([Reason.UNKNOWN_PERSON], utc_now())
    print_outcome(facts, dry_run=dry_run, as_json=as_json)
    return 0


def print_outcome(facts: dict[str, int], *, dry_run: bool, as_json: bool) -> None:
    """Print what an import has changed."""
    if as_json:
        print_json({**facts, "dry_run": dry_run})
        return
    changes = ", ".join(f"{facts[name]} {name}" for name in ("added", "changed", "removed"))
    print_line(f"{'nothing imported; would be: ' if dry_run else ''}{changes}")
    if facts["waiting"] and not dry_run:
        print_line(WAITING.format(counted(facts["waiting"], "message")))
