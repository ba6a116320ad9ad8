"""What it costs to check a password."""

import re

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher, check_password

from kiosk.register.accounts.passwords import MEMORY_KIB
from kiosk.register.web.handler import THREADS
from tests.documents import ROOT

PROCESSES = 2
"""What the documentation advises where one is too slow."""


@pytest.mark.source
def test_many_who_sign_in_at_once_fit_into_the_memory_of_the_service() -> None:
    """The system ends a service that takes more, so nobody could sign in."""
    unit = (ROOT / "systemd/kiosk-pages.service").read_text()
    found = re.search(r"^MemoryMax=(\d+)G$", unit, re.MULTILINE)
    assert found
    half_kib = int(found[1]) * 1024**2 // 2
    assert half_kib >= PROCESSES * THREADS * MEMORY_KIB


def test_a_hash_of_other_costs_is_accepted_and_renewed() -> None:
    """As those of a register before this version."""
    renewed: list[str] = []
    encoded = Argon2PasswordHasher().encode("correct horse", "some salt of a hash")
    assert check_password("correct horse", encoded, setter=renewed.append)
    assert renewed == ["correct horse"]
