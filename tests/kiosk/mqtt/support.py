"""A kiosk's publisher as `kiosk run` puts it together, and a broken embedded broker."""

import logging
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from kiosk.config.mqtt import MqttSection
from kiosk.mqtt.embedded_broker import EmbeddedBroker
from kiosk.mqtt.publisher import EventSource, Publisher, kiosk_connection
from kiosk.mqtt.worker import ConnectionWorker
from kiosk.protocol.availability import Availability
from kiosk.protocol.topics import KioskAddress
from tests.mosquitto import PATIENCE_S

ADDRESS = KioskAddress(site="school", room="room-1", kiosk="kiosk-1")
ONLINE = Availability(state="online", boot_id="boot-1", version="0.1.0")


class KioskPublisher:
    """The publisher of one kiosk, not yet started."""

    def __init__(
        self,
        mqtt: MqttSection,
        outbox: EventSource,
        *,
        address: KioskAddress = ADDRESS,
        password: str = "",
        retry_s: tuple[float, float] = (1.0, 60.0),
        answer_s: float = 60.0,
    ) -> None:
        self.connection = kiosk_connection(
            mqtt, address, ONLINE, password=password, retry_s=retry_s, answer_s=answer_s
        )
        self.publisher = Publisher(self.connection, outbox, retry_s=retry_s[1])
        self.worker = ConnectionWorker(self.connection)
        self.client = self.connection._client
        self.thread = self.worker._thread
        self.start = self.worker.start
        self.stop = self.worker.stop
        self.check = self.worker.check
        self.notify = self.publisher.notify

    def under_way(self) -> int:
        """Have the thread finish its work; return how many messages are unanswered then."""
        self.notify()
        done = threading.Event()
        self.connection.post(done.set)
        assert done.wait(PATIENCE_S)
        return len(self.connection._sender)


class Log(logging.Handler):
    """Keeps log lines, and lets a test wait for the next."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._queue: queue.Queue[str] = queue.Queue()

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())
        self._queue.put(record.getMessage())

    def wait_for(self, part: str) -> str:
        while part not in (line := self._queue.get(timeout=PATIENCE_S)):
            pass
        return line

    def count(self, part: str) -> int:
        return sum(part in line for line in self.lines)


@contextmanager
def kiosk_log() -> Iterator[Log]:
    """Collect the log lines of our own packages."""
    handler = Log()
    logger = logging.getLogger("kiosk")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


def break_broker(broker: EmbeddedBroker) -> None:
    """Stop its loop, and wait until the broker has noticed: its thread need not end."""
    assert broker._loop is not None
    # The run of the loop fails by what loop.stop leaves undone.
    broker._loop.call_soon_threadsafe(broker._loop.stop)
    until_s = time.monotonic() + PATIENCE_S
    while broker._failure is None and time.monotonic() < until_s:
        time.sleep(0.01)
