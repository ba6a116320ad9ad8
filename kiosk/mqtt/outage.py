"""Log an outage of the broker: one line when it begins, one when it ends."""

import logging
from typing import Final

from paho.mqtt.reasoncodes import ReasonCode

from kiosk.config import MqttSection

_log = logging.getLogger(__name__)

_BAD_CREDENTIALS: Final = 0x86
_NOT_AUTHORIZED: Final = 0x87
_UNSUPPORTED_PROTOCOL: Final = 0x84
_CREDENTIALS: Final = "check mqtt.username and mqtt.password_file"
_REFUSALS: Final = {
    _BAD_CREDENTIALS: _CREDENTIALS,
    _NOT_AUTHORIZED: _CREDENTIALS,
    _UNSUPPORTED_PROTOCOL: "set mqtt.protocol to the version that the broker speaks",
}


def refusal(reason: ReasonCode) -> str:
    """Say why a broker refused to connect, and which key to look at."""
    advice = _REFUSALS.get(reason.value, "see the broker's log")
    return f"refuses this kiosk ({reason}); {advice}"


class Outage:
    """Logs an outage of the broker in one line when it begins and one when it ends.

    Args:
        mqtt: The configuration, which names the broker.
    """

    def __init__(self, mqtt: MqttSection) -> None:
        self._broker = f"{mqtt.host}:{mqtt.port}"
        self._kinds: set[str] = set()
        self._began_s = 0.0

    def away(self, cause: object, now_s: float) -> None:
        """Note that the broker cannot be reached, or that the connection broke.

        It is no news after a refusal, since a broker that refuses also hangs up.
        """
        if not self._kinds:
            self._note("away", f"is away ({cause})", now_s)

    def refused(self, reason: ReasonCode, now_s: float) -> None:
        """Note that the broker answers, and refuses us."""
        self._note("refused", refusal(reason), now_s)

    def over(self, now_s: float) -> None:
        """Note that the broker has accepted us."""
        if not self._kinds:
            _log.info("connected to MQTT broker %s", self._broker)
            return
        _log.info("MQTT broker %s is back after %.0f s", self._broker, now_s - self._began_s)
        self._kinds.clear()

    def _note(self, kind: str, message: str, now_s: float) -> None:
        if not self._kinds:
            self._began_s = now_s
        if kind not in self._kinds:
            self._kinds.add(kind)
            _log.warning("MQTT broker %s %s; trying again", self._broker, message)
