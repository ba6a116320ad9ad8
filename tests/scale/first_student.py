"""Measure how soon the page of `kiosk demo` shows the first student.

Usage: python -m tests.scale.first_student

The page is read five times a second by HTTP, without a browser.
"""

import http.cookiejar
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from typing import Final

from tests.faults.registers import ROOT

_LINK: Final = re.compile(r"http://\S+sign-in-link\S+")
_SEEN: Final = re.compile(r'id="row-[^"]*" data-status="(?!not-known)')
_PATIENCE_S: Final = 120.0
_POLL_S: Final = 0.2


def main() -> None:
    """Run from the command line and print a line."""
    # A shell has its background jobs ignore Ctrl-C, and the demonstration would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    began_s = time.monotonic()
    with tempfile.TemporaryFile("w+") as said:
        demo = subprocess.Popen(
            [sys.executable, "-m", "kiosk", "demo", "--stay"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=said,
        )
        try:
            while (link := _LINK.search(_text(said.fileno()))) is None:
                _wait(began_s)
            address_s = time.monotonic() - began_s
            jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
            browser = urllib.request.build_opener(jar)
            page = browser.open(link[0]).url
            while not _SEEN.search(browser.open(page).read().decode()):
                _wait(began_s)
            seen_s = time.monotonic() - began_s
        finally:
            demo.send_signal(signal.SIGINT)
            demo.wait(_PATIENCE_S)
    load = os.getloadavg()[0]
    print(  # noqa: T201
        f"the address after {address_s:.1f} s, the first student after {seen_s:.1f} s, "
        f"load {load:.1f}"
    )


def _text(file: int) -> str:
    return os.pread(file, 10_000, 0).decode()


def _wait(began_s: float) -> None:
    if time.monotonic() - began_s > _PATIENCE_S:
        raise TimeoutError("nobody was shown")
    time.sleep(_POLL_S)


if __name__ == "__main__":
    main()
