"""How requests are divided among threads."""

import asyncio
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context

import pytest
from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.http import HttpRequest, HttpResponse

from kiosk.register.web.handler import THREADS, PooledHandler

STREAM = "/stream"


class Counting(PooledHandler):
    """Notes the thread of each request, which takes as long as all others need to begin."""

    def __init__(self) -> None:
        super().__init__(frozenset({STREAM}))
        self.threads: list[int] = []

    async def get_response_async(self, request: HttpRequest) -> HttpResponse:
        assert request.method == "GET"
        self.threads.append(await sync_to_async(threading.get_ident)())
        await asyncio.sleep(0.01)
        return HttpResponse()


async def _ask(handler: Counting, path: str) -> None:
    scope = {"type": "http", "method": "GET", "path": path, "headers": [], "query_string": b""}
    messages: list[dict[str, object]] = [{"type": "http.request"}]

    async def receive() -> dict[str, object]:
        if messages:
            return messages.pop()
        return await asyncio.Future()

    async def send(message: Mapping[str, object]) -> None:
        assert message

    await handler(scope, receive, send)


@pytest.mark.usefixtures("school")
def test_many_requests_share_few_threads() -> None:
    """So few connections to the database serve all pages, and stay open."""

    async def course() -> Counting:
        handler = Counting()
        for _ in range(2):
            await asyncio.gather(*(_ask(handler, "/now") for _ in range(3 * THREADS)))
        return handler

    threads = asyncio.run(course()).threads
    assert len(threads) == 6 * THREADS
    assert len(set(threads)) == THREADS


@pytest.mark.usefixtures("school")
def test_a_stream_takes_no_thread_from_the_pages() -> None:
    """However many pages stay open, requests are handled."""

    async def course() -> Counting:
        handler = Counting()
        await asyncio.gather(*(_ask(handler, STREAM) for _ in range(2 * THREADS)))
        return handler

    assert len(set(asyncio.run(course()).threads)) == 2 * THREADS


@pytest.mark.parametrize("path", ["/now", STREAM])
@pytest.mark.usefixtures("school")
def test_a_request_does_not_use_the_context_of_the_one_before(path: str) -> None:
    """A server may begin the next request of a connection within the last one's context."""

    async def leave_context() -> Context:
        async with ThreadSensitiveContext(executor=ThreadPoolExecutor(1)):
            return copy_context()

    async def course() -> Counting:
        handler = Counting()
        left = await leave_context()
        await asyncio.create_task(_ask(handler, path), context=left)
        return handler

    assert len(asyncio.run(course()).threads) == 1
