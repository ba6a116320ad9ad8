"""paho's MQTT client, set up from the ``[mqtt]`` table of the configuration."""

import contextlib
import ipaddress
import logging
import random
import socket
import time
from collections.abc import Callable
from typing import Any, Final

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from kiosk.config import private_file
from kiosk.config.mqtt import MqttSection
from kiosk.mqtt.rivalry import SESSION_TAKEN_OVER, Certainty, Rivalry, Verdict
from kiosk.mqtt.tls import tls_context
from kiosk.protocol.payload import PACKET_MAX

_log = logging.getLogger(__name__)

"""Bytes; MQTT carries no more."""
_RECEIVE_MAXIMUM: Final = 1000
"""How many unacknowledged messages the broker may send, which bounds the inbox (MQTT 5 only; in
3.1.1 the broker decides: Mosquitto sends 20 unless ``max_inflight_messages`` is configured)."""


def read_password(mqtt: MqttSection) -> str:
    """Read the broker's password; return "" when no file is set.

    Warn when it would go through a network as plain text.

    Raises:
        ConfigError: As :func:`kiosk.config.private_file.read_password`.
    """
    password = private_file.read_password("mqtt.password_file", mqtt.password_file)
    if password and not mqtt.ca_file and not _is_this_machine(mqtt.host):
        message = "mqtt.ca_file: empty, so the password goes to %s as plain text: use TLS"
        _log.warning(message, mqtt.host)
    return password


def check_broker_files(mqtt: MqttSection) -> None:
    """Check, without a connection, that the files of section ``mqtt`` can be used.

    Raises:
        ConfigError: The password or a file for TLS cannot be used.
    """
    read_password(mqtt)
    tls_context(mqtt)


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
        ConfigError: A file for TLS cannot be used (:func:`kiosk.mqtt.tls.tls_context`).
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
        if (context := tls_context(mqtt)) is not None:
            self.tls_set_context(context)
        shortest_s = retry_s[0] * random.uniform(1, 2)  # noqa: S311 - jitter, not a secret
        self._retry_s = (shortest_s, retry_s[1])
        self._rivalry = Rivalry(*self._retry_s)
        self._is_yielding = False
        self._set_waits(*self._retry_s)

    def start(self) -> None:
        """Start the network thread, which connects, and reconnects until :meth:`disconnect`."""
        mqtt = self._section
        options: dict[str, Any] = {}
        if mqtt.protocol == "5":  # in 3.1.1, clean_session says the same
            options["clean_start"] = not self._persistent
            options["properties"] = _connect_properties(mqtt, persistent=self._persistent)
        self.connect_async(mqtt.host, mqtt.port, mqtt.keepalive_s, **options)
        self.loop_start()

    def began(self) -> None:
        """Note, on the network thread, that the broker has accepted the connection."""
        self._rivalry.began(time.monotonic())
        self._wait_as_usual()

    def failed(self) -> None:
        """Note, on the network thread, that the broker cannot be reached."""
        self._wait_as_usual()

    def ended(self, reason: ReasonCode) -> Verdict:
        """Note, on the network thread, that a connection has ended; set the wait that follows."""
        is_taken_over = reason.value == SESSION_TAKEN_OVER
        verdict = self._rivalry.ended(time.monotonic(), is_taken_over=is_taken_over)
        if verdict.wait_s is not None:
            self._is_yielding = True
            self._set_waits(verdict.wait_s, verdict.wait_s)
        return verdict

    @property
    def rival(self) -> Certainty:
        """Whether another client uses our client id; any thread may ask."""
        return self._rivalry.certainty(time.monotonic())

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

    def _wait_as_usual(self) -> None:
        if self._is_yielding:  # or paho would begin to double its wait again
            self._is_yielding = False
            self._set_waits(*self._retry_s)

    def _set_waits(self, shortest_s: float, longest_s: float) -> None:
        # Annotated as whole seconds, but paho only adds, doubles and sleeps.
        self.reconnect_delay_set(shortest_s, longest_s)  # type: ignore[arg-type]  # floats do


def _connect_properties(mqtt: MqttSection, *, persistent: bool) -> Properties:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's own
    properties.SessionExpiryInterval = mqtt.session_expiry_s if persistent else 0
    properties.ReceiveMaximum = _RECEIVE_MAXIMUM
    properties.MaximumPacketSize = PACKET_MAX
    return properties


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in {"localhost", socket.gethostname()}
