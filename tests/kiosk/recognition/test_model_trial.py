"""Models that are tried once before they are used."""

import pytest

from kiosk.recognition.bundle import default_bundle, load_bundle
from kiosk.recognition.model_trial import SHIPPED


@pytest.mark.skipif(not default_bundle().exists(), reason="no default bundle was built yet")
def test_the_model_that_ships_needs_no_trial() -> None:
    """Its checksum is known, so the first start is as quick as every other."""
    assert load_bundle(default_bundle()).card.sha256 in SHIPPED
