"""An MQTT client as the ``[mqtt]`` table of the configuration wants it."""

import logging
import random
import ssl
from collections.abc import Callable
from pathlib import Path

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from kiosk.config import MqttSection
from kiosk.errors import ConfigError

_log = logging.getLogger(__name__)


def read_password(mqtt: MqttSection) -> str:
    """Read the password; a line break at its end does not count. Without a file it is empty.

    Raises:
        ConfigError: The file cannot be read as UTF-8.
    """
    if not mqtt.password_file:
        return ""
    try:
        return Path(mqtt.password_file).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as exc:
        message = (
            f"mqtt.password_file: {mqtt.password_file} cannot be read as UTF-8 text ({_why(exc)})"
        )
        raise ConfigError(message) from exc


class Client(paho.Client):
    """paho's client with a network thread that cannot end unnoticed.

    Args:
        mqtt: The configuration.
        client_id: The MQTT client id.
        password: Goes with ``mqtt.username``.
        persistent: Keep the broker's session over a lost connection. A new process always starts a
            new session in MQTT 5 (clean start, first time only); MQTT 3.1.1 has no such choice and
            resumes the old one.
        retry_s: Shortest and longest wait between attempts to connect, seconds; paho doubles the
            wait in between. The shortest is stretched by chance up to twofold, so that a school's
            kiosks do not all come back at once.

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
        """Start the network thread, which connects, and connects again for ever."""
        properties = None
        if self._section.protocol == "5":
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            expiry_s = self._section.session_expiry_s if self._persistent else 0
            properties.SessionExpiryInterval = expiry_s
        self.connect_async(
            self._section.host,
            self._section.port,
            self._section.keepalive_s,
            clean_start=paho.MQTT_CLEAN_START_FIRST_ONLY,
            properties=properties,
        )
        self.loop_start()

    def loop_forever(
        self,
        timeout: float = 1.0,
        retry_first_connection: bool = False,  # noqa: FBT001, FBT002 - paho's signature
    ) -> MQTTErrorCode:
        """Run the network loop and tell when it ends; paho calls this on its thread."""
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
            message = f"mqtt.ca_file: {ca_file} cannot be read as PEM certificates ({_why(exc)})"
            raise ConfigError(message) from exc


def _why(exc: Exception) -> str:
    """Give the reason without the file's name, which stands in the message already."""
    return getattr(exc, "strerror", None) or str(exc)
