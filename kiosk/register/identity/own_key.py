"""The register's own key: it signs students' cards, and what kiosks must believe."""

import base64

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kiosk.protocol.signature import Signer
from kiosk.protocol.topics import KioskAddress
from kiosk.register.models import Register


def own_key() -> Ed25519PrivateKey:
    """Return the private key of this database."""
    text = Register.objects.get().card_key
    return Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode(text + "="))


def own_public_key() -> str:
    """Return the public key: ``register.public_key`` of the kiosks."""
    return Signer(own_key(), KioskAddress("", "", "")).public_key
