"""Sets of numbers as ranges, compared with Python's sets."""

from hypothesis import example, given
from hypothesis import strategies as st

from kiosk.register.ingest.ranges import absent, clip, contains, count, from_numbers, union

numbers = st.sets(st.integers(1, 60))


@given(numbers, st.integers(1, 60))
def test_ranges_hold_the_numbers_they_were_made_of(wanted: set[int], number: int) -> None:
    """Membership and size are those of the set."""
    ranges = from_numbers(wanted)
    assert contains(ranges, number) == (number in wanted)
    assert count(ranges) == len(wanted)


@given(numbers, numbers)
def test_a_union_is_the_union_of_the_sets(one: set[int], other: set[int]) -> None:
    """Equal sets are equal tuples, however they came about."""
    assert union(from_numbers(one), from_numbers(other)) == from_numbers(one | other)


@given(numbers, st.integers(1, 60), st.integers(1, 60))
@example({53, 54}, 54, 53)
def test_absent_and_clipped_numbers_share_a_span(wanted: set[int], first: int, last: int) -> None:
    """Every number of a span is either in the set or absent from it."""
    ranges, span = from_numbers(wanted), set(range(first, last + 1))
    assert clip(ranges, first, last) == from_numbers(wanted & span)
    assert absent(ranges, first, last) == from_numbers(span - wanted)


def test_an_empty_set_has_no_ranges() -> None:
    """Nothing in, nothing out."""
    assert from_numbers([]) == union() == ()
    assert absent((), 3, 2) == ()
    assert not contains((), 1)
