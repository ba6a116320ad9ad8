"""Report an outage of the broker: one log line when it begins and one when it ends."""

import logging
from collections.abc import Callable
from typing import Final

from paho.mqtt.reasoncodes import ReasonCode

from kiosk.counted import counted
from kiosk.errors import BrokerError
from kiosk.mqtt.rivalry import Verdict

_log = logging.getLogger(__name__)

_BAD_CREDENTIALS: Final = 0x86
_NOT_AUTHORIZED: Final = 0x87
_UNSUPPORTED_PROTOCOL: Final = 0x84
_CREDENTIALS: Final = "check mqtt.username and mqtt.password_file"
_UNSPECIFIED: Final = "Unspecified error"
"""What paho says when a connection ends without a word of the broker."""
_ADVICE: Final = {
    _BAD_CREDENTIALS: _CREDENTIALS,
    _NOT_AUTHORIZED: _CREDENTIALS,
    _UNSUPPORTED_PROTOCOL: "set mqtt.protocol to the version that the broker speaks",
}


class Outage:
    """Logs an outage of the broker in one line when it begins and one when it ends.

    Args:
        broker: What the broker is called in messages.
        rival: What to log when another client uses the same client id.
        advise: Says which key is wrong when the broker did not answer; "" if that is not known.
        fail_fast: Raise when the broker refuses the connection, or cannot be reached at first,
            instead of waiting for it.

    Attributes:
        fault: What is wrong with the connection; empty while it works.
    """

    def __init__(
        self,
        broker: str,
        *,
        rival: str = "",
        advise: Callable[[object], str] = lambda _cause: "",
        fail_fast: bool = False,
    ) -> None:
        self.fault = f"{broker} has not answered yet"
        self._broker = broker
        self._rival = rival
        self._advise = advise
        self._fail_fast = fail_fast
        self._was_connected = False
        self._is_answered = False
        self._logged: set[str] = set()
        self._began_s = 0.0
        self._is_silent = False

    def unreachable(self, cause: object, now_s: float) -> None:
        """Note that the broker cannot be reached, or that the connection broke.

        After a refusal this is not logged, since a broker that refuses also closes the connection.

        Raises:
            BrokerError: With ``fail_fast``, before the first connection.
        """
        is_answered, self._is_answered = self._is_answered, False
        if str(cause) == _UNSPECIFIED:
            cause = "the connection has ended"
        if self._fail_fast and not self._was_connected:
            message = "" if is_answered else self._advise(cause)
            message = message or f"cannot be reached ({cause}); check mqtt.host and port"
            raise BrokerError(f"{self._broker} {message}")
        if not self._logged:
            message = "" if is_answered else self._advise(cause)
            self._warn("unreachable", message or f"is unreachable ({cause})", now_s)

    def refused(self, reason: ReasonCode, now_s: float) -> None:
        """Note that the broker answers, and refuses the connection.

        Raises:
            BrokerError: With ``fail_fast``.
        """
        self._is_answered = True
        advice = _ADVICE.get(reason.value, "see the broker's log")
        message = f"refuses the connection ({reason}); {advice}"
        if self._fail_fast:
            raise BrokerError(f"{self._broker} {message}")
        self._warn("refused", message, now_s)

    def displaced(self, verdict: Verdict, now_s: float) -> None:
        """Note that another client has taken the connection, or seems to have."""
        self._is_answered = False
        if verdict.certainty == "certain":
            message = f"has ended the connection, because {self._rival}"
        else:
            ends = f"has ended {counted(verdict.ended, 'connection')} soon after the start"
            message = f"{ends}: the network is bad, or {self._rival}"
        self._warn("displaced", message, now_s, f"trying again in {verdict.wait_s or 0:.0f} s")

    def unanswered(self, count: int, now_s: float) -> None:
        """Note that the broker acknowledges no messages, and that the connection is cut for it."""
        if not self._is_silent:
            self._warn(
                "unanswered", f"has not acknowledged {counted(count, 'message')} in time", now_s
            )
        self._is_silent = True
        self._logged.add("unanswered")  # our own cut is not logged

    def all_answered(self) -> None:
        """Note that the broker has acknowledged every message."""
        if self._is_silent:
            self._is_silent = False
            _log.info("%s acknowledges messages again", self._broker)

    def connected(self, now_s: float) -> None:
        """Note that the broker has accepted the connection."""
        self._was_connected = self._is_answered = True
        self.fault = ""
        if self._is_silent:
            self._logged.clear()
        elif not self._logged:
            _log.info("connected to %s", self._broker)
        else:
            _log.info("%s is connected again after %.0f s", self._broker, now_s - self._began_s)
            self._logged.clear()

    def _warn(self, kind: str, message: str, now_s: float, then: str = "trying again") -> None:
        """Log one kind of failure, once in each outage."""
        self.fault = f"{self._broker} {message}"
        if not self._logged:
            self._began_s = now_s
        if kind not in self._logged:
            self._logged.add(kind)
            _log.warning("%s %s; %s", self._broker, message, then)
