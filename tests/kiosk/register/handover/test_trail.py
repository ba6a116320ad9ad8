"""What stood at a position, from the changes up to it."""

from datetime import UTC, datetime

from kiosk.register.handover.trail import Standing, Step, standing
from kiosk.register.rules.codes import Code

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def step(
    position: int, after: Code, account: str = "", undoes: int | None = None, rule: str = "late"
) -> Step:
    return Step(
        position=position,
        lesson_id="maths",
        subject_id="s-1",
        at=NOON,
        before=Code.NOT_KNOWN,
        after=after,
        account=account,
        rule="" if account else rule,
        reason="why" if account else "",
        minutes_late=None,
        seen_at=None,
        clock="",
        undoes=undoes,
    )


RULE = step(1, Code.LATE)
OLGA = step(2, Code.EXCUSED, "olga")
ALICE = step(3, Code.PRESENT, "alice")


def test_nothing_is_known_without_a_change() -> None:
    """The file says not-known, by nobody."""
    assert standing([]) == Standing(Code.NOT_KNOWN, None, None)


def test_a_correction_stands_over_what_the_rules_say() -> None:
    """The newest one; the rules' word stays beneath."""
    assert standing([RULE, OLGA]) == Standing(Code.EXCUSED, RULE, OLGA)
    assert standing([RULE, OLGA, ALICE]) == Standing(Code.PRESENT, RULE, ALICE)


def test_an_undo_brings_back_what_stood_before() -> None:
    """An earlier correction with its reason, then the rules' code, and again the correction."""
    back = step(4, Code.EXCUSED, "alice", undoes=3)
    assert standing([RULE, OLGA, ALICE, back]) == Standing(Code.EXCUSED, RULE, OLGA)
    gone = step(3, Code.LATE, "alice", undoes=2)
    assert standing([RULE, OLGA, gone]) == Standing(Code.LATE, RULE, None)
    again = step(4, Code.EXCUSED, "alice", undoes=3)
    assert standing([RULE, OLGA, gone, again]) == Standing(Code.EXCUSED, RULE, OLGA)


def test_an_undo_shows_what_the_rules_said_meanwhile() -> None:
    """The derived mark went on to follow the events beneath the correction."""
    gone = step(3, Code.PRESENT, "alice", undoes=2)
    assert standing([RULE, OLGA, gone]) == Standing(Code.PRESENT, gone, None)
