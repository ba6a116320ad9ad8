"""TLS with the broker: our certificates, and what is wrong when it fails."""

import logging
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeAlias

from kiosk.config.mqtt import MqttSection
from kiosk.config.private_file import warn_of_readers
from kiosk.errors import ConfigError, reason_of
from kiosk.files.bounded_file import read_file, require_file

_log = logging.getLogger(__name__)

_PROBE_S: Final = 3.0
_PEM_BYTES_MAX: Final = 10_000_000
_OUT_OF_DATE: Final = (9, 10)
"""OpenSSL's codes of a certificate that is not valid yet, and of one that is not any more."""

Probe: TypeAlias = Callable[[str, int], bool | None]
"""Tells whether the port of a host speaks TLS; ``None`` if that cannot be told."""


def tls_context(mqtt: MqttSection) -> ssl.SSLContext | None:
    """Return what to encrypt the connection with; ``None`` without ``mqtt.ca_file``.

    A client certificate that has expired is an error in the log, and not raised: the kiosk must
    record, and its clock may be wrong.

    Raises:
        ConfigError: A file cannot be read or used, or key and certificate do not match.
    """
    if not mqtt.ca_file:
        return None
    # Not create_default_context: from Python 3.13 on, it rejects what simple authorities make.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        require_file(Path(mqtt.ca_file), _PEM_BYTES_MAX)
        context.load_verify_locations(mqtt.ca_file)
    except (OSError, ssl.SSLError) as exc:
        why = reason_of(exc)
        message = f"mqtt.ca_file: {mqtt.ca_file} cannot be read as PEM certificates ({why})"
        raise ConfigError(message) from exc
    if mqtt.cert_file:
        _check_certificate(mqtt.cert_file, mqtt.key_file, datetime.now(UTC))
        context.load_cert_chain(mqtt.cert_file, mqtt.key_file)
    return context


def tls_advice(
    mqtt: MqttSection,
    cause: object,
    probe: Probe | None = None,
) -> str:
    """Return which key is wrong when the broker did not answer; "" when it is not one for TLS.

    Args:
        mqtt: The configuration.
        cause: What was reported.
        probe: Tells whether a port speaks TLS; tries it by default, which takes up to 3 s.
    """
    probe = probe or speaks_tls
    if mqtt.ca_file:
        return _advice_with_tls(mqtt, cause, probe)
    if not isinstance(cause, OSError) and probe(mqtt.host, mqtt.port):  # it took the connection
        return (
            "speaks TLS on this port, and mqtt.ca_file is empty: set mqtt.ca_file, or mqtt.port to "
            "its port without TLS (usually 1883)"
        )
    return ""


def _advice_with_tls(mqtt: MqttSection, cause: object, probe: Probe) -> str:
    if isinstance(cause, ssl.SSLCertVerificationError):
        text = f"has a certificate that is not accepted ({cause.verify_message}): check"
        if cause.verify_code in _OUT_OF_DATE:
            return f"{text} the clock of this machine (`timedatectl`), then renew the certificate"
        return f"{text} mqtt.ca_file and mqtt.host"
    if isinstance(cause, OSError) and not isinstance(cause, ssl.SSLError | ConnectionResetError):
        return ""
    is_tls = probe(mqtt.host, mqtt.port)
    if is_tls is None:
        return ""
    if is_tls:
        return (
            "ends the TLS connection before it answers: it may ask for a client certificate, or not"
            " accept ours: check mqtt.cert_file and mqtt.key_file"
        )
    return (
        "speaks no TLS on this port, and mqtt.ca_file is set: set mqtt.port to its port with TLS "
        "(usually 8883), or empty mqtt.ca_file"
    )


def speaks_tls(host: str, port: int) -> bool | None:
    """Try whether a port speaks TLS; return ``None`` if that cannot be told."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # nothing is sent: the question is only what answers
    try:
        with socket.create_connection((host, port), _PROBE_S) as link:
            try:
                context.wrap_socket(link, server_hostname=host).close()
            except ssl.SSLError as exc:
                return "ALERT" in (exc.reason or "")  # an alert is an answer in TLS
            except ConnectionResetError:
                return False
    except (OSError, ValueError):
        return None
    return True


def _check_certificate(cert_file: str, key_file: str, now: datetime) -> None:
    """Check that a certificate and its key can be used together.

    Raises:
        ConfigError: They cannot.
    """
    # Imported late: most kiosks use a password.
    from cryptography import x509  # noqa: PLC0415 - slow to load
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - slow

    cert_pem, key_pem = _read("mqtt.cert_file", cert_file), _read("mqtt.key_file", key_file)
    try:
        certificate = x509.load_pem_x509_certificate(cert_pem)
    except ValueError as exc:
        raise ConfigError(f"mqtt.cert_file: {cert_file} holds no PEM certificate") from exc
    try:
        key = serialization.load_pem_private_key(key_pem, password=None)
    except TypeError as exc:
        message = f"mqtt.key_file: {key_file} is encrypted; nobody can type its passphrase here"
        raise ConfigError(message) from exc
    except ValueError as exc:
        raise ConfigError(f"mqtt.key_file: {key_file} holds no PEM private key") from exc
    warn_of_readers("mqtt.key_file", Path(key_file))
    if key.public_key() != certificate.public_key():
        message = f"mqtt.key_file: {key_file} is not the key of mqtt.cert_file ({cert_file})"
        raise ConfigError(message)
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        days = [one.strftime("%Y-%m-%d") for one in (begin, end, now)]
        message = "mqtt.cert_file: %s is valid from %s to %s, and today is %s: it will be rejected"
        _log.error(message, cert_file, *days)


def _read(key: str, file: str) -> bytes:
    try:
        return read_file(Path(file), _PEM_BYTES_MAX)
    except OSError as exc:
        raise ConfigError(f"{key}: {file} cannot be read ({exc.strerror})") from exc
