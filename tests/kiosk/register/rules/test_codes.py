"""The eight codes and what they count as."""

import pytest

from kiosk.register.rules.codes import CODES, Code


def test_every_code_has_its_facts() -> None:
    """There are eight codes, and none is forgotten."""
    assert list(CODES) == list(Code)
    assert len(Code) == 8


@pytest.mark.parametrize("code", Code)
def test_nobody_counts_as_present_and_absent(code: Code) -> None:
    """One code decides; who is late is present, and who counts for the rate is one of both."""
    facts = CODES[code]
    assert not (facts.counts_present and facts.counts_absent)
    assert facts.counts_present or not facts.counts_late
    assert facts.counts_present or facts.counts_absent or not facts.counts_toward_rate


def test_what_is_not_known_is_handed_on_to_nobody() -> None:
    """No other system is told anything of a mark that is not known."""
    facts = CODES[Code.NOT_KNOWN]
    assert (facts.moodle, facts.ed_fi, facts.counts_toward_rate) == ("", "", False)
