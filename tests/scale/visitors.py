"""Open pages, as a process of their own: each holds a stream and fetches what it is told about.

Usage: python -m tests.scale.visitors PLAN RESULT

PLAN is a JSON file; RESULT is written when SIGTERM comes.
"""

import asyncio
import html
import json
import re
import signal
import sys
import time
from pathlib import Path
from typing import Any, Final

from tests.scale.http import Connection, RefusedError

_STREAM: Final = re.compile(r'hx-sse:connect="([^"]*)"')
_ROW: Final = re.compile(r'id="row-([^"]*)" data-status="([^"]*)"')
_PROBE_S: Final = 1.0
_FETCH: Final = {"HX-Request": "true"}


class Visitors:
    """What is seen, and how long each page took.

    Attributes:
        seen: When each student was first shown with a mark, by subject id, seconds since 1970.
        took: Times of each kind of request, seconds.
        failed: Requests that gave no page, by what they said.
    """

    def __init__(self, address: tuple[str, int]) -> None:
        self.seen: dict[str, float] = {}
        self.took: dict[str, list[float]] = {}
        self.failed: dict[str, int] = {}
        self._address = address

    async def watch(self, path: str, session: str) -> None:
        """Keep a page open, and connect again whenever its stream ends."""
        while True:
            try:
                text = await self._fetch("class, whole page", path, session)
                found = _STREAM.search(text)
                assert found is not None
                async with Connection(self._address, session) as stream:
                    await self._follow(stream, path, session, html.unescape(found[1]))
            except (RefusedError, OSError) as exc:
                self._fail(exc)
            await asyncio.sleep(1)

    async def probe(self, paths: dict[str, str], session: str) -> None:
        """Open other pages one after the other."""
        while True:
            for what, path in paths.items():
                try:
                    async with Connection(self._address, session) as page:
                        await self.timed(what, page, path)
                except (RefusedError, OSError) as exc:
                    self._fail(exc)
                await asyncio.sleep(_PROBE_S)

    async def timed(self, what: str, page: Connection, path: str, **headers: str) -> str:
        """Return a page, and note how long it took."""
        began_s = time.monotonic()
        text = await page.get(path, **headers)
        self.took.setdefault(what, []).append(time.monotonic() - began_s)
        return text

    async def _fetch(self, what: str, path: str, session: str, **headers: str) -> str:
        """Return a page of a class, and note whom it shows.

        The connection is a new one: after five seconds at rest the pages close theirs.
        """
        async with Connection(self._address, session) as page:
            text = await self.timed(what, page, path, **headers)
        self._look(text)
        return text

    async def _follow(self, stream: Connection, path: str, session: str, address: str) -> None:
        """Fetch after each event; events during a fetch lead to one more, as htmx does it."""
        told = asyncio.Event()

        async def fetch() -> None:
            while True:
                await told.wait()
                told.clear()
                rest = {**_FETCH, "HX-Target": "rows"}
                await self._fetch("class, live update", path, session, **rest)

        task = asyncio.create_task(fetch())
        try:
            async for part in stream.stream(address):
                if "event: " in part:
                    told.set()
                if task.done():
                    task.result()
        finally:
            task.cancel()

    def _look(self, text: str) -> None:
        now = time.time()
        for subject_id, status in _ROW.findall(text):
            if status != "not-known":
                self.seen.setdefault(subject_id, now)

    def _fail(self, exc: Exception) -> None:
        said = str(exc) or type(exc).__name__
        self.failed[said] = self.failed.get(said, 0) + 1


async def visit(facts: dict[str, Any]) -> dict[str, Any]:
    """Keep the planned pages open until SIGTERM; return what was seen."""
    visitors = Visitors((facts["host"], facts["port"]))
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    tasks = [asyncio.create_task(visitors.watch(*one)) for one in facts["pages"]]
    tasks += [asyncio.create_task(visitors.probe(*one)) for one in facts["probes"]]
    await ended.wait()
    for one in tasks:
        one.cancel()
    return {"seen": visitors.seen, "took": visitors.took, "failed": visitors.failed}


if __name__ == "__main__":
    plan, result = map(Path, sys.argv[1:])
    result.write_text(json.dumps(asyncio.run(visit(json.loads(plan.read_text())))))
