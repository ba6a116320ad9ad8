"""What is known of one kiosk: whether it is there, and what does not work."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final, Literal, TypeAlias

from kiosk.counted import counted, counted_people
from kiosk.protocol.availability import Availability
from kiosk.protocol.health import Health

SILENT: Final = timedelta(minutes=3)
"""A kiosk reports its health every minute; after so long without a word, nothing is known."""
_MANY: Final = 0.8
"""From this share of refused faces on, something is wrong with the camera's place or its light."""
_FACES_MIN: Final = 30

DoorState: TypeAlias = Literal["online", "offline", "not known"]
News: TypeAlias = Availability | Health


@dataclass(frozen=True, slots=True)
class Door:
    """What one kiosk has said.

    A broker keeps "online" for ever if kiosk and broker lose power together. So that word counts
    only with a sign of life; and a kiosk that is alive is online, whatever the broker has kept.

    Attributes:
        availability: The last message.
        health: The last message.
        heard_at: The last sign of life, UTC; ``None`` if there was none.
        is_offline: It said so, or the broker for it, after the last sign of life.
    """

    availability: Availability | None = None
    health: Health | None = None
    heard_at: datetime | None = None
    is_offline: bool = False

    def hear(self, news: News, now: datetime, *, retained: bool) -> "Door":
        """Return what is known after a message.

        Args:
            news: The message.
            now: The time, UTC.
            retained: The broker had kept it, for any time.
        """
        heard_at = _latest(self.heard_at, _said_at(news, now) if retained else now)
        if isinstance(news, Health):
            is_offline = self.is_offline and retained
            return replace(self, health=news, heard_at=heard_at, is_offline=is_offline)
        return replace(
            self, availability=news, heard_at=heard_at, is_offline=news.state == "offline"
        )

    def state(self, now: datetime) -> DoorState:
        """Return whether the kiosk is there.

        Args:
            now: The time, UTC.
        """
        if self.is_offline:
            return "offline"
        if self.heard_at is not None and now - self.heard_at <= SILENT:
            return "online"
        return "not known"

    def faults(self) -> tuple[str, ...]:
        """Return what does not work, by the last health message."""
        health = self.health
        if health is None:
            return ()
        found = (
            (health.camera != "ok", f"camera {health.camera}"),
            (not health.people, "nobody enrolled"),
            (health.in_memory > 0, "events cannot be stored"),
            (health.under_voltage is True, "power supply too weak"),
            (health.clock == "unsynchronised", "clock not synchronised"),
            (_refused(health) >= _MANY, f"most faces refused: {_reason(health)}"),
        )
        return tuple(text for is_so, text in found if is_so)

    def figures(self) -> tuple[str, ...]:
        """Return the figures of the last health message."""
        health = self.health
        if health is None:
            return ()
        age_s = health.last_frame_age_s
        refused = f", most {_reason(health)}" if health.faces_refused else ""
        return (
            f"{counted_people(health.people)} enrolled",
            f"{health.waiting} waiting",
            "no frame yet" if age_s is None else f"last frame {age_s:.1f} s before",
            f"{_refused(health):.0%} of {counted(health.faces_seen, 'face')} refused{refused}",
        )


def describe(door: Door, now: datetime, zone: tzinfo) -> str:
    """Say whether a kiosk is there and what does not work, after its name."""
    since = "" if door.heard_at is None else _clock_time(door.heard_at, now, zone)
    match door.state(now):
        case "offline":
            text = f" is offline since {since}" if since else " is offline"
        case "not known":
            text = f": not known whether it is online, {_last(since)}"
        case _:
            text = " is online"
    return "; ".join((text, *door.faults()))


def _last(since: str) -> str:
    return f"last heard {since}" if since else "not heard yet"


def _clock_time(moment: datetime, now: datetime, zone: tzinfo) -> str:
    local, today = moment.astimezone(zone), now.astimezone(zone).date()
    return local.strftime("%H:%M" if local.date() == today else "%Y-%m-%d %H:%M")


def _said_at(news: News, now: datetime) -> datetime | None:
    """Return when a message that the broker had kept was sent; ``None`` if it does not tell."""
    if isinstance(news, Availability) or news.clock == "unsynchronised":
        return None
    try:
        return min(datetime.fromisoformat(news.time).astimezone(UTC), now)
    except (ValueError, OverflowError):  # the pattern allows a 31st of February
        return None


def _latest(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((at for at in (one, other) if at is not None), default=None)


def _refused(health: Health) -> float:
    """Return the share of faces that could not vote; 0 while there are too few to tell."""
    if health.faces_seen < _FACES_MIN:
        return 0.0
    return min(1.0, sum(health.faces_refused.values()) / health.faces_seen)


def _reason(health: Health) -> str:
    """Return the most frequent reason of a refusal."""
    return max(health.faces_refused, key=lambda why: health.faces_refused[why], default="")
