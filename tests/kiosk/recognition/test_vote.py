"""From votes to a decision. A student's name for a stranger is the worst error."""

import dataclasses
import sys
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.recognition.vote import VOTES_KEPT, Vote, VoteCounter, VotingRule, decide
from kiosk.records import Match, Verdict

RULE = VotingRule(
    threshold=0.5, unsure_threshold=0.4, margin_min=0.1, votes_min=3, agreement_min=0.6
)  # fmt: skip


def vote(who: str | None, score: float = 0.8, margin: float = 0.3, weight: float = 1.0) -> Vote:
    return Vote(Match(who, score, margin), weight)


votes_of_anybody = st.builds(
    vote,
    st.sampled_from(["ada", "bob", "cyd", None]),
    st.floats(-1, 1),
    st.floats(0, 2),
    st.floats(0.01, 1),
)
rules = st.builds(
    lambda low, high, margin, votes, agreement: VotingRule(
        high, min(low, high), margin, votes, agreement
    ),
    st.floats(-1, 1),
    st.floats(0, 1),
    st.floats(0, 1),
    st.integers(1, 5),
    st.floats(0.5, 1, exclude_min=True),
)
"""Any rule that the configuration lets through."""
some_votes = st.lists(votes_of_anybody, min_size=1, max_size=12)


def counts(one: Vote, rule: VotingRule) -> bool:
    return one.match.score >= rule.threshold and one.match.margin >= rule.margin_min


@given(some_votes, rules)
def test_a_known_decision_has_enough_votes_above_threshold_and_margin(
    votes: list[Vote], rule: VotingRule
) -> None:
    """Known implies enough votes, each within both limits, and enough of the weight."""
    decision = decide(votes, rule)
    assert (decision.verdict is Verdict.KNOWN) == (decision.subject_id is not None)
    if decision.verdict is Verdict.KNOWN:
        own = [v for v in votes if v.match.subject_id == decision.subject_id and counts(v, rule)]
        assert decision.votes == len(own) >= rule.votes_min
        share = sum(v.weight for v in own) / sum(v.weight for v in votes)
        assert share >= rule.agreement_min - 1e-9
        assert decision.score >= rule.threshold - 1e-9
        assert decision.margin >= rule.margin_min - 1e-9


@given(some_votes, some_votes, rules)
def test_votes_below_the_limits_never_make_a_track_known(
    votes: list[Vote], others: list[Vote], rule: VotingRule
) -> None:
    """Adding votes below the threshold or the margin never makes a track known."""
    strangers = [other for other in others if not counts(other, rule)]
    if decide(votes, rule).verdict is not Verdict.KNOWN:
        assert decide([*votes, *strangers], rule).verdict is not Verdict.KNOWN


@given(some_votes.flatmap(lambda votes: st.tuples(st.just(votes), st.permutations(votes))), rules)
def test_the_order_of_votes_does_not_matter(
    orders: tuple[list[Vote], Sequence[Vote]], rule: VotingRule
) -> None:
    """The same votes in another order give the same decision, to the last digit."""
    votes, shuffled = orders
    assert decide(votes, rule) == decide(shuffled, rule)


@given(some_votes, st.permutations(["ada", "bob", "cyd"]), rules)
def test_a_tie_is_not_broken_by_the_id(
    votes: list[Vote], names: Sequence[str], rule: VotingRule
) -> None:
    """When two people's votes are swapped, the decision is swapped."""
    exchange = dict(zip(["ada", "bob", "cyd"], names, strict=True))
    renamed = [
        vote(exchange.get(v.match.subject_id or ""), v.match.score, v.match.margin, v.weight)
        for v in votes
    ]
    decision = decide(votes, rule)
    assert decide(renamed, rule).subject_id == exchange.get(decision.subject_id or "")


@pytest.mark.parametrize(
    ("votes", "verdict"),
    [
        ([vote("ada")] * 3, Verdict.KNOWN),
        ([vote("ada", score=0.5, margin=0.1)] * 3, Verdict.KNOWN),
        ([vote("ada")] * 3 + [vote("bob")] * 2, Verdict.KNOWN),
        # One vote short, a hair below the threshold, a hair within the margin.
        ([vote("ada")] * 2, Verdict.UNSURE),
        ([vote("ada", score=0.4999)] * 9, Verdict.UNSURE),
        ([vote("ada", margin=0.0999)] * 9, Verdict.UNSURE),
        # Too little of the weight.
        ([vote("ada")] * 3 + [vote("bob")] * 3, Verdict.UNSURE),
        ([vote("ada", weight=0.3)] * 3 + [vote("bob", weight=1.0)], Verdict.UNSURE),
        ([vote("ada")] * 3 + [vote("ada", score=0.1)] * 3, Verdict.UNSURE),
        ([vote("ada", score=0.4)] * 9, Verdict.UNSURE),
        # Nobody like them.
        ([vote("ada", score=0.3999)] * 9, Verdict.STRANGER),
        ([vote(None, score=-1.0, margin=0.0)] * 9, Verdict.STRANGER),
    ],
)
def test_each_limit_counts(votes: list[Vote], verdict: Verdict) -> None:
    """Votes, threshold, margin and agreement must each be reached, exactly."""
    decision = decide(votes, RULE)
    assert decision.verdict is verdict
    assert decision.subject_id == ("ada" if verdict is Verdict.KNOWN else None)


def test_a_decision_has_the_weighted_means() -> None:
    """Score and margin are means of the person's votes by weight; quality is that of all."""
    votes = [vote("ada", 0.6, 0.2, 1.0), vote("ada", 0.9, 0.5, 0.5), vote("ada", 0.6, 0.2, 1.0)]
    decision = decide([*votes, vote("bob", 0.1, 0.0, 0.1)], RULE, "left")
    assert decision.score == pytest.approx(0.66)
    assert decision.margin == pytest.approx(0.26)
    assert decision.quality == pytest.approx(0.65)
    assert (decision.votes, decision.frames, decision.direction) == (3, 4, "left")
    assert decision.threshold == RULE.threshold


def verdicts(counter: VoteCounter, track_id: int, votes: Sequence[Vote]) -> list[str | None]:
    """The person whom each vote made known."""
    found = [counter.vote(track_id, one, None) for one in votes]
    return [one.subject_id if one else None for one in found]


@given(some_votes, rules)
def test_a_vote_counter_names_only_people_with_enough_votes(
    votes: list[Vote], rule: VotingRule
) -> None:
    """A person whom a counter makes known has enough votes among those so far."""
    counter = VoteCounter(rule)
    for index, one in enumerate(votes):
        decision = counter.vote(1, one, None)
        if decision is not None:
            assert decision.verdict is Verdict.KNOWN
            own = [
                v
                for v in votes[: index + 1]
                if v.match.subject_id == decision.subject_id and counts(v, rule)
            ]
            assert len(own) >= rule.votes_min


def test_a_track_becomes_known_once() -> None:
    """The vote that completes a name gives the decision; later votes and the end give none."""
    counter = VoteCounter(RULE)
    assert verdicts(counter, 1, [vote("ada")] * 8) == [None, None, "ada", *[None] * 5]
    assert counter.end(1, None) is None


def test_tracks_do_not_mix() -> None:
    """The votes of two tracks are counted separately."""
    counter = VoteCounter(RULE)
    for _ in range(2):
        assert counter.vote(1, vote("ada"), None) is None
        assert counter.vote(2, vote("ada"), None) is None
    decision = counter.vote(2, vote("ada"), None)
    assert decision is not None
    assert decision.votes == 3


def test_a_person_who_inherits_a_track_is_recorded_too() -> None:
    """Another person who takes over a known track needs votes_min votes of their own."""
    counter = VoteCounter(RULE)
    assert verdicts(counter, 1, [vote("ada")] * 3)[-1] == "ada"
    assert verdicts(counter, 1, [vote("bob")] * 4) == [None, None, "bob", None]


def test_stray_votes_do_not_add_up() -> None:
    """Stray votes for another person, between those for the known one, never add up."""
    counter = VoteCounter(RULE)
    assert verdicts(counter, 1, [vote("ada")] * 3)[-1] == "ada"
    stray = [vote("bob"), vote("bob"), vote("ada", score=0.2)]
    assert not any(verdicts(counter, 1, stray * 30))


@pytest.mark.parametrize(("score", "verdict"), [(0.45, "unsure"), (0.1, "stranger")])
def test_the_end_of_an_unknown_track_gives_a_decision(score: float, verdict: str) -> None:
    """A track that voted and never became known is unsure or a stranger at its end."""
    counter = VoteCounter(RULE)
    counter.vote(1, vote("ada", score=score), None)
    decision = counter.end(1, "toward")
    assert decision is not None
    assert (decision.verdict, decision.subject_id, decision.direction) == (verdict, None, "toward")


def test_a_track_without_votes_ends_without_a_decision() -> None:
    """Without usable faces there is no decision, and a track ends only once."""
    counter = VoteCounter(RULE)
    assert counter.end(7, None) is None
    counter.vote(7, vote("ada"), None)
    assert counter.end(7, None) is not None
    assert counter.end(7, None) is None


def test_a_poster_in_view_all_day_does_not_fill_the_memory() -> None:
    """A track keeps a limited number of votes, the newest, and is still counted right."""
    counter = VoteCounter(RULE)
    assert not any(verdicts(counter, 1, [vote("ada", score=0.3)] * (3 * VOTES_KEPT)))
    assert len(counter._votes[1]) == VOTES_KEPT
    assert verdicts(counter, 1, [vote("ada")] * VOTES_KEPT).count("ada") == 1
    assert sys.getsizeof(counter._votes[1]) < 10_000


def test_votes_of_the_old_gallery_make_no_name() -> None:
    """After an erasure neither earlier votes nor a less strict rule name the erased person."""
    counter = VoteCounter(RULE)
    for _ in range(9):
        assert counter.vote(1, vote("ada", score=0.45), None) is None
    counter.use_rule(dataclasses.replace(RULE, threshold=0.42))
    assert counter.vote(1, vote("bob", score=0.1), None) is None
    ended = counter.end(1, None)
    assert ended is not None
    assert (ended.verdict, ended.frames) == (Verdict.STRANGER, 1)


def test_a_known_track_stays_known_after_a_reload() -> None:
    """A walk in progress is not recorded twice because the gallery was read again."""
    counter = VoteCounter(RULE)
    assert [counter.vote(1, vote("ada"), None) is None for _ in range(3)] == [True, True, False]
    counter.use_rule(RULE)
    assert [counter.vote(1, vote("ada"), None) for _ in range(9)] == [None] * 9
    assert counter.end(1, None) is None


def test_a_person_in_view_is_recorded_again_in_the_next_session() -> None:
    """After a new class session began, votes_min votes make the same track known again."""
    counter = VoteCounter(RULE)
    before = [counter.vote(1, vote("ada"), None) is not None for _ in range(8)]
    counter.start_session()
    after = [counter.vote(1, vote("ada"), None) is not None for _ in range(8)]
    assert before == after == [False, False, True, *[False] * 5]


def test_pending_votes_are_kept_when_a_session_begins() -> None:
    """Two votes before the class session begins and one after it make a track known."""
    counter = VoteCounter(RULE)
    counter.vote(1, vote("ada"), None)
    counter.vote(1, vote("ada"), None)
    counter.start_session()
    assert counter.vote(1, vote("ada"), None) is not None


def test_the_new_rule_is_used_after_a_reload() -> None:
    """A score too low for the old rule makes a track known under the new rule."""
    counter = VoteCounter(RULE)
    counter.use_rule(dataclasses.replace(RULE, threshold=0.42))
    decisions = [counter.vote(1, vote("ada", score=0.45), None) for _ in range(3)]
    assert decisions[-1] is not None
    assert decisions[-1].threshold == 0.42


# The verdict on a track that is still in view


def test_a_track_without_votes_is_undecided() -> None:
    """Neither an unknown track nor one with too few votes has a verdict yet."""
    counter = VoteCounter(RULE)
    assert counter.verdict(1) is Verdict.UNDECIDED
    counter.vote(1, vote("ada"), None)
    counter.vote(1, vote("ada"), None)
    assert counter.verdict(1) is Verdict.UNDECIDED


@pytest.mark.parametrize(
    ("score", "verdict"),
    [(0.8, Verdict.KNOWN), (0.45, Verdict.UNSURE), (0.1, Verdict.STRANGER)],
)
def test_enough_votes_give_a_verdict_before_the_track_ends(score: float, verdict: Verdict) -> None:
    """After votes_min frames the verdict is that of the votes."""
    counter = VoteCounter(RULE)
    for _ in range(3):
        counter.vote(1, vote("ada", score=score), None)
    assert counter.verdict(1) is verdict
    assert counter.verdict(2) is Verdict.UNDECIDED


def test_a_known_track_stays_known_until_somebody_else_has_enough_frames() -> None:
    """One or two stray votes leave the verdict known; votes_min in a row replace it."""
    counter = VoteCounter(RULE)
    for _ in range(3):
        counter.vote(1, vote("ada"), None)
    for _ in range(2):
        counter.vote(1, vote("bob", score=0.2), None)
        assert counter.verdict(1) is Verdict.KNOWN
    counter.vote(1, vote("bob", score=0.2), None)
    assert counter.verdict(1) is Verdict.STRANGER
    counter.vote(1, vote("ada"), None)
    assert counter.verdict(1) is Verdict.KNOWN


def test_a_new_session_makes_a_known_track_undecided() -> None:
    """A person who stays in view is decided again in the next class session."""
    counter = VoteCounter(RULE)
    for _ in range(3):
        counter.vote(1, vote("ada"), None)
    counter.start_session()
    assert counter.verdict(1) is Verdict.UNDECIDED


@given(some_votes, rules)
def test_asking_for_the_verdict_changes_nothing(votes: list[Vote], rule: VotingRule) -> None:
    """A counter that is queried around each vote decides as one that is not."""
    asked, silent = VoteCounter(rule), VoteCounter(rule)
    for one in votes:
        first = asked.verdict(1)
        assert asked.verdict(1) is first
        assert asked.vote(1, one, None) == silent.vote(1, one, None)
    asked.verdict(2)
    assert asked.end(1, None) == silent.end(1, None)
    assert asked.end(2, None) is None
