"""TLS with a real Mosquitto: the right port, client certificates, and what the log says else."""

import logging
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from kiosk.config.keys import Config, parse_config
from kiosk.config.mqtt import MqttSection
from kiosk.config.private_file import _WARNED
from kiosk.errors import BrokerError, ConfigError
from kiosk.mqtt.client import read_password
from kiosk.mqtt.connection import Connection
from kiosk.mqtt.tls import tls_advice, tls_context
from tests.certificates import Authority
from tests.mosquitto import PATIENCE_S, Mosquitto

Connect = Callable[[MqttSection], None]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture(autouse=True)
def _forget_warnings() -> Iterator[None]:
    yield
    _WARNED.clear()


def connect(mqtt: MqttSection) -> None:
    """Connect once; raise what a viewer would print."""
    connection = Connection(mqtt, "test", fail_fast=True, retry_s=(0.05, 0.1))
    connection.open()
    try:
        while not connection.room:
            connection.step(PATIENCE_S)
    finally:
        connection.close(1.0)


def section(mosquitto: Mosquitto, **values: object) -> MqttSection:
    facts = {"host": mosquitto.host, "port": mosquitto.port} | values
    return msgspec.convert(facts, MqttSection)


def use_tls(mosquitto: Mosquitto, authority: Authority, *options: str) -> None:
    certificate, key = authority.issue("server", "127.0.0.1")
    files = (f"certfile {certificate}", f"keyfile {key}", f"cafile {authority.ca_file}")
    mosquitto.configure("allow_anonymous true", *files, *options)
    mosquitto.restart()


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_port_with_tls_spoken_to_without(
    mosquitto: Mosquitto, authority: Authority, protocol: str
) -> None:
    """One line names the keys to change."""
    use_tls(mosquitto, authority)
    expected = r"speaks TLS on this port, and mqtt\.ca_file is empty: set mqtt\.ca_file, or mqtt\.p"
    with pytest.raises(BrokerError, match=expected):
        connect(section(mosquitto, protocol=protocol))


def test_a_port_without_tls_spoken_to_with(mosquitto: Mosquitto, authority: Authority) -> None:
    """One line names the keys to change."""
    expected = r"speaks no TLS on this port, and mqtt\.ca_file is set: set mqtt\.port"
    with pytest.raises(BrokerError, match=expected):
        connect(section(mosquitto, ca_file=str(authority.ca_file)))


@pytest.mark.parametrize("version", ["tlsv1.2", "tlsv1.3"])
def test_a_broker_that_asks_for_a_certificate(
    mosquitto: Mosquitto, authority: Authority, version: str
) -> None:
    """With the certificate the connection is made; without it, the line names the keys."""
    use_tls(mosquitto, authority, "require_certificate true", f"tls_version {version}")
    ca_file = str(authority.ca_file)
    with pytest.raises(BrokerError, match=r"check mqtt\.cert_file and mqtt\.key_file"):
        connect(section(mosquitto, ca_file=ca_file))
    cert_file, key_file = map(str, authority.issue("kiosk", "school/room-1/kiosk-1"))
    connect(section(mosquitto, ca_file=ca_file, cert_file=cert_file, key_file=key_file))


def test_a_certificate_out_of_date_may_be_the_clock(
    mosquitto: Mosquitto, authority: Authority
) -> None:
    """A Pi has no clock of its own: after a power cut its date may be wrong."""
    certificate, key = authority.issue("old", "127.0.0.1", days=-1)
    mosquitto.configure("allow_anonymous true", f"certfile {certificate}", f"keyfile {key}")
    mosquitto.restart()
    with pytest.raises(BrokerError, match=r"certificate has expired\): check the clock of this"):
        connect(section(mosquitto, ca_file=str(authority.ca_file)))


def test_a_wrong_name_in_the_brokers_certificate() -> None:
    """The line names the authority and the host."""
    error = ssl.SSLCertVerificationError("x")
    error.verify_code, error.verify_message = 64, "IP address mismatch"
    advice = tls_advice(MqttSection(host="h", ca_file="ca.pem"), error)
    assert advice.endswith("(IP address mismatch): check mqtt.ca_file and mqtt.host")


@pytest.mark.parametrize(
    ("cause", "answer"),
    [(OSError("no route"), True), (ConnectionRefusedError(), False), ("the end", None)],
)
def test_what_tls_did_not_cause_gets_no_advice(cause: object, answer: bool | None) -> None:  # noqa: FBT001
    """An absent broker, and one that cannot be tried now, are told as they are."""
    for ca_file in ("", "ca.pem"):
        mqtt = MqttSection(host="h", ca_file=ca_file)
        assert tls_advice(mqtt, cause, lambda _host, _port: answer) == ""


def test_bad_certificates_are_named(authority: Authority) -> None:
    """Absent, not PEM, the key of another, with a passphrase: each error names key and file."""
    cert_file, key_file = map(str, authority.issue("kiosk", "kiosk"))
    _, other_key = map(str, authority.issue("other", "other"))
    encrypted = authority.folder / "encrypted.key"
    encrypted.write_bytes(_encrypted())
    ca_file = str(authority.ca_file)
    for values, expected in (
        ((cert_file + "x", key_file), r"mqtt\.cert_file: .*pemx cannot be read \(No such"),
        ((cert_file, key_file + "x"), r"mqtt\.key_file: .*keyx cannot be read \(No such"),
        ((key_file, key_file), r"mqtt\.cert_file: .* holds no PEM certificate"),
        ((cert_file, cert_file), r"mqtt\.key_file: .* holds no PEM private key"),
        ((cert_file, other_key), r"mqtt\.key_file: .*other\.key is not the key of mqtt\.cert_file"),
        ((cert_file, str(encrypted)), r"mqtt\.key_file: .*encrypted\.key is encrypted"),
    ):
        mqtt = MqttSection(host="h", ca_file=ca_file, cert_file=values[0], key_file=values[1])
        with pytest.raises(ConfigError, match=expected):
            tls_context(mqtt)


def test_an_expired_certificate_is_an_error_in_the_log(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    """The kiosk starts all the same: it must record, and its own clock may be the wrong one."""
    cert_file, key_file = map(str, authority.issue("kiosk", "kiosk", days=-1))
    ca_file = str(authority.ca_file)
    assert tls_context(MqttSection("h", ca_file=ca_file, cert_file=cert_file, key_file=key_file))
    assert "it will be rejected" in caplog.text


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ("cert_file = 'a'\nca_file = 'c'", "key_file"),
        ("key_file = 'a'\nca_file = 'c'", "cert_file"),
        ("cert_file = 'a'\nkey_file = 'b'", "ca_file"),
    ],
)
def test_half_of_a_client_certificate_is_rejected(keys: str, problem: str) -> None:
    """Certificate, key and authority belong together."""
    with pytest.raises(ConfigError, match=rf"mqtt\.{problem}: .*needed when"):
        parse_config(f"[mqtt]\nhost = 'h'\n{keys}\n".encode(), "kiosk.toml")
    assert Config().mqtt.cert_file == ""


@pytest.mark.parametrize(
    ("values", "is_warned"),
    [
        ({"host": "broker.example"}, True),
        ({"host": "192.0.2.1"}, True),
        ({"host": "broker.example", "ca_file": "ca.pem"}, False),
        ({"host": "localhost"}, False),
        ({"host": "127.0.0.1"}, False),
        ({"host": "::1"}, False),
    ],
)
def test_a_password_as_plain_text_is_a_warning(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    values: dict[str, str],
    is_warned: bool,  # noqa: FBT001
) -> None:
    """Unless it stays on this machine, or TLS protects it."""
    path = tmp_path / "password"
    path.touch(0o640)
    path.write_text("secret")
    read_password(msgspec.convert({**values, "password_file": str(path)}, MqttSection))
    assert ("as plain text" in caplog.text) == is_warned
    assert "secret" not in caplog.text


def test_a_secret_that_others_can_read_is_a_warning(
    tmp_path: Path, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    """It names the key, the file and the command; once, however often the file is read."""
    caplog.set_level(logging.WARNING)
    cert_file, key_file = authority.issue("kiosk", "kiosk")
    path = tmp_path / "password"
    path.write_text("secret")
    for one in (path, key_file):
        one.chmod(0o644)
    mqtt = MqttSection(
        host="::1",
        password_file=str(path),
        ca_file=str(authority.ca_file),
        cert_file=str(cert_file),
        key_file=str(key_file),
    )
    for _ in range(2):
        read_password(mqtt)
        tls_context(mqtt)
    assert [record.getMessage() for record in caplog.records] == [
        f"mqtt.password_file: every user of this machine can use {path}: chmod 640",
        f"mqtt.key_file: every user of this machine can use {key_file}: chmod 640",
    ]


def _encrypted() -> bytes:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"passphrase"),
    )
