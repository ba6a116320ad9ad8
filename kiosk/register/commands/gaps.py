"""``kiosk register gaps``: how complete each kiosk's events are."""

from datetime import datetime
from typing import Final

from kiosk.register.commands.output import (
    address_text,
    opened,
    print_json,
    print_line,
    print_table,
    utc_now,
)
from kiosk.register.config import RegisterConfig
from kiosk.register.ingest.heartbeat import away_since
from kiosk.register.ingest.ranges import Ranges, count
from kiosk.register.overview.status import KioskStatus, load_statuses
from kiosk.register.rules.completeness import describe

_HEADER = ("kiosk", "stored to", "missing", "gone", "state")
_KEYS: Final = {
    "announced": "its key is not trusted yet",
    "changed": "its new key is not trusted",
}
_SHOWN = 3
"""Ranges shown of each kind; --json has all."""
_AWAY: Final = (
    "the register has received nothing since {}: it does not run, or does not reach its broker;"
    " this was known then"
)


def show_gaps(config: RegisterConfig, *, only_gaps: bool, as_json: bool) -> int:
    """Print one line for each kiosk and outbox file.

    Args:
        config: The configuration.
        only_gaps: Leave out those that are online and of which nothing is missing or gone, unless
            two use one name.
        as_json: Print one JSON object a line.

    Raises:
        RegisterError: The database cannot be read.
    """
    now = utc_now()
    with opened():
        away = away_since(now)
        known = load_statuses(away or now)
    statuses = [one for one in known if not only_gaps or _has_gaps(one)]
    if as_json:
        for one in statuses:
            print_json({**as_record(one, config, now), "register_away_since": away})
        return 0
    if away is not None:
        print_line(_AWAY.format(away.astimezone(config.zone).strftime("%Y-%m-%d %H:%M")))
    if not statuses:
        print_line("nothing is missing" if known else "no kiosk was heard yet")
        return 0
    print_table(_HEADER, [_row(one, config, now) for one in statuses])
    return 0


def as_record(status: KioskStatus, config: RegisterConfig, now: datetime) -> dict[str, object]:
    """Return the status of a kiosk, for JSON."""
    outbox, facts = status.outbox, status.completeness
    return {
        "site": status.address.site,
        "room": status.address.room,
        "kiosk": status.address.kiosk,
        "is_listed": status.is_listed,
        "outbox_id": outbox and outbox.outbox_id,
        "watermark": outbox and outbox.watermark,
        "expected": outbox and outbox.expected,
        "missing": outbox.missing if outbox else (),
        "gone": status.gone,
        "complete_until": facts.complete_until,
        "offline_since": facts.offline_since,
        "is_name_shared": status.is_name_shared,
        "key": status.key,
        "health_signature": status.health_signature,
        "state": describe(facts, config.zone, now),
    }


def _has_gaps(status: KioskStatus) -> bool:
    """Return whether something is missing, or may be: an offline kiosk keeps what it records."""
    is_away = status.completeness.offline_since is not None and status.retired_at is None
    return bool(status.completeness.missing or status.gone or status.is_name_shared or is_away)


def _row(status: KioskStatus, config: RegisterConfig, now: datetime) -> tuple[str, ...]:
    outbox = status.outbox
    return (
        address_text(status.address),
        str(outbox.watermark) if outbox else "-",
        _ranges_text(outbox.missing) if outbox else "-",
        _ranges_text(status.gone),
        _state_text(status, config, now),
    )


def _state_text(status: KioskStatus, config: RegisterConfig, now: datetime) -> str:
    text = describe(status.completeness, config.zone, now)
    if status.key in _KEYS:
        text = f"{_KEYS[status.key]}, {text}"
    return f"two kiosks use this name, {text}" if status.is_name_shared else text


def _ranges_text(ranges: Ranges) -> str:
    """Return how many, and the first ranges: ``13 (4-9, 12, 20-25)``."""
    if not ranges:
        return "-"
    texts = [str(one) if one == other else f"{one}-{other}" for one, other in ranges[:_SHOWN]]
    more = ", ..." if len(ranges) > _SHOWN else ""
    return f"{count(ranges)} ({', '.join(texts)}{more})"
