"""Numbers with their nouns."""

import pytest

from kiosk.counted import counted, counted_people


@pytest.mark.parametrize(
    ("number", "events", "people"),
    [(0, "0 events", "0 people"), (1, "1 event", "1 person"), (2, "2 events", "2 people")],
)
def test_one_is_singular(number: int, events: str, people: str) -> None:
    """A noun is in the singular for one alone."""
    assert (counted(number, "event"), counted_people(number)) == (events, people)
