"""``kiosk register import``: rosters and timetables."""

import sys
from collections.abc import Iterable
from pathlib import Path

from kiosk.config.timetable import NAME_FORM
from kiosk.counted import counted
from kiosk.errors import ConfigError, RosterError
from kiosk.files.bounded_file import read_file
from kiosk.register.commands.output import WAITING, opened, print_json, print_line, utc_now
from kiosk.register.config import RegisterConfig
from kiosk.register.imports.csv_rows import BYTES_MAX
from kiosk.register.imports.outcome import Remark
from kiosk.register.messages.reading import is_name
from kiosk.register.models import BinEntry
from kiosk.register.office.imports import Kind, Preview, Source, apply, counts, preview
from kiosk.register.office.timetable_import import Options

_SHOWN = 20


def import_file(
    config: RegisterConfig,
    kind: Kind,
    file: Path,
    *,
    site: str,
    class_id: str,
    room: str,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Import a file, or print what would change.

    Raises:
        ConfigError: The site is no name that a kiosk can have.
        RosterError: The file cannot be read, or has problems: all are named.
        RegisterError: The database cannot be read or written.
    """
    if kind == "timetable" and not is_name(site):
        raise ConfigError(f"--site {site!r}: expected {NAME_FORM}")
    try:
        data = read_file(file, BYTES_MAX)
    except OSError as exc:
        raise RosterError(f"{file}: cannot be read ({exc.strerror})") from exc
    zone = config.zone_of(site) if site else config.zone
    options = Options(site=site, class_id=class_id, room=room)
    source = Source(kind=kind, data=data, name=file.name, options=options, zone=zone)
    with opened():
        now = utc_now()
        found = preview(source, now)
        if found.plan is None:
            raise RosterError("\n".join(_lines(found.problems)))
        if not dry_run and apply(source, found.fingerprint, now) is None:
            raise RosterError(f"{file}: what is stored has changed meanwhile; try again")
        waiting = BinEntry.objects.filter(reason="unknown person", dismissed_at=None).count()
    _print(found, waiting, dry_run=dry_run, as_json=as_json)
    return 0


def _print(found: Preview, waiting: int, *, dry_run: bool, as_json: bool) -> None:
    assert found.plan is not None
    facts = counts(found.plan)
    if as_json:
        notes = [str(one) for one in found.notes]
        print_json({**facts, "former": found.former, "notes": notes, "dry_run": dry_run})
        return
    for line in _lines(found.notes):
        sys.stderr.write(f"{line}\n")
    changes = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in facts.items())
    print_line(f"{'nothing imported; would be: ' if dry_run else ''}{changes}")
    if found.former:
        print_line(f"not in the file: {counted(found.former, 'student')} of the list")
    if waiting and not dry_run:
        print_line(WAITING.format(counted(waiting, "message")))


def _lines(remarks: Iterable[Remark]) -> list[str]:
    lines = [str(one) for one in remarks]
    more = [f"and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    return [*lines[:_SHOWN], *more]
