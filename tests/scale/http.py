"""A connection of HTTP/1.1 that asks one thing after the other: a page's, or a stream's."""

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

import h11


class RefusedError(Exception):
    """The answer is not the page."""


class Connection:
    """A connection with a session cookie; use it as a context manager.

    Args:
        address: Host and port.
        session: The key of a session.
    """

    def __init__(self, address: tuple[str, int], session: str) -> None:
        self._address = address
        self._session = session
        self._state = h11.Connection(h11.CLIENT)

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(*self._address)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, at: TracebackType | None
    ) -> None:
        self._writer.close()

    async def get(self, path: str, **headers: str) -> str:
        """Return a page.

        Raises:
            RefusedError: The status is not 200.
        """
        return "".join([part async for part in self.stream(path, **headers)])

    async def stream(self, path: str, **headers: str) -> AsyncIterator[str]:
        """Yield the body as it comes.

        Raises:
            RefusedError: The status is not 200, or the answer breaks off.
        """
        try:
            async for part in self._stream(path, **headers):
                yield part
        except h11.RemoteProtocolError as exc:
            raise RefusedError(f"{path}: {exc}") from exc

    async def _stream(self, path: str, **headers: str) -> AsyncIterator[str]:
        if self._state.our_state is h11.DONE:
            self._state.start_next_cycle()
        given = {"Host": "localhost", "Cookie": f"kiosk-session={self._session}", **headers}
        asked = h11.Request(method="GET", target=path, headers=list(given.items()))
        self._writer.write(
            (self._state.send(asked) or b"") + (self._state.send(h11.EndOfMessage()) or b"")
        )
        while True:
            event = self._state.next_event()
            if event is h11.NEED_DATA:
                self._state.receive_data(await self._reader.read(65_536))
            elif isinstance(event, h11.Response) and event.status_code != 200:
                raise RefusedError(f"{path}: {event.status_code}")
            elif isinstance(event, h11.Data):
                yield bytes(event.data).decode()
            elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
                return
