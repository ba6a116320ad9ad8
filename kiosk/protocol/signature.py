"""The signature of a message: who may publish as a kiosk still cannot forge its events.

A kiosk signs its events, its health, its answers to replay requests and its receipts with Ed25519
(RFC 8032); the register signs lists of cards and erasure orders. The signature is the last field of
the JSON object::

    {"type":"attendance", ... ,"signature":"<86 characters, base64url without padding>"}

Signed are these bytes: ``attendance-kiosk 1``, a line feed, the kiosk's ``SITE/ROOM/ID``, a line
feed, and the payload as it was before the field was added. So a reader removes the bytes from
``,"signature":"`` up to the last brace, without parsing anything; a reader that knows no signatures
ignores the field. The kind in the topic is not signed: an event that is sent again keeps its bytes.

A kiosk tells its public key in its health message. A person, or a setting, decides whether the
register trusts it (:mod:`kiosk.register.identity.keys`). The register's key stands in the kiosk's
configuration.
"""

import base64
import binascii
import hashlib
from functools import lru_cache
from typing import Annotated, Final, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Meta

from kiosk.protocol.topics import KioskAddress

PublicKey: TypeAlias = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{43}\Z")]
"""The 32 bytes of a public key, base64url without padding."""

_CONTEXT: Final = b"attendance-kiosk 1\n"
_FIELD: Final = b',"signature":"'
_END: Final = b'"}'
_CHARACTERS: Final = 86
_ADDED: Final = len(_FIELD) + _CHARACTERS + len(_END)


class Signer:
    """Signs what one kiosk says, or what the register says to it.

    Args:
        key: The private key.
        address: The kiosk.
    """

    def __init__(self, key: Ed25519PrivateKey, address: KioskAddress) -> None:
        self._key = key
        self._address = address

    @property
    def public_key(self) -> str:
        """The public key, as it is told to others."""
        return _text(self._key.public_key().public_bytes_raw())

    def sign(self, payload: bytes) -> bytes:
        """Return a JSON object, which must not be empty, with the signature added."""
        signature = self._key.sign(_signed(payload, self._address))
        return payload[:-1] + _FIELD + _text(signature).encode() + _END


def is_signed(payload: bytes) -> bool:
    """Return whether a payload ends with a signature, right or wrong."""
    return payload[-_ADDED:].startswith(_FIELD) and payload.endswith(_END)


def is_signed_by(payload: bytes, address: KioskAddress, public_key: str) -> bool:
    """Return whether this kiosk has signed a payload with this key."""
    if not is_signed(payload):
        return False
    text = payload[-_ADDED + len(_FIELD) : -len(_END)].decode("ascii", "replace")
    try:
        signature = base64.b64decode(text + "==", altchars=b"-_", validate=True)
        if _text(signature) != text:  # the same signature written otherwise
            return False
        _load(public_key).verify(signature, _signed(payload[:-_ADDED] + b"}", address))
    except (InvalidSignature, ValueError, binascii.Error):
        return False
    return True


def fingerprint(public_key: str) -> str:
    """Return what a person compares: 16 hexadecimal digits of the key's SHA-256, in fours."""
    digits = hashlib.sha256(public_key.encode()).hexdigest()[:16]
    return " ".join(digits[i : i + 4] for i in range(0, 16, 4))


@lru_cache(maxsize=4096)
def _load(public_key: str) -> Ed25519PublicKey:
    raw = base64.b64decode(public_key + "=", altchars=b"-_", validate=True)
    return Ed25519PublicKey.from_public_bytes(raw)


def _signed(payload: bytes, address: KioskAddress) -> bytes:
    return b"%s%s\n%s" % (_CONTEXT, str(address).encode(), payload)


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
