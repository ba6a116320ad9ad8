"""Measure how soon the page of `kiosk demo` shows the first student.

Usage: python -m tests.scale.first_student [--install]

With ``--install`` the packages are first installed into a new environment, as the first command of
the README does; pip keeps what it has downloaded before. The page is read five times a second by
HTTP, without a browser.
"""

import argparse
import http.cookiejar
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
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
    parser = argparse.ArgumentParser()
    parser.add_argument("--install", action="store_true", help="install the packages first")
    with tempfile.TemporaryDirectory() as folder:
        began_s = time.monotonic()
        installed = ""
        command = [sys.executable, "-m", "kiosk"]
        if parser.parse_args().install:
            command = _install(Path(folder))
            installed = f"installed after {time.monotonic() - began_s:.0f} s, "
        address_s, seen_s = _watch([*command, "demo", "--stay"], began_s)
    load = os.getloadavg()[0]
    print(  # noqa: T201
        f"{installed}the address after {address_s:.1f} s, the first student after {seen_s:.1f} s, "
        f"load {load:.1f}"
    )


def _install(folder: Path) -> list[str]:
    """Install a copy of the checkout into a new environment; return its command."""
    source, environment = folder / "source", folder / "environment"
    subprocess.run(["git", "clone", "-q", ROOT, source], check=True)
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    pip = environment / "bin" / "pip"
    subprocess.run([pip, "install", "-q", ".[demo]"], cwd=source, check=True)
    return [str(environment / "bin" / "kiosk")]


def _watch(command: list[str], began_s: float) -> tuple[float, float]:
    """Run the demonstration; return when it printed its address, and when a student was seen."""
    with tempfile.TemporaryFile("w+") as said:
        demo = subprocess.Popen(
            command, cwd=ROOT, env={**os.environ, "PYTHONPATH": _path(command)}, stdout=said
        )
        started_s = time.monotonic()
        try:
            while (link := _LINK.search(_text(said.fileno()))) is None:
                _wait(started_s)
            address_s = time.monotonic() - began_s
            jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
            browser = urllib.request.build_opener(jar)
            page = browser.open(link[0]).url
            while not _SEEN.search(browser.open(page).read().decode()):
                _wait(started_s)
            return address_s, time.monotonic() - began_s
        finally:
            demo.send_signal(signal.SIGINT)
            demo.wait(_PATIENCE_S)


def _path(command: list[str]) -> str:
    """Return where Python looks for the kiosk: here, unless it is installed."""
    return str(ROOT) if command[0] == sys.executable else ""


def _text(file: int) -> str:
    return os.pread(file, 10_000, 0).decode()


def _wait(began_s: float) -> None:
    if time.monotonic() - began_s > _PATIENCE_S:
        raise TimeoutError("nobody was shown")
    time.sleep(_POLL_S)


if __name__ == "__main__":
    main()
