"""The fingerprint of the contract: every change of a fact changes it."""

import numpy as np
import pytest

from kiosk import contract


def test_the_fingerprint_is_pinned() -> None:
    """A changed contract makes every model and gallery unusable, so it fails this test first."""
    assert contract.fingerprint() == "900602bbbe522136"


@pytest.mark.parametrize(
    ("fact", "value"),
    [
        ("CROP_PX", 128),
        ("EMBEDDING_DIM", 256),
        ("LANDMARKS", contract.LANDMARKS[::-1]),
        ("TEMPLATE", contract.TEMPLATE + np.float32(0.01)),
        ("RESAMPLING", "bicubic"),
        ("BORDER", "constant"),
    ],
)
def test_each_fact_is_in_the_fingerprint(
    fact: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another value of any fact gives another fingerprint."""
    before = contract.fingerprint()
    monkeypatch.setattr(contract, fact, value)
    assert contract.fingerprint() != before


def test_the_template_cannot_be_changed() -> None:
    """The array of the template is read-only."""
    with pytest.raises(ValueError, match="read-only"):
        contract.TEMPLATE[0, 0] = 0
