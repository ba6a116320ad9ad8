"""Tell systemd how the kiosk is: the sd_notify(3) protocol.

The heartbeat comes from the frame loop and never from a timer, so that a camera which hangs is
noticed: systemd then ends the process and starts it afresh.
"""

import logging
import os
import socket
from collections.abc import Mapping
from typing import Final

from kiosk.errors import ConfigError

_BEATS_PER_TIMEOUT: Final = 4  # sd_watchdog_enabled(3) asks for two; four forgive a slow frame

_log = logging.getLogger(__name__)


class Notifier:
    """Sends state to the service manager; silent where there is none.

    Args:
        address: The datagram socket: a path, or ``@name`` in the abstract namespace. Empty when
            no service manager listens.

    Raises:
        ConfigError: The address is neither.
    """

    def __init__(self, address: str) -> None:
        if address and address[0] not in "/@":
            raise ConfigError(f"NOTIFY_SOCKET: expected /path or @name, found {address!r}")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._heard = True

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Notifier":
        """Use the socket that ``NOTIFY_SOCKET`` names, if any."""
        return cls(environment.get("NOTIFY_SOCKET", ""))

    def ready(self, status: str = "") -> None:
        """Say that start-up, or a reload, is over."""
        self._send("READY=1", *_status(status))

    def reloading(self, now_s: float) -> None:
        """Say that the configuration is being read anew; :meth:`ready` ends it.

        Args:
            now_s: CLOCK_MONOTONIC, seconds.
        """
        self._send("RELOADING=1", f"MONOTONIC_USEC={round(now_s * 1_000_000)}")

    def stopping(self) -> None:
        """Say that the kiosk is ending."""
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """Set the line that ``systemctl status`` shows."""
        self._send(*_status(text))

    def watchdog(self) -> None:
        """Give one sign of life; :class:`Watchdog` knows when."""
        self._send("WATCHDOG=1")

    def _send(self, *assignments: str) -> None:
        if not self._address or not assignments:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.sendto("\n".join(assignments).encode(), self._address)
        except OSError as exc:
            if self._heard:
                _log.warning("the service manager does not hear us: %s", exc.strerror or exc)
            self._heard = False
        else:
            if not self._heard:
                _log.info("the service manager hears us again")
            self._heard = True


class Watchdog:
    """Passes the frame loop's beats on, as often as systemd needs and no more.

    Args:
        notifier: Where the signs of life go.
        timeout_s: After how long without one systemd ends the kiosk, seconds; ``None`` when it
            does not watch.
    """

    def __init__(self, notifier: Notifier, timeout_s: float | None) -> None:
        self._notifier = notifier
        self._interval_s = None if timeout_s is None else timeout_s / _BEATS_PER_TIMEOUT
        self._sent_s = float("-inf")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], notifier: Notifier) -> "Watchdog":
        """Use ``WATCHDOG_USEC``, unless ``WATCHDOG_PID`` says it is meant for another process.

        Raises:
            ConfigError: One of the two is no positive number.
        """
        if "WATCHDOG_USEC" not in environment:
            return cls(notifier, None)
        timeout_s = _positive(environment, "WATCHDOG_USEC") / 1_000_000
        if "WATCHDOG_PID" in environment and _positive(environment, "WATCHDOG_PID") != os.getpid():
            return cls(notifier, None)
        return cls(notifier, timeout_s)

    def beat(self, now_s: float) -> None:
        """Say that a frame went through.

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
