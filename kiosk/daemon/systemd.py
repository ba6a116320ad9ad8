"""Report the kiosk's state to systemd: the sd_notify(3) protocol.

The heartbeat comes from the frame loop and never from a timer, so that a camera which hangs is
noticed: systemd then ends the process and restarts it.
"""

import logging
import os
import socket
from collections.abc import Mapping
from typing import Final

from kiosk.errors import ConfigError, reason_of

_BEATS_PER_TIMEOUT: Final = 4  # sd_watchdog_enabled(3) asks for two; four forgive a slow frame

_log = logging.getLogger(__name__)


class Notifier:
    """Sends the state to the service manager; does nothing where there is none.

    Args:
        address: The datagram socket: a path, or ``@name`` in the abstract namespace. Empty when
            no service manager listens.

    Raises:
        ConfigError: The address is neither a path nor ``@name``.
    """

    def __init__(self, address: str) -> None:
        if address and address[0] not in "/@":
            raise ConfigError(f"NOTIFY_SOCKET: expected /path or @name, found {address!r}")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._is_reached = True

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Notifier":
        """Use the socket that ``NOTIFY_SOCKET`` names, if any."""
        return cls(environment.get("NOTIFY_SOCKET", ""))

    def ready(self, status: str = "") -> None:
        """Report that start-up, or a reload, has finished."""
        self._send("READY=1", *_status(status))

    def reloading(self, now_s: float) -> None:
        """Report that a reload has begun; :meth:`ready` reports its end.

        Args:
            now_s: CLOCK_MONOTONIC, seconds.
        """
        self._send("RELOADING=1", f"MONOTONIC_USEC={round(now_s * 1_000_000)}")

    def stopping(self) -> None:
        """Report that the kiosk is stopping."""
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """Set the line that ``systemctl status`` shows."""
        self._send(*_status(text))

    def watchdog(self) -> None:
        """Send one heartbeat; :class:`Watchdog` decides when."""
        self._send("WATCHDOG=1")

    def _send(self, *assignments: str) -> None:
        if not self._address or not assignments:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.sendto("\n".join(assignments).encode(), self._address)
        except OSError as exc:
            if self._is_reached:
                _log.warning("the service manager cannot be reached: %s", reason_of(exc))
            self._is_reached = False
        else:
            if not self._is_reached:
                _log.info("the service manager can be reached again")
            self._is_reached = True


class Watchdog:
    """Sends heartbeats for the frame loop, as often as systemd needs and no more.

    Args:
        notifier: Sends them.
        timeout_s: After how many seconds without a heartbeat systemd ends the kiosk; ``None`` when
            systemd expects none.
    """

    def __init__(self, notifier: Notifier, timeout_s: float | None) -> None:
        self._notifier = notifier
        self._interval_s = None if timeout_s is None else timeout_s / _BEATS_PER_TIMEOUT
        self._sent_s = float("-inf")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], notifier: Notifier) -> "Watchdog":
        """Use ``WATCHDOG_USEC``, unless ``WATCHDOG_PID`` says it is meant for another process.

        Raises:
            ConfigError: One of the two is not a positive number.
        """
        if "WATCHDOG_USEC" not in environment:
            return cls(notifier, None)
        timeout_s = _positive(environment, "WATCHDOG_USEC") / 1_000_000
        if "WATCHDOG_PID" in environment and _positive(environment, "WATCHDOG_PID") != os.getpid():
            return cls(notifier, None)
        return cls(notifier, timeout_s)

    def beat(self, now_s: float) -> None:
        """Send a heartbeat if one is due; called on every turn of the frame loop.

        Args:
            now_s: A monotonic clock, seconds.
        """
        if self._interval_s is not None and now_s - self._sent_s >= self._interval_s:
            self._sent_s = now_s
            self._notifier.watchdog()


def _status(text: str) -> tuple[str, ...]:
    """Build the STATUS assignment; a line break would start another assignment."""
    return (f"STATUS={' '.join(text.split())}",) if text else ()


def _positive(environment: Mapping[str, str], name: str) -> int:
    text = environment[name]
    if not text.isdecimal() or int(text) == 0:
        raise ConfigError(f"{name}: expected a positive number, found {text!r}")
    return int(text)
