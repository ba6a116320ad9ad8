"""Messages that make sure that the register gets every event.

QoS 1 is transport, not delivery: a kiosk keeps each event until the register has confirmed it, and
sends again what the register asks for.

- :class:`Confirmation`, register → kiosk: everything up to this number is committed.
- :class:`ReplayRequest`, register → kiosk: send these numbers again.
- :class:`ReplayDone`, kiosk → register: that was done, except for numbers that are gone.

An event is named by its outbox id and its number in that outbox (``sequence``). All three messages
ignore fields that they do not know.
"""

from typing import Annotated, Final, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, Meta, UnsetType

from kiosk.errors import PayloadError
from kiosk.protocol.event import Signature, Uuid4
from kiosk.protocol.payload import decode_payload, encode_payload

SEQUENCE_MAX: Final = 2**53 - 1
"""The largest number that every reader of JSON keeps exactly."""

Sequence = Annotated[int, Meta(ge=1, le=SEQUENCE_MAX)]
SequenceRange = tuple[Sequence, Sequence]
"""First and last number, both included."""


class Confirmation(msgspec.Struct, frozen=True, kw_only=True):
    """Every event of the outbox up to and including ``sequence`` is committed in the register.

    It is retained and cumulative: the last one says everything. 0 confirms no event, and says that
    there is a register.

    Attributes:
        register_id: Which register; all instances on one database share it.
        outbox_id: Whose numbers these are; a kiosk ignores those of another outbox.
        sequence: The highest number of an unbroken run from 1.
    """

    register_id: Uuid4
    outbox_id: Uuid4
    sequence: Annotated[int, Meta(ge=0, le=SEQUENCE_MAX)]


class ReplayRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Send the events ``first`` to ``last`` of the outbox again, as kind "replayed"."""

    outbox_id: Uuid4
    first: Sequence
    last: Sequence


class ReplayDone(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the kiosk still has of the requested range was sent.

    The register answers with a :class:`Confirmation`, also if nothing has changed.

    Attributes:
        outbox_id: The outbox of the request.
        first: First number of the request.
        last: Last number of the request.
        gone: Ranges of it that the kiosk no longer has.
        signature: The last field (:mod:`kiosk.protocol.signature`).
    """

    outbox_id: Uuid4
    first: Sequence
    last: Sequence
    gone: tuple[SequenceRange, ...] = ()
    signature: Signature | UnsetType = UNSET


DeliveryMessage: TypeAlias = Confirmation | ReplayRequest | ReplayDone
"""Any of them."""

Message = TypeVar("Message", bound=DeliveryMessage)


def encode_delivery(message: DeliveryMessage) -> bytes:
    """Write a message as JSON.

    Raises:
        PayloadError: A field breaks the schema.
    """
    return encode_payload(message, lambda payload: decode_delivery(payload, type(message)))


def decode_delivery(payload: bytes, kind: type[Message]) -> Message:
    """Read a message of the given type.

    Raises:
        PayloadError: The payload is not JSON, not such a message, or a range ends before it begins.
    """
    message: Message = decode_payload(payload, kind, f"a {kind.__name__}")
    for first, last in _ranges(message):
        if last < first:
            raise PayloadError(f"not a {kind.__name__}: the range {first} to {last} is reversed")
    return message


def _ranges(message: DeliveryMessage) -> tuple[SequenceRange, ...]:
    match message:
        case Confirmation():
            return ()
        case ReplayRequest():
            return ((message.first, message.last),)
        case ReplayDone():
            return ((message.first, message.last), *message.gone)
