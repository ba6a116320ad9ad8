"""The embedded broker: MQTT without installing a broker, for demonstrations on one machine.

It is ``amqtt``, pure Python, in a thread of this process. It listens on the loopback address only
and needs no password. Compared with a real broker such as Mosquitto (set ``mqtt.host``) it lacks:

* MQTT 5: it speaks 3.1.1 only, and answers others with "unsupported protocol version". So an
  event cannot be refused with a reason, and MQTT sessions have no expiry.
* Persistence: retained messages and MQTT sessions are lost when it stops.
* Messages for absent subscribers: it keeps them only for clients that log in, which none does
  here. A subscriber that is not connected when an event comes never gets it.
* TLS, passwords and access lists.
* Exact delivery in one case: it may send a client that connects retained messages that others
  subscribed to (QoS 0). :mod:`kiosk.mqtt.subscriber` drops messages that match no subscription.

QoS 1, retained messages and wills work, as a test shows.
"""

import asyncio
import contextlib
import logging
import threading
from concurrent.futures import Future
from importlib.util import find_spec
from typing import Final, Self

from kiosk.config.mqtt import MqttSection
from kiosk.errors import BrokerError, ConfigError, MissingExtraError

HOST: Final = "127.0.0.1"
PROTOCOL: Final = "3.1.1"
"""The only version of MQTT that it speaks."""
_log = logging.getLogger(__name__)

_START_S: Final = 30.0
_STOP_S: Final = 10.0
_CONFIG: Final = {
    # "external": we open the listening socket, so the system can choose a free port.
    "listeners": {"default": {"type": "external"}},
    "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
}


def require_broker(mqtt: MqttSection) -> None:
    """Check that a broker is configured or can be embedded, without connecting to it.

    Raises:
        ConfigError: No broker is configured, and the embedded one is not installed.
    """
    if not mqtt.host and find_spec("amqtt") is None:
        raise ConfigError(
            "mqtt.host: empty, and the broker for trials is not installed; set the name or address"
            " of your MQTT broker (or, for a trial on one machine, install attendance-kiosk[demo])"
        )


class EmbeddedBroker:
    """A broker that runs during the ``with`` block.

    Args:
        port: TCP port on the loopback address; 0 lets the system choose a free one.

    Attributes:
        port: The port, known inside the ``with`` block.
    """

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self._thread: threading.Thread | None = None
        self._ready: Future[int] = Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._failure: Exception | None = None
        self._serving = False

    def __enter__(self) -> Self:
        """Start the broker and wait until it listens.

        Raises:
            MissingExtraError: ``amqtt`` is not installed.
            BrokerError: The port is taken.
        """
        try:
            import amqtt.broker  # noqa: F401, PLC0415 - an optional dependency, tried here
        except ImportError as exc:
            message = "the embedded broker needs amqtt: pip install attendance-kiosk[demo]"
            raise MissingExtraError(f"{message}, or set mqtt.host to a broker") from exc
        for name in ("amqtt", "transitions"):
            logging.getLogger(name).setLevel(logging.ERROR)
        self._thread = threading.Thread(target=self._run, name="broker", daemon=True)
        self._thread.start()
        self.port = self._ready.result(_START_S)
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Stop the broker; its messages are lost."""
        if self._loop is not None and self._stop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended already
                self._loop.call_soon_threadsafe(self._stop.set)
        if self._thread is not None:
            self._thread.join(_STOP_S)

    def check(self) -> None:
        """Check that the broker is running.

        Raises:
            BrokerError: It has ended, and no message is delivered any more.
        """
        if self._failure is not None or not self._serving:
            raise BrokerError(f"the embedded broker has failed: {self._failure}") from self._failure

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            try:
                runner.run(self._serve())
            except Exception as exc:  # noqa: BLE001 - the top of a thread; check() ends the process
                # Before the loop is closed: amqtt's tasks can keep that waiting for ever.
                self._note(exc)

    def _note(self, exc: Exception) -> None:
        if self._ready.done():
            self._failure = exc
            _log.error("the embedded broker's thread failed", exc_info=exc)
            return
        message = f"embedded broker: cannot listen on {HOST}:{self.port} ({exc})"
        error = BrokerError(f"{message}; choose another mqtt.port")
        error.__cause__ = exc
        self._ready.set_exception(error)

    async def _serve(self) -> None:
        from amqtt.adapters import StreamReaderAdapter, StreamWriterAdapter  # noqa: PLC0415 - extra
        from amqtt.broker import Broker  # noqa: PLC0415 - an extra

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            streams = StreamReaderAdapter(reader), StreamWriterAdapter(writer)
            await broker.external_connected(*streams, "default")

        self._stop = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        server = await asyncio.start_server(accept, HOST, self.port)
        broker = Broker(_CONFIG)
        await broker.start()
        self._serving = True
        self._ready.set_result(server.sockets[0].getsockname()[1])
        try:
            await self._stop.wait()
        finally:
            self._serving = False
        server.close()
        await broker.shutdown()
