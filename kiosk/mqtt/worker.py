"""A thread that owns an MQTT connection, for programs that do something else on their own."""

import logging
import threading
import time
from typing import Final

from kiosk.errors import BrokerError
from kiosk.mqtt.connection import Connection

_log = logging.getLogger(__name__)

_IDLE_S: Final = 30.0


class ConnectionWorker:
    """Runs a connection on a thread of its own.

    Args:
        connection: The connection; once started, only the thread uses it.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="mqtt", daemon=True)

    def start(self) -> None:
        """Start the thread, which connects; return at once, whether the broker is there or not."""
        self._thread.start()

    @property
    def broker(self) -> str:
        """What the broker is called."""
        return self._connection.broker

    def fault(self) -> str:
        """Return what is wrong with the connection; empty if nothing is."""
        return self._connection.outage.fault

    def check(self) -> None:
        """Check that the thread has not failed.

        Raises:
            BrokerError: It has, and nothing is published or delivered any more.
        """
        if self._failure is not None:
            message = f"the connection to {self._connection.broker} has failed: {self._failure}"
            raise BrokerError(message) from self._failure

    def stop(self, timeout_s: float) -> None:
        """Close the connection (:meth:`Connection.close`) and end the thread.

        Args:
            timeout_s: Return after this many seconds at the latest.
        """
        deadline_s = time.monotonic() + timeout_s
        self._connection.post(
            lambda: self._connection.close(max(0.0, deadline_s - time.monotonic()))
        )
        self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            self._connection.open()
            while not self._connection.is_closed:
                self._connection.step(_IDLE_S)
        except Exception as exc:  # noqa: BLE001 - the top of a thread; check() ends the process
            _log.exception("the MQTT thread failed")
            self._failure = exc
