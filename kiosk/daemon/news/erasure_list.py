"""The erasure orders that a kiosk has heard, kept so that none is lost, and none is run twice."""

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from kiosk.errors import PayloadError, UnusableFileError
from kiosk.files.atomic_file import atomic_write
from kiosk.files.bounded_file import read_file
from kiosk.protocol.erasure import ErasureOrders, ErasureResult, decode_orders
from kiosk.protocol.signature import is_signed_by
from kiosk.protocol.topics import KioskAddress

_log = logging.getLogger(__name__)

_BYTES_MAX: Final = 100_000


@dataclass(slots=True)
class Known:
    """The newest list, and what became of its orders.

    Attributes:
        payload: The list as it came.
        orders: What it says; ``None`` before the first one.
        results: By order.
    """

    payload: bytes = b""
    orders: ErasureOrders | None = None
    results: dict[str, ErasureResult] = field(default_factory=dict)

    @property
    def version(self) -> int:
        """The version of the list; 0 before the first one."""
        return self.orders.version if self.orders else 0

    @property
    def open(self) -> list[str]:
        """The orders that are not carried out, in their order."""
        names = [one.order for one in self.orders.orders] if self.orders else []
        return [one for one in names if one not in self.results or not self.results[one].is_done]

    def follow(self, payload: bytes, orders: ErasureOrders) -> "Known":
        """Return a newer list, with what became of the orders that are in both."""
        kept = {one.order for one in orders.orders}
        return Known(payload, orders, {k: v for k, v in self.results.items() if k in kept})


class _File(msgspec.Struct, frozen=True):
    orders: bytes
    results: tuple[ErasureResult, ...] = ()


@dataclass(frozen=True, slots=True)
class ErasureFile:
    """Where the newest list is kept. It names nobody: the orders stay sealed.

    Attributes:
        path: The file.
        address: This kiosk.
        register_key: The public key of the register; "" obeys nobody.
    """

    path: Path
    address: KioskAddress
    register_key: str

    def verified(self, payload: bytes) -> ErasureOrders:
        """Return the list of a message.

        Raises:
            PayloadError: It is none, or not the trusted register's for this kiosk.
        """
        orders = decode_orders(payload)
        if not self.register_key:
            raise PayloadError("no key of a register is set here (register.public_key)")
        if not is_signed_by(payload, self.address, self.register_key):
            raise PayloadError("not signed for this kiosk with the key register.public_key")
        return orders

    def load(self) -> Known:
        """Read what was kept; nothing, with a log line, if it cannot be used."""
        try:
            kept = msgspec.json.decode(read_file(self.path, _BYTES_MAX), type=_File)
            if not self.register_key:
                return Known()
            orders = self.verified(kept.orders)
        except FileNotFoundError:
            return Known()
        except (OSError, UnusableFileError, msgspec.DecodeError, ValueError, PayloadError) as exc:
            _log.warning("%s: not used, until the register sends it again (%s)", self.path, exc)
            return Known()
        return Known(kept.orders, orders, {one.order: one for one in kept.results})

    def save(self, known: Known) -> None:
        """Keep a list; without space for it, the orders are carried out again after a restart."""
        content = msgspec.json.encode(_File(known.payload, tuple(known.results.values())))
        try:
            with atomic_write(self.path, 0o600, owner_of=self.path.parent) as partial:
                partial.write_bytes(content)
        except OSError as exc:
            _log.warning("%s: cannot be written (%s)", self.path, exc.strerror)
