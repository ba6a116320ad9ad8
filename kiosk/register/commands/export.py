"""``kiosk register export``: the stored events in a file."""

import csv
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, date, datetime
from pathlib import Path
from typing import IO, Final, TypeAlias

from django.db.models import QuerySet

from kiosk.config.own_files import refuse_own_file
from kiosk.counted import counted
from kiosk.errors import ConfigError, RegisterError
from kiosk.files.atomic_file import atomic_write
from kiosk.printable import json_text
from kiosk.register.commands.list import as_record, within_day
from kiosk.register.commands.output import opened
from kiosk.register.config import DEFAULT_CONFIG, RegisterConfig
from kiosk.register.exports.cells import cell
from kiosk.register.handover.position import newest
from kiosk.register.models import Event

_COLUMNS: Final = (
    *("id", "event_id", "type", "site", "room", "kiosk", "subject_id", "session"),
    *("scanned_at", "clock", "arrived_at", "is_replayed", "outbox_id", "sequence"),
)
_STEP: Final = 10_000

Write: TypeAlias = Callable[[Event], None]


def export_events(
    config: RegisterConfig,
    file: str,
    *,
    first: date | None,
    last: date | None,
    up_to: int | None,
    as_json: bool,
    config_file: Path = DEFAULT_CONFIG,
) -> int:
    """Write events in the order in which they were stored.

    The same arguments with the same ``up_to`` give the same bytes, whatever came meanwhile.

    Args:
        config: The configuration.
        file: Where to; "-" is standard output. A file is replaced only when all is written, and no
            file of the register is.
        first: First day; ``None`` for no limit.
        last: Last day, included; ``None`` for no limit.
        up_to: The position to stop at: the id of the last event; all by default.
        as_json: Write one JSON object a line with the event as it came, not CSV.
        config_file: The file that the configuration was read from.

    Raises:
        ConfigError: ``last`` is before ``first``, or the file is one of the register.
        RegisterError: The database cannot be read, or the file cannot be written.
    """
    if first is not None and last is not None and last < first:
        raise ConfigError(f"--to: {last} is before --from {first}")
    if file != "-":
        refuse_own_file(Path(file), config, config_file)
    with opened():
        position = newest(Event.objects.all(), "register_event") if up_to is None else up_to
        events = Event.objects.filter(pk__lte=position).order_by("pk")
        days = (first or date.min.replace(year=1000), last or date.max.replace(year=9000))
        if first is not None or last is not None:
            events = within_day(events, config, *days)
        with _opened_file(file) as stream:
            count = _write_all(events, _json_writer(stream) if as_json else _csv_writer(stream))
    sys.stderr.write(f"{counted(count, 'event')}, up to position {position}\n")
    return 0


def _write_all(events: QuerySet[Event], write: Write) -> int:
    """Write all events; on a terminal, tell how far it is."""
    count = 0
    for count, event in enumerate(events.iterator(_STEP), 1):
        write(event)
        if count % _STEP == 0 and sys.stderr.isatty():
            sys.stderr.write(f"\r{count} events")
    if count >= _STEP and sys.stderr.isatty():
        sys.stderr.write("\r")
    return count


def _csv_writer(stream: IO[str]) -> Write:
    writer = csv.writer(stream)
    writer.writerow(_COLUMNS)
    return lambda event: writer.writerow([_cell(getattr(event, name)) for name in _COLUMNS])


def _json_writer(stream: IO[str]) -> Write:
    return lambda event: print(json_text(as_record(event)), file=stream)


def _cell(value: object) -> str:
    """Return the text of a cell: times in UTC, nothing that a spreadsheet would run."""
    text = value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)
    return cell(text)


@contextmanager
def _opened_file(file: str) -> Iterator[IO[str]]:
    if file == "-":
        with nullcontext(sys.stdout) as stream:
            yield stream
        return
    try:
        with (
            atomic_write(Path(file), 0o600) as partial,
            partial.open("w", encoding="utf-8", newline="") as stream,
        ):
            yield stream
    except OSError as exc:
        raise RegisterError(f"{file}: cannot be written ({exc.strerror})") from exc
