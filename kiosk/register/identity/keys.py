"""Whether a message that counts was signed by the kiosk that it names; pure.

A message without an accepted signature goes to the bin, and its number does not count as stored:
whoever may publish as a kiosk could otherwise have its true events deleted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from kiosk.protocol.signature import is_signed, is_signed_by
from kiosk.protocol.topics import KioskAddress
from kiosk.register.arrival import (
    EventReading,
    Reading,
    Reason,
    Rejected,
    ReplayDoneReading,
)
from kiosk.register.config import RegisterSection
from kiosk.register.progress import outbox_of

Requirement: TypeAlias = Literal["off", "listed", "all"]
KeyState: TypeAlias = Literal["none", "announced", "trusted", "changed"]
"""A kiosk has announced no key; one that is not trusted; one that is; or another one since."""


@dataclass(frozen=True, slots=True)
class SignaturePolicy:
    """Whose messages must be signed.

    Attributes:
        require: "off": nobody's; "listed": those of kiosks with a trusted key; "all": everybody's.
        trust_on_first_use: The first key that a kiosk announces is trusted.
    """

    require: Requirement = "listed"
    trust_on_first_use: bool = False


def signature_policy(section: RegisterSection) -> SignaturePolicy:
    """Return the policy that the configuration asks for."""
    return SignaturePolicy(section.require_signatures, section.trust_on_first_use)


@dataclass(frozen=True, slots=True)
class Keys:
    """The public keys of one kiosk: several trusted ones, if it has got a new one."""

    trusted: frozenset[str] = frozenset()
    announced: frozenset[str] = frozenset()

    @property
    def state(self) -> KeyState:
        """What a person is told about them."""
        if self.trusted:
            return "changed" if self.announced else "trusted"
        return "announced" if self.announced else "none"


@dataclass(frozen=True, slots=True)
class Authentication:
    """Checks signatures.

    Attributes:
        policy: Whose messages must be signed.
        keys: The keys of the kiosks that a batch of messages names.
        owners: Which kiosk has which outbox. Another one may go on with it only if the owner's key
            signs: that is the same kiosk under a new name.
    """

    policy: SignaturePolicy = SignaturePolicy()
    keys: Mapping[KioskAddress, Keys] = field(default_factory=dict)
    owners: Mapping[str, KioskAddress] = field(default_factory=dict)

    def check(self, reading: Reading) -> Reading:
        """Return the message, or why it goes to the bin."""
        if self.policy.require == "off" or (self.policy.require == "listed" and not self.keys):
            return reading
        address = _signer_of(reading)
        if address is None:
            return reading
        keys = self._keys_for(address, outbox_of(reading))
        if not keys.trusted and self.policy.require == "listed":
            return reading
        payload = reading.arrival.payload
        if any(is_signed_by(payload, address, key) for key in keys.trusted):
            return reading
        return Rejected(reading.arrival, Reason.SIGNATURE, _why(payload, address, keys))

    def _keys_for(self, address: KioskAddress, outbox_id: str | None) -> Keys:
        owner = self.owners.get(outbox_id or "", address)
        keys = self.keys.get(owner, Keys())
        return keys if keys.trusted else self.keys.get(address, Keys())


def _signer_of(reading: Reading) -> KioskAddress | None:
    """Return who must have signed a message; ``None`` if nobody must.

    An event of a newer type, which goes to the bin, counts by its number, too.
    """
    match reading:
        case EventReading() | ReplayDoneReading():
            return reading.address
        case Rejected(outbox_id=str()):
            return reading.address
        case _:
            return None


def _why(payload: bytes, address: KioskAddress, keys: Keys) -> str:
    if not is_signed(payload):
        return "not signed"
    if any(is_signed_by(payload, address, key) for key in keys.announced):
        return f"signed with a key that is not trusted: kiosk register kiosks --trust {address}"
    return "signed with another key, or changed since"
