"""What the pages want published, while the database is away."""

from typing import TYPE_CHECKING, cast
from unittest.mock import Mock

import pytest
from django.db import OperationalError

from kiosk.register.models import Publication
from kiosk.register.publications.sender import PublicationSender
from tests.kiosk.register.support import NOON

if TYPE_CHECKING:
    from kiosk.mqtt.connection import Connection


def test_a_turn_that_failed_is_not_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or a second try at the same time would seem to go well, and the database to be back."""
    sender = PublicationSender(cast("Connection", Mock(room=0)))
    monkeypatch.setattr(Publication.objects, "filter", Mock(side_effect=OperationalError("away")))
    for _ in range(2):
        with pytest.raises(OperationalError):
            sender.turn(NOON, 1.0)
