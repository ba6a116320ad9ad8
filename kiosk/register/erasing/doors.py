"""What each kiosk has done with the orders of a withdrawal, for the pages."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from kiosk.protocol.erasure import NotErased
from kiosk.protocol.topics import KioskAddress
from kiosk.register.erasing.obstacle import Obstacle, ability_of
from kiosk.register.erasing.orders import address_of, result_of
from kiosk.register.identity.own_key import own_public_key
from kiosk.register.models import Consent, ErasureOrder, Kiosk

State: TypeAlias = Literal["done", "failed", "waiting", "by hand", "taken back", "retired"]


@dataclass(frozen=True, slots=True)
class Door:
    """A kiosk and what became of its orders: one for each id that the person has.

    Attributes:
        address: The kiosk.
        state: "done"; "failed": it has answered that something is left, and tries again;
            "waiting": it has not answered yet; "by hand": it takes no order; "taken back"; or
            "retired": it is out of service.
        at: When it was done, or answered last; ``None`` without an answer.
        not_erased: What is left, and why.
        obstacle: Why it takes no order.
        heard_at: When its newest report came.
    """

    address: KioskAddress
    state: State
    at: datetime | None
    not_erased: tuple[NotErased, ...]
    obstacle: Obstacle
    heard_at: datetime | None


@dataclass(frozen=True, slots=True)
class Doors:
    """All kiosks of a withdrawal, by address."""

    all: tuple[Door, ...] = ()

    @property
    def done(self) -> list[Door]:
        """Those that have erased the face."""
        return [one for one in self.all if one.state == "done"]

    @property
    def open(self) -> list[Door]:
        """Those that have not."""
        return [one for one in self.all if one.state in {"failed", "waiting", "by hand"}]

    @property
    def total(self) -> int:
        """How many are in service."""
        return len(self.done) + len(self.open)

    @property
    def by_hand(self) -> list[Door]:
        """Those at which a person must erase it."""
        return [one for one in self.open if one.state == "by hand"]


def load_doors(consents: Iterable[Consent]) -> dict[int, Doors]:
    """Return the kiosks of each of these withdrawals, by its key."""
    found: dict[int, list[Door]] = {one.pk: [] for one in consents}
    rows = list(ErasureOrder.objects.filter(consent__in=list(found)).order_by("made_at"))
    kiosks = {address_of(one): one for one in Kiosk.objects.all()} if rows else {}
    own = own_public_key() if rows else ""
    of_door: dict[tuple[int, KioskAddress], list[ErasureOrder]] = {}
    for row in rows:
        of_door.setdefault((row.consent_id or 0, address_of(row)), []).append(row)
    for (consent, address), orders in sorted(of_door.items(), key=lambda one: str(one[0][1])):
        found[consent].append(_door(orders, address, kiosks.get(address), own))
    return {key: Doors(tuple(doors)) for key, doors in found.items()}


def _door(
    rows: list[ErasureOrder], address: KioskAddress, kiosk: Kiosk | None, own_key: str
) -> Door:
    obstacle = ability_of(kiosk, own_key).obstacle
    # What is not done counts more than what is.
    row = min(rows, key=lambda one: (one.done_at is not None, one.cancelled_at is not None))
    not_erased = tuple(dict.fromkeys(each for one in rows for each in result_of(one).not_erased))
    return Door(
        address=address,
        state=_state(row, kiosk, is_able=not obstacle, has_rest=bool(not_erased)),
        at=max((at for one in rows if (at := one.done_at or one.answered_at)), default=None),
        not_erased=not_erased,
        obstacle=obstacle,
        heard_at=kiosk.health_at if kiosk else None,
    )


def _state(row: ErasureOrder, kiosk: Kiosk | None, *, is_able: bool, has_rest: bool) -> State:
    if row.done_at is not None:
        return "done"
    if row.cancelled_at is not None:
        return "taken back"
    if kiosk is not None and kiosk.retired_at is not None:
        return "retired"
    if not is_able:
        return "by hand"
    return "failed" if has_rest else "waiting"
