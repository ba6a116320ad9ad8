"""A small form of ``python -m tests.scale``: every student is shown on the open pages."""

import pytest

from tests.faults.prepared import prepared
from tests.mosquitto import absent
from tests.scale.__main__ import measure
from tests.scale.district import Size


@pytest.mark.slow
@pytest.mark.broker
@pytest.mark.skipif(bool(absent()), reason=absent())
def test_everybody_who_comes_in_is_shown() -> None:
    """On the pages that are open, and every page of the probes answers."""
    size = Size(kiosks=4, students=40, classes=6, days=2)
    with prepared("sqlite", is_patient=True) as place:
        result = measure(place, size, pages=2, seconds=2.0, last_s=2.0)
    assert result.marks == 40
    assert (result.visible.count, result.unseen) == (20, 0)
    assert result.failed == {}
    assert {"class, live update", "all classes"} <= set(result.pages)
