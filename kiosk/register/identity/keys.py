"""Whether a message that counts was signed by the kiosk that it names; pure.

A message without an accepted signature goes to the bin, and its number does not count as stored:
whoever may publish as a kiosk could otherwise have its true events deleted.

Health comes every minute, so it would fill the bin: it is dropped, and the kiosk's page says so. A
kiosk of an older version signs its events alone: its health is accepted until the first one that is
signed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from kiosk.protocol.signature import is_signed, is_signed_by
from kiosk.protocol.topics import KioskAddress
from kiosk.register.config import RegisterSection
from kiosk.register.messages.arrival import (
    ErasureReceiptReading,
    EventReading,
    HealthReading,
    Reading,
    Reason,
    RefusedHealthReading,
    Rejected,
    ReplayDoneReading,
    outbox_of,
)

Requirement: TypeAlias = Literal["off", "listed", "all"]
KeyState: TypeAlias = Literal["none", "announced", "trusted", "changed"]
"""A kiosk has announced no key; one that is not trusted; one that is; or another one since."""
SignatureState: TypeAlias = Literal["unsigned", "own", "signed", "mismatch"]
"""A health message is not signed; signed with the key that it names, which is not trusted; with a
trusted key; or with another one, or was changed since."""


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
        signing: The kiosks whose stored health is signed with a trusted key.
    """

    policy: SignaturePolicy = SignaturePolicy()
    keys: Mapping[KioskAddress, Keys] = field(default_factory=dict)
    owners: Mapping[str, KioskAddress] = field(default_factory=dict)
    signing: frozenset[KioskAddress] = frozenset()

    def check(self, reading: Reading) -> Reading:
        """Return the message, or why it is not accepted."""
        if isinstance(reading, HealthReading):
            return self._check_health(reading)
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

    def _check_health(self, reading: HealthReading) -> HealthReading | RefusedHealthReading:
        keys = self._keys_for(reading.address, reading.outbox_id)
        state = _state(reading, keys)
        is_older = state == "unsigned" and reading.address not in self.signing
        if self.policy.require == "off" or not keys.trusted or state == "signed" or is_older:
            return replace(reading, signature=state)
        return RefusedHealthReading(reading.arrival, reading.address)

    def _keys_for(self, address: KioskAddress, outbox_id: str | None) -> Keys:
        owner = self.owners.get(outbox_id or "", address)
        keys = self.keys.get(owner, Keys())
        return keys if keys.trusted else self.keys.get(address, Keys())


def _signer_of(reading: Reading) -> KioskAddress | None:
    """Return who must have signed a message; ``None`` if nobody must.

    An event of a newer type, which goes to the bin, counts by its number, too.
    """
    match reading:
        case EventReading() | ReplayDoneReading() | ErasureReceiptReading():
            return reading.address
        case Rejected(outbox_id=str()):
            return reading.address
        case _:
            return None


def _state(reading: HealthReading, keys: Keys) -> SignatureState:
    payload, address = reading.arrival.payload, reading.address
    if not is_signed(payload):
        return "unsigned"
    if any(is_signed_by(payload, address, key) for key in keys.trusted):
        return "signed"
    is_own = reading.public_key and is_signed_by(payload, address, reading.public_key)
    return "own" if is_own else "mismatch"


def _why(payload: bytes, address: KioskAddress, keys: Keys) -> str:
    if not is_signed(payload):
        return "not signed"
    if any(is_signed_by(payload, address, key) for key in keys.announced):
        return f"signed with a key that is not trusted: kiosk register kiosks --trust {address}"
    return "signed with another key, or changed since"
