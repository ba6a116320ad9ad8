"""Which events leave the outbox, and when."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from kiosk.outbox.outbox import Outbox
from kiosk.outbox.rows import Counts, Retention
from kiosk.outbox.space import RESERVED_PAGES

DAY_S = 86_400
NOW_S = 1_800_000_000
REGISTER = "00000000-0000-4000-8000-000000000001"


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    """An outbox that keeps at most 10 events, and delivered ones for 30 days."""
    retention = Retention(unconfirmed=timedelta(days=30), events_max=10)
    with Outbox(tmp_path / "outbox.sqlite3", retention=retention) as box:
        yield box


def fill(outbox: Outbox, count: int, size: int = 1) -> None:
    for _ in range(count):
        outbox.put(lambda n: (f"e-{n}", "t", bytes(size)))


def numbers(outbox: Outbox) -> list[int]:
    rows = outbox._connection.execute("SELECT sequence FROM events ORDER BY sequence")
    return [sequence for (sequence,) in rows]


def trim(outbox: Outbox, now_s: int = NOW_S) -> list[int]:
    """Trim until nothing more goes; return the numbers that are left."""
    while outbox.trim(now_s).has_more:
        pass
    return numbers(outbox)


def test_a_delivered_event_stays_until_it_is_confirmed(outbox: Outbox) -> None:
    """PUBACK ends the sending, and the register's confirmation ends the keeping."""
    fill(outbox, 4)
    outbox.mark_delivered([1, 2, 3], NOW_S)
    assert [row.sequence for row in outbox.pending(9)] == [4]
    assert trim(outbox) == [1, 2, 3, 4]
    assert outbox.confirm(REGISTER, 2)
    assert trim(outbox) == [3, 4]


def test_a_confirmation_covers_undelivered_events(outbox: Outbox) -> None:
    """The register may have an event whose PUBACK was lost."""
    fill(outbox, 3)
    outbox.confirm(REGISTER, 2)
    assert trim(outbox) == [3]


def test_a_late_confirmation_takes_nothing_back(outbox: Outbox) -> None:
    """A lower number than the last confirmed one changes nothing."""
    fill(outbox, 3)
    outbox.confirm(REGISTER, 2)
    outbox.confirm(REGISTER, 0)
    assert trim(outbox) == [3]


def test_a_confirmation_of_a_number_that_was_never_given_is_not_believed(outbox: Outbox) -> None:
    """Nothing is deleted, then or when the number is given."""
    fill(outbox, 1)
    assert not outbox.confirm(REGISTER, 2)
    fill(outbox, 1)
    assert trim(outbox) == [1, 2]


def test_without_a_register_a_delivered_event_is_kept_for_30_days(outbox: Outbox) -> None:
    """An undelivered event is kept for longer."""
    fill(outbox, 3)
    outbox.mark_delivered([1], NOW_S)
    outbox.mark_delivered([2], NOW_S + DAY_S)
    assert trim(outbox, NOW_S + 30 * DAY_S) == [1, 2, 3]
    assert trim(outbox, NOW_S + 30 * DAY_S + 1) == [2, 3]
    assert trim(outbox, NOW_S + 99 * DAY_S) == [3]


@pytest.mark.parametrize("confirmed", [0, 1])
def test_with_a_register_age_does_not_count(outbox: Outbox, confirmed: int) -> None:
    """Once a register has said that it is there, only its confirmation deletes an event."""
    fill(outbox, 3)
    outbox.mark_delivered([1, 2, 3], NOW_S)
    outbox.confirm(REGISTER, confirmed)
    assert trim(outbox, NOW_S + 99 * DAY_S) == [1, 2, 3][confirmed:]


def test_an_event_delivered_without_a_clock_ages_from_the_first_synchronised_time(
    outbox: Outbox,
) -> None:
    """A delivery in 1970 is not 50 years old once the clock is set."""
    fill(outbox, 1)
    outbox.mark_delivered([1], 0)
    assert trim(outbox, 0) == [1]
    assert trim(outbox, NOW_S) == [1]
    assert trim(outbox, NOW_S + 29 * DAY_S) == [1]
    assert trim(outbox, NOW_S + 31 * DAY_S) == []


def test_beyond_the_bound_the_oldest_delivered_events_go_first(outbox: Outbox) -> None:
    """Undelivered events stay while delivered ones are left, however old."""
    fill(outbox, 14)
    outbox.mark_delivered(range(5, 13), NOW_S)
    assert trim(outbox) == [1, 2, 3, 4, 9, 10, 11, 12, 13, 14]
    assert outbox.counts() == Counts(kept=10, undelivered=6, dropped=0)


def test_beyond_the_bound_undelivered_events_are_counted_when_they_go(outbox: Outbox) -> None:
    """Without delivered events the oldest ones go, and the count stays in the file."""
    fill(outbox, 12)
    trimmed = outbox.trim(NOW_S)
    assert (trimmed.deleted, trimmed.dropped) == (2, 2)
    assert trim(outbox) == list(range(3, 13))
    assert outbox.counts() == Counts(kept=10, undelivered=10, dropped=2)


def test_the_bound_is_200_000_events_unless_configured() -> None:
    """That is about a year of a busy door."""
    assert Retention().events_max == 200_000


def test_the_file_shrinks_when_events_have_gone(outbox: Outbox) -> None:
    """Free pages go back to the file system, except for those that are kept for a full disk."""
    fill(outbox, 800, size=4000)
    outbox._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    before = outbox._path.stat().st_size
    outbox.confirm(REGISTER, 800)
    assert trim(outbox) == []
    outbox._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    after = outbox._path.stat().st_size
    assert before > 3_000_000
    assert RESERVED_PAGES * 4096 < after < 800_000


def test_the_log_stays_small(outbox: Outbox) -> None:
    """Whatever is stored and deleted, the write-ahead log does not grow with it."""
    fill(outbox, 500, size=8000)
    outbox.confirm(REGISTER, 500)
    trim(outbox)
    assert outbox._path.with_name("outbox.sqlite3-wal").stat().st_size < 2_000_000


def test_a_step_is_small(outbox: Outbox) -> None:
    """A confirmation of thousands of events does not hold up the recording of the next."""
    with outbox._transaction() as connection:
        connection.executemany(
            "INSERT INTO events (event_id, topic, payload) VALUES (?, 't', x'00')",
            ((str(number),) for number in range(2000)),
        )
    outbox.confirm(REGISTER, 2000)
    trimmed = outbox.trim(NOW_S)
    assert (trimmed.deleted, trimmed.has_more) == (200, True)
    assert trim(outbox) == []
