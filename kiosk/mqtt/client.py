"""paho's MQTT client, set up from the ``[mqtt]`` table of the configuration."""

import contextlib
import logging
import random
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from kiosk.bounded_file import read_file
from kiosk.config import MqttSection
from kiosk.errors import ConfigError
from kiosk.protocol.payload import PACKET_MAX

_log = logging.getLogger(__name__)

_PASSWORD_MAX: Final = 65_535
"""Bytes; MQTT carries no more."""
_RECEIVE_MAXIMUM: Final = 1000
"""How many unacknowledged messages the broker may send, which bounds the inbox (MQTT 5 only; in
3.1.1 the broker decides: Mosquitto sends 20 unless ``max_inflight_messages`` is configured)."""


def read_password(mqtt: MqttSection) -> str:
    """Read the password without the line break at its end; return "" when no file is set.

    A byte order mark, which editors of Windows write, is not part of the password.

    Raises:
        ConfigError: The file cannot be read as UTF-8.
    """
    if not mqtt.password_file:
        return ""
    try:
        return read_file(Path(mqtt.password_file), _PASSWORD_MAX).decode("utf-8-sig").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as exc:
        message = (
            f"mqtt.password_file: {mqtt.password_file} cannot be read as UTF-8 text ({_why(exc)})"
        )
        raise ConfigError(message) from exc


def check_broker_files(mqtt: MqttSection) -> None:
    """Check, without a connection, that the files of section ``mqtt`` can be used.

    Raises:
        ConfigError: The password or the certificate cannot be read.
    """
    read_password(mqtt)
    if mqtt.ca_file:
        try:
            ssl.create_default_context(cafile=mqtt.ca_file)
        except (OSError, ssl.SSLError) as exc:
            raise ConfigError(_not_certificates(mqtt.ca_file, exc)) from exc


def _not_certificates(ca_file: str, exc: Exception) -> str:
    return f"mqtt.ca_file: {ca_file} cannot be read as PEM certificates ({_why(exc)})"


class Client(paho.Client):
    """paho's client with manual acknowledgement, and a network thread that cannot end unnoticed.

    Args:
        mqtt: The configuration.
        client_id: The MQTT client id.
        password: The password of ``mqtt.username``.
        persistent: The broker keeps the MQTT session (subscriptions, unacknowledged messages)
            while this client is away, over restarts of the process too: for
            ``mqtt.session_expiry_s`` in MQTT 5, and in 3.1.1 for as long as the broker likes.
        retry_s: Shortest and longest wait between attempts to connect, seconds; paho doubles the
            wait in between. The shortest is multiplied by a random factor from 1 to 2, so that a
            school's kiosks do not all reconnect at once.

    Attributes:
        on_end: Called on the network thread when it ends, with the error that ended it, or
            ``None`` after :meth:`disconnect`.

    Raises:
        ConfigError: ``mqtt.ca_file`` cannot be used.
    """

    on_end: Callable[[Exception | None], None]

    def __init__(
        self,
        mqtt: MqttSection,
        client_id: str,
        *,
        password: str = "",
        persistent: bool = False,
        retry_s: tuple[float, float] = (1.0, 60.0),
    ) -> None:
        is_v5 = mqtt.protocol == "5"
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=None if is_v5 else not persistent,
            protocol=paho.MQTTv5 if is_v5 else paho.MQTTv311,
            manual_ack=True,
        )
        self._section = mqtt
        self._persistent = persistent
        self.on_end = lambda _error: None
        if mqtt.username:
            self.username_pw_set(mqtt.username, password)
        if mqtt.ca_file:
            self._trust(mqtt.ca_file)
        shortest = retry_s[0] * random.uniform(1, 2)  # noqa: S311 - jitter, not a secret
        # Annotated as whole seconds, but paho only adds, doubles and sleeps.
        self.reconnect_delay_set(shortest, retry_s[1])  # type: ignore[arg-type]

    def start(self) -> None:
        """Start the network thread, which connects, and reconnects until :meth:`disconnect`."""
        mqtt = self._section
        options: dict[str, Any] = {}
        if mqtt.protocol == "5":  # in 3.1.1, clean_session says the same
            options["clean_start"] = not self._persistent
            options["properties"] = _connect_properties(mqtt, persistent=self._persistent)
        self.connect_async(mqtt.host, mqtt.port, mqtt.keepalive_s, **options)
        self.loop_start()

    def cut(self) -> None:
        """Break the TCP connection; the network thread notices and connects again."""
        link = self.socket()
        if isinstance(link, socket.socket):
            with contextlib.suppress(OSError):  # it has ended meanwhile
                link.shutdown(socket.SHUT_RDWR)

    def loop_forever(
        self,
        timeout: float = 1.0,
        retry_first_connection: bool = False,  # noqa: FBT001, FBT002 - paho's signature
    ) -> MQTTErrorCode:
        """Run the network loop and report its end; paho calls this on its thread."""
        try:
            code = super().loop_forever(timeout, retry_first_connection)
        except Exception as exc:  # noqa: BLE001 - the top of a thread; on_end ends the process
            _log.exception("the MQTT network thread failed")
            self.on_end(exc)
            return MQTTErrorCode.MQTT_ERR_UNKNOWN
        self.on_end(None)
        return code

    def _trust(self, ca_file: str) -> None:
        try:
            self.tls_set(ca_certs=ca_file)
        except (OSError, ssl.SSLError) as exc:
            raise ConfigError(_not_certificates(ca_file, exc)) from exc


def correlation_properties(correlation: bytes | None) -> Properties | None:
    """Return the properties of a PUBLISH that answers a request."""
    if correlation is None:
        return None
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.CorrelationData = correlation
    return properties


def _connect_properties(mqtt: MqttSection, *, persistent: bool) -> Properties:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = mqtt.session_expiry_s if persistent else 0
    properties.ReceiveMaximum = _RECEIVE_MAXIMUM
    properties.MaximumPacketSize = PACKET_MAX
    return properties


def _why(exc: Exception) -> str:
    """Return the reason without the file's name, which the message already holds."""
    return getattr(exc, "strerror", None) or str(exc)
