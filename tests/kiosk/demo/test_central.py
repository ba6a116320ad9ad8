"""The page that the demonstration serves."""

import json
import re
import subprocess
import sys
import urllib.request
from collections import Counter
from http.cookiejar import CookieJar
from typing import Any

import pytest

from tests.support import needs_photos


@needs_photos
@pytest.mark.slow
def test_the_page_fills_as_the_sample_people_come() -> None:
    """The printed address opens the class's page, and at the end all who came are on it."""
    command = [sys.executable, "-m", "kiosk", "demo", "--fast", "--json", "--stay"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as demo:
        try:
            assert demo.stdout is not None
            facts: dict[str, Any] = {}
            for line in demo.stdout:
                facts |= json.loads(line)
                if "recognised" in facts:
                    break
            text = read(facts["page"])
        finally:
            demo.terminate()
    statuses = Counter(re.findall(r'id="row-[^"]*" data-status="([^"]*)"', text))
    present = statuses["present"] + statuses["late"]
    assert present == len(facts["recognised"]) == 5
    assert statuses["not-known"] == 2


def read(address: str) -> str:
    """What a browser that keeps cookies gets."""
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
    with browser.open(address) as answer:
        return str(answer.read(), "utf-8")
