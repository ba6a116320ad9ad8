"""Which list of erasure orders a kiosk must be told next; pure."""

from collections.abc import Collection
from dataclasses import dataclass

from kiosk.protocol.erasure import ErasureOrders, SealedOrder


@dataclass(frozen=True, slots=True)
class Told:
    """What a kiosk was told, and what it has answered.

    Attributes:
        orders: The list that the broker keeps; ``None`` if it keeps none.
        heard: The version of the list that the kiosk has answered last; 0 without one.
        done: Those orders of the list that are carried out.
    """

    orders: ErasureOrders | None = None
    heard: int = 0
    done: Collection[str] = ()


def next_message(
    wanted: tuple[SealedOrder, ...], told: Told, now_s: int
) -> ErasureOrders | bytes | None:
    """Return what to publish: a list, ``b""`` to clear what the broker keeps, or nothing.

    A kiosk goes on with an order until it hears a newer list without it. So one that was taken back
    is replaced by an empty list first, which is cleared when the kiosk has answered it.

    Args:
        wanted: The orders that are open, sealed.
        told: What the kiosk knows.
        now_s: The time, Unix seconds; versions begin with it, and grow whatever the clock does.
    """
    last = told.orders.version if told.orders else 0
    version = max(now_s, last + 1, told.heard + 1)
    if wanted:
        is_told = told.orders is not None and told.orders.orders == wanted and told.heard <= last
        return None if is_told else ErasureOrders(version=version, orders=wanted)
    if told.orders is None:
        return None
    if not told.orders.orders:
        return b"" if told.heard >= last else None
    if all(one.order in told.done for one in told.orders.orders):
        return b""
    return ErasureOrders(version=version, orders=())
