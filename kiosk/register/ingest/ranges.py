"""Sets of whole numbers, kept as ranges.

An outbox numbers its events without gaps, so what is stored of it is nearly always one range.
"""

from bisect import bisect_right
from collections.abc import Iterable
from typing import TypeAlias

Range: TypeAlias = tuple[int, int]
"""First and last number, both included."""
Ranges: TypeAlias = tuple[Range, ...]
"""Ascending ranges that neither overlap nor touch, so that equal sets are equal tuples."""


def union(*sets: Iterable[Range]) -> Ranges:
    """Return the numbers that are in any of the sets; the input may overlap, in any order."""
    merged: list[Range] = []
    for first, last in sorted(one for ranges in sets for one in ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return tuple(merged)


def from_numbers(numbers: Iterable[int]) -> Ranges:
    """Return the ranges of these numbers, which may repeat, in any order."""
    ranges: list[Range] = []
    for number in sorted(numbers):
        if ranges and number <= ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return tuple(ranges)


def absent(ranges: Ranges, first: int, last: int) -> Ranges:
    """Return the numbers from ``first`` to ``last`` that are not in the set."""
    gaps: list[Range] = []
    for begin, end in clip(ranges, first, last):
        if first < begin:
            gaps.append((first, begin - 1))
        first = end + 1
    if first <= last:
        gaps.append((first, last))
    return tuple(gaps)


def clip(ranges: Ranges, first: int, last: int) -> Ranges:
    """Return the numbers of the set that lie from ``first`` to ``last``; none if that is before."""
    return tuple(
        (max(begin, first), min(end, last))
        for begin, end in ranges
        if max(begin, first) <= min(end, last)
    )


def contains(ranges: Ranges, number: int) -> bool:
    """Return whether a number is in the set."""
    place = bisect_right(ranges, number, key=lambda one: one[0])
    return place > 0 and number <= ranges[place - 1][1]


def count(ranges: Iterable[Range]) -> int:
    """Return how many numbers are in the set."""
    return sum(last - first + 1 for first, last in ranges)
