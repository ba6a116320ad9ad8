"""The register notes when nobody listened."""

from datetime import timedelta

import pytest

from kiosk.register.ingest.heartbeat import beat
from kiosk.register.models import Blind, Heartbeat
from tests.kiosk.register.support import NOON

pytestmark = pytest.mark.usefixtures("database")


def test_a_pause_of_all_instances_is_kept() -> None:
    """While one instance listens, the register is not blind."""
    beat("one", NOON)
    beat("two", NOON + timedelta(seconds=50))
    beat("one", NOON + timedelta(seconds=100))
    assert not Blind.objects.exists()
    back = NOON + timedelta(minutes=30)
    beat("two", back)
    beat("one", back)
    assert list(Blind.objects.values_list("begin", "end")) == [
        (NOON + timedelta(seconds=100), back)
    ]
    assert Heartbeat.objects.count() == 2
