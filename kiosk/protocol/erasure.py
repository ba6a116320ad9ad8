"""Messages by which the register has a kiosk erase faces, and hears what became of it.

- :class:`ErasureOrders`, register → kiosk: the orders that this kiosk has not carried out. It is
  retained, signed by the register for this kiosk, and each order is sealed for it
  (:mod:`kiosk.protocol.sealing`): others can neither give orders nor read who is erased.
- :class:`ErasureReceipts`, kiosk → register: what became of the orders of the newest list. It names
  nobody.

An order says which consent was withdrawn, by its number at the register. Whoever was enrolled after
a kiosk had carried out that order has agreed again, so the order does not count for them any more.
No clock decides: lists have a growing version, consents a growing number.
"""

from typing import Annotated, Final, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from kiosk.errors import PayloadError
from kiosk.protocol.delivery import SEQUENCE_MAX
from kiosk.protocol.event import Signature, Uuid4
from kiosk.protocol.payload import decode_payload, encode_payload
from kiosk.protocol.sealing import Opener, seal

ORDERS_MAX: Final = 30
"""So many orders, and their receipts, fit into the largest payload that is read. The others follow
when these are carried out."""

Version: TypeAlias = Annotated[int, Meta(ge=1, le=SEQUENCE_MAX)]
_Count: TypeAlias = Annotated[int, Meta(ge=0, le=SEQUENCE_MAX)]
_Words: TypeAlias = Annotated[str, Meta(min_length=1, max_length=100)]


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """Whose face to erase; the content of :attr:`SealedOrder.sealed`.

    Attributes:
        subject_id: The person.
        consent: The number of the consent that was withdrawn; a later one has a higher number.
    """

    subject_id: Annotated[str, Meta(min_length=1, max_length=200)]
    consent: Version


class SealedOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order that one kiosk alone can read.

    Attributes:
        order: Names the order, and nobody.
        sealed: :class:`Order` as JSON, sealed; base64url without padding.
    """

    order: Uuid4
    sealed: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{64,2000}$")]


class ErasureOrders(msgspec.Struct, frozen=True, kw_only=True):
    """All orders that a kiosk has not carried out yet. Reading ignores unknown keys.

    Attributes:
        version: It grows with each change; a kiosk ignores a list that is older than its own.
        orders: The orders; none if all were carried out or taken back.
        signature: The last field, by the register's key.
    """

    version: Version
    orders: Annotated[tuple[SealedOrder, ...], Meta(max_length=ORDERS_MAX)]
    signature: Signature | UnsetType = UNSET


class NotErased(msgspec.Struct, frozen=True, kw_only=True):
    """A place that may still hold the person.

    Attributes:
        place: A file of the kiosk, or "running kiosk".
        why: One of a few words, such as "locked"; a newer kiosk may say others.
    """

    place: _Words
    why: _Words


class ErasureResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an order.

    Attributes:
        order: Which one.
        erased: How much was erased, by place.
        not_erased: What could not be; the kiosk tries again. If empty, the order is carried out.
    """

    order: Uuid4
    erased: Annotated[dict[str, _Count], Meta(max_length=20)] = {}
    not_erased: Annotated[tuple[NotErased, ...], Meta(max_length=20)] = ()

    @property
    def is_done(self) -> bool:
        """Whether the order is carried out."""
        return not self.not_erased


class ErasureReceipts(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the orders of a list; an order that is not named has not begun.

    Attributes:
        version: Of the newest list that the kiosk took.
        results: By order.
        signature: The last field, by the kiosk's key.
    """

    version: Version
    results: Annotated[tuple[ErasureResult, ...], Meta(max_length=ORDERS_MAX)] = ()
    signature: Signature | UnsetType = UNSET


def seal_order(order: Order, public_key: str) -> str:
    """Seal an order for the kiosk with this key.

    Raises:
        PayloadError: This is no public key.
    """
    return seal(msgspec.json.encode(order), public_key)


def open_order(sealed: str, opener: Opener) -> Order:
    """Open an order.

    Raises:
        PayloadError: It was not sealed for this kiosk, or is no order.
    """
    order: Order = decode_payload(opener.open(sealed), Order, "an erasure order")
    return order


def encode_orders(orders: ErasureOrders) -> bytes:
    """Write the message as JSON.

    Raises:
        PayloadError: A field breaks the schema.
    """
    return encode_payload(orders, decode_orders)


def decode_orders(payload: bytes) -> ErasureOrders:
    """Read the message.

    Raises:
        PayloadError: The payload is not such a message, or names an order twice.
    """
    orders: ErasureOrders = decode_payload(payload, ErasureOrders, "a list of erasure orders")
    if len({one.order for one in orders.orders}) < len(orders.orders):
        raise PayloadError("not a list of erasure orders: one is there twice")
    return orders


def encode_receipts(receipts: ErasureReceipts) -> bytes:
    """Write the message as JSON.

    Raises:
        PayloadError: A field breaks the schema.
    """
    return encode_payload(receipts, decode_receipts)


def decode_receipts(payload: bytes) -> ErasureReceipts:
    """Read the message.

    Raises:
        PayloadError: The payload is not such a message.
    """
    receipts: ErasureReceipts = decode_payload(payload, ErasureReceipts, "erasure receipts")
    return receipts


def decode_result(text: str) -> ErasureResult:
    """Read one result, as it was stored.

    Raises:
        PayloadError: It is none.
    """
    result: ErasureResult = decode_payload(text.encode(), ErasureResult, "an erasure result")
    return result
