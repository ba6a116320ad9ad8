"""Requests of the pages: in a few threads, each of which keeps its connection to the database."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from typing import Any, Final

from asgiref.sync import ThreadSensitiveContext
from django.core.handlers.asgi import ASGIHandler

THREADS: Final = 8
"""So many requests are handled at once; more of them would only wait for each other's processor."""


class PooledHandler(ASGIHandler):
    """Django's handler, which starts a thread and a connection for each request, without that.

    A stream lives for hours and needs the database at its begin alone: it gets no thread of these.

    Args:
        streams: The paths of streams.
    """

    def __init__(self, streams: frozenset[str]) -> None:
        super().__init__()
        self._streams = streams
        # The last one first: its connection is the one that is surely open.
        self._free: asyncio.LifoQueue[ThreadPoolExecutor] = asyncio.LifoQueue()
        for _ in range(THREADS):
            self._free.put_nowait(ThreadPoolExecutor(1, "pages"))

    async def __call__(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[Mapping[str, Any]]],
        send: Callable[[Mapping[str, Any]], Awaitable[None]],
    ) -> None:
        """Handle a request.

        A server may begin it within the context of the request before on the same connection, whose
        thread belongs to others now, so it gets a context of its own.
        """
        await asyncio.create_task(self._handle(scope, receive, send), context=Context())

    async def _handle(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[Mapping[str, Any]]],
        send: Callable[[Mapping[str, Any]], Awaitable[None]],
    ) -> None:
        if scope["type"] != "http" or scope["path"] in self._streams:
            await super().__call__(scope, receive, send)
            return
        executor = await self._free.get()
        try:
            async with ThreadSensitiveContext(executor=executor):
                await self.handle(scope, receive, send)
        finally:
            self._free.put_nowait(executor)
