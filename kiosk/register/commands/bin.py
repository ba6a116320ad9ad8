"""``kiosk register bin``: messages that could not be placed, and integrity alarms."""

from datetime import datetime

from django.db.models import QuerySet

from kiosk.counted import counted
from kiosk.register.commands.output import (
    opened,
    print_json,
    print_line,
    print_table,
    shown_payload,
    utc_now,
)
from kiosk.register.config import RegisterConfig
from kiosk.register.identity.keys import signature_policy
from kiosk.register.ingest.retry import retry_bin
from kiosk.register.models import Alarm, BinEntry
from kiosk.register.office.bin import count_events

_HEADER = ("arrived", "reason", "topic", "detail")
_ALARM_HEADER = ("arrived", "outbox", "number", "event", "topic")


def show_bin(config: RegisterConfig, *, reason: str | None, as_json: bool) -> int:
    """Print the messages in the bin, oldest first, and how many stored events are there.

    Args:
        config: The configuration.
        reason: Only those with this reason.
        as_json: Print one JSON object a line.

    Raises:
        RegisterError: The database cannot be read.
    """
    with opened():
        entries = _entries(reason)
        if as_json:
            for one in entries.iterator():
                print_json(_record(one))
        elif not entries.exists():
            print_line("no message is in the bin" if reason is None else f"none of {reason!r}")
        else:
            print_table(_HEADER, [_row(one, config) for one in entries.iterator()])
        if not as_json and (stored := count_events()):
            print_line(f'{counted(stored, "stored event")} without a lesson: see the page "Bin"')
    return 0


def show_alarms(config: RegisterConfig, *, as_json: bool) -> int:
    """Print the events that claimed the id or the number of another, oldest first.

    Raises:
        RegisterError: The database cannot be read.
    """
    with opened():
        alarms = Alarm.objects.order_by("id")
        if as_json:
            for one in alarms.iterator():
                print_json({**_facts(one), "outbox_id": one.outbox_id, "sequence": one.sequence})
        elif not alarms.exists():
            print_line("no event claims the id or number of another")
        else:
            print_table(_ALARM_HEADER, [_alarm_row(one, config) for one in alarms.iterator()])
    return 0


def process_again(config: RegisterConfig, *, reason: str | None, as_json: bool) -> int:
    """Try to place the messages in the bin; print how many were placed, and how many remain.

    Args:
        config: The configuration.
        reason: Only those with this reason.
        as_json: Print the outcome as JSON.

    Raises:
        RegisterError: The database cannot be read or written.
    """
    with opened():
        policy = signature_policy(config.register)
        placed, remaining = retry_bin(_entries(reason), utc_now(), policy)
    if as_json:
        print_json({"placed": placed, "remaining": remaining})
    else:
        print_line(f"{placed} placed, {remaining} remain in the bin")
    return 0


def _entries(reason: str | None) -> QuerySet[BinEntry]:
    entries = BinEntry.objects.filter(dismissed_at=None).order_by("id")
    return entries if reason is None else entries.filter(reason=reason)


def _record(entry: BinEntry) -> dict[str, object]:
    return {**_facts(entry), "reason": entry.reason, "detail": entry.detail}


def _facts(entry: BinEntry | Alarm) -> dict[str, object]:
    """Return what both have."""
    shown = shown_payload(bytes(entry.payload))
    return {"arrived_at": entry.arrived_at, "topic": entry.topic, "payload": shown}


def _row(entry: BinEntry, config: RegisterConfig) -> tuple[str, ...]:
    return (_local(entry.arrived_at, config), entry.reason, entry.topic, entry.detail)


def _alarm_row(alarm: Alarm, config: RegisterConfig) -> tuple[str, ...]:
    arrived = _local(alarm.arrived_at, config)
    return (arrived, alarm.outbox_id or "-", str(alarm.sequence), alarm.event_id, alarm.topic)


def _local(moment: datetime, config: RegisterConfig) -> str:
    return moment.astimezone(config.zone).strftime("%Y-%m-%d %H:%M:%S")
