"""The erasure orders that a kiosk has heard, kept so that none is lost, and none is run twice."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

import msgspec

from kiosk.daemon.news.kept_file import KeptFile
from kiosk.errors import PayloadError
from kiosk.protocol.erasure import ErasureOrders, ErasureResult, decode_orders
from kiosk.protocol.payload import decode_payload
from kiosk.protocol.signature import is_signed_by
from kiosk.protocol.topics import KioskAddress

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


class _Kept(msgspec.Struct, frozen=True):
    orders: bytes
    results: tuple[ErasureResult, ...] = ()


@dataclass(frozen=True, slots=True)
class ErasureFile:
    """Where the newest list is kept. It names nobody: the orders stay sealed.

    Attributes:
        file: Keeps it, with what became of its orders.
        address: This kiosk.
        register_key: The public key of the register; "" obeys nobody.
    """

    file: KeptFile
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

    @classmethod
    def at(cls, path: Path, address: KioskAddress, register_key: str) -> Self:
        """Keep the list in the file ``path``."""
        return cls(KeptFile(path, _BYTES_MAX), address, register_key)

    def load(self) -> Known:
        """Return what was kept; nothing without a key, or if it cannot be used."""
        return (self.file.load(self._read) if self.register_key else None) or Known()

    def save(self, known: Known) -> None:
        """Keep a list; without space for it, the orders are carried out again after a restart."""
        self.file.save(msgspec.json.encode(_Kept(known.payload, tuple(known.results.values()))))

    def _read(self, content: bytes) -> Known:
        kept: _Kept = decode_payload(content, _Kept, "kept orders", size_max=_BYTES_MAX)
        orders = self.verified(kept.orders)
        return Known(kept.orders, orders, {one.order: one for one in kept.results})
