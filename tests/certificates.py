"""A certificate authority for tests, and certificates that it signs; made in milliseconds."""

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)


class Authority:
    """Writes PEM files into a folder: its own ``ca.pem``, and pairs ``NAME.pem``, ``NAME.key``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("authority of the test")
        constraint = x509.BasicConstraints(ca=True, path_length=None)
        certificate = self._build(self._name, self._key.public_key(), 1, constraint)
        self.ca_file = folder / "ca.pem"
        self.ca_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, file: str, name: str, days: int = 1) -> tuple[Path, Path]:
        """Write a certificate for a common name and 127.0.0.1; return it and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        certificate = self._build(_name(name), key.public_key(), days, here)
        paths = self.folder / f"{file}.pem", self.folder / f"{file}.key"
        paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        paths[1].touch(0o600)
        paths[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return paths

    def _build(
        self,
        name: x509.Name,
        key: ec.EllipticCurvePublicKey,
        days: int,
        extension: x509.ExtensionType,
    ) -> x509.Certificate:
        end = datetime.now(UTC) + days * DAY
        builder = x509.CertificateBuilder(self._name, name, key, x509.random_serial_number())
        builder = builder.not_valid_before(end - 400 * DAY).not_valid_after(end)
        return builder.add_extension(extension, critical=False).sign(self._key, hashes.SHA256())


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
