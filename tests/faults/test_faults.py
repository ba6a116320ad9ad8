"""A short run of ``python -m tests.faults``: nothing is lost or stored twice, whatever fails."""

import uuid
from pathlib import Path

import pytest

from kiosk.register.config import DatabaseSection
from tests.faults.__main__ import try_fault
from tests.faults.count import Count, StoredEvent, compare
from tests.faults.growth import Sample, growths
from tests.faults.rows import FAULTS
from tests.faults.stage import NotPossibleError
from tests.mosquitto import absent

_ID = str(uuid.UUID(int=0))
_EVENT = StoredEvent("s-1", 1, _ID, b"{}")
_SECOND = StoredEvent("s-1", 2, _ID, b"{}")
_LATE = StoredEvent("s-1", 1, _ID, b"{}", off_s=-3600.0)
_LINE = f"s-1 {_EVENT.facts}"


@pytest.mark.slow
@pytest.mark.broker
@pytest.mark.skipif(bool(absent()), reason=absent())
@pytest.mark.parametrize(
    "name",
    ["nobody-3", "away", "no-state", "kiosk-killed", "register-killed", "swallowed", "loss"],
)
def test_a_fault_loses_and_repeats_nothing(name: str, tmp_path: Path) -> None:
    """Every event that the kiosk has committed is in the register once, with its bytes."""
    database = DatabaseSection(path=str(tmp_path / "register.sqlite3"))
    try:
        outcome = try_fault(
            FAULTS[name], tmp_path, database, scale=0.1, wait_s=2.0, patience_s=180.0
        )
    except NotPossibleError as exc:
        pytest.skip(str(exc))
    assert outcome.count.offered > 0
    assert outcome.is_good, outcome


@pytest.mark.parametrize(
    ("ledger", "events", "count"),
    [
        ([_LINE], [_EVENT], Count(offered=1, lost=0, repeated=0)),
        ([_LINE], [], Count(offered=1, lost=1, repeated=0)),
        ([_LINE], [_EVENT, _EVENT], Count(offered=1, lost=0, repeated=1)),
        ([_LINE], [StoredEvent("s-1", 1, _ID, b"[]")], Count(offered=1, lost=1, repeated=0)),
        ([_LINE], [StoredEvent("s-1", 2, _ID, b"{}")], Count(offered=1, lost=1, repeated=0)),
        (["s-1 - - -"], [_EVENT], Count(offered=1, lost=0, repeated=0)),
        (["s-1 - - -"], [], Count(offered=1, lost=1, repeated=0)),
        ([_LINE, "s-1 - - -"], [_EVENT], Count(offered=2, lost=1, repeated=0)),
        ([_LINE, "s-1 none"], [_EVENT], Count(offered=2, lost=1, repeated=0)),
        ([_LINE, "s-1 - - -"], [_EVENT, _SECOND], Count(offered=2, lost=0, repeated=0)),
        ([], [_EVENT], Count(offered=0, lost=0, repeated=0)),
        ([], [_EVENT, _SECOND], Count(offered=0, lost=0, repeated=1)),
        ([_LINE], [_LATE], Count(offered=1, lost=0, repeated=0, misdated=1)),
    ],
    ids=[
        *("arrived", "lost", "twice", "altered", "renumbered", "killed after commit", "then lost"),
        *("once of two", "not recorded", "two of two", "killed before the ledger"),
        *("killed, and twice", "of another time"),
    ],
)
def test_the_count_notices_every_loss_and_repeat(
    ledger: list[str], events: list[StoredEvent], count: Count
) -> None:
    """An event that differs in number or payload from what was committed counts as lost."""
    assert compare(ledger, events) == count


def test_a_loss_is_honest_if_each_lost_number_is_said() -> None:
    """Then it is still no good; and nothing that must be refused may have been let through."""
    lost = Count(offered=3, lost=2, repeated=0, said=2)
    assert (lost.is_honest, lost.is_good) == (True, False)
    assert not Count(offered=3, lost=2, repeated=0, said=1).is_honest
    assert not Count(offered=3, lost=0, repeated=0, forbidden=1).is_honest


def test_a_soak_leaves_the_warm_up_out_and_notices_what_grows() -> None:
    """The slope is that of the time after the first quarter, for each hour."""
    memory = "register: memory, MiB"
    samples = [Sample(60.0 * i, {memory: 500.0 if i < 10 else 100.0 + i}) for i in range(40)]
    (grows,) = growths(samples)
    assert (grows.first, grows.last) == (110.0, 139.0)
    assert grows.per_hour == pytest.approx(60.0)
    assert not grows.is_good
    (stays,) = growths([Sample(60.0 * i, {memory: 100.0}) for i in range(40)])
    assert stays.is_good
