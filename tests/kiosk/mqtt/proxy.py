"""A TCP proxy between a kiosk and a broker, which can lose some of what it carries."""

import contextlib
import socket
import threading
from typing import IO, Final, Self

_PUBACK: Final = 4


class Proxy:
    """Passes MQTT packets on; drops the broker's PUBACKs while :attr:`swallows` is set."""

    def __init__(self, broker: tuple[str, int], host: str = "127.0.0.1") -> None:
        self.swallows = threading.Event()
        self._cuts = threading.Event()
        self.swallowed = 0
        self.connections = 0
        self._broker = broker
        self._server = socket.create_server((host, 0))
        self.port = int(self._server.getsockname()[1])
        self._links: list[socket.socket] = []
        self._forgotten: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def forget(self) -> None:
        """Drop what present connections carry from now on; keep them open (half-open)."""
        self._forgotten = set(self._links)

    def cut(self) -> None:
        """Pass on half of what the kiosk sends next, and end the connection."""
        self._cuts.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        # shutdown, because close alone does not end an accept() or recv() that waits.
        for link in (self._server, *self._links):
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
            link.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                kiosk, _ = self._server.accept()
                self.connections += 1
                try:
                    broker = socket.create_connection(self._broker)
                except OSError:  # there is no broker now; the next connection may find one
                    kiosk.close()
                    continue
                self._links += [kiosk, broker]
                for pump in (self._to_broker, self._to_kiosk):
                    threading.Thread(target=pump, args=(kiosk, broker), daemon=True).start()

    def _to_broker(self, kiosk: socket.socket, broker: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := kiosk.recv(65536):
                if self._cuts.is_set():
                    self._cuts.clear()
                    broker.sendall(data[: len(data) // 2])
                    kiosk.shutdown(socket.SHUT_RDWR)
                elif kiosk not in self._forgotten:
                    broker.sendall(data)
        with contextlib.suppress(OSError):
            broker.shutdown(socket.SHUT_RDWR)

    def _to_kiosk(self, kiosk: socket.socket, broker: socket.socket) -> None:
        with contextlib.suppress(OSError, EOFError), broker.makefile("rb") as stream:
            while True:
                packet = _read(stream)
                if packet[0] >> 4 == _PUBACK and self.swallows.is_set():
                    self.swallowed += 1
                elif kiosk not in self._forgotten:
                    kiosk.sendall(packet)
        with contextlib.suppress(OSError):
            kiosk.shutdown(socket.SHUT_RDWR)


def _read(stream: IO[bytes]) -> bytes:
    """Read one MQTT packet: a type byte, a length of up to four bytes, the rest."""
    head = stream.read(1)
    length = shift = 0
    while True:
        head += (one := stream.read(1))
        if not one:
            raise EOFError
        length |= (one[0] & 0x7F) << shift
        shift += 7
        if not one[0] & 0x80:
            return head + stream.read(length)
