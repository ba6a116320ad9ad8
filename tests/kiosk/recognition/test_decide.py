"""From the frames of a track to a decision. A student's name for a stranger is the worst error."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.recognition.decide import (
    FRAMES_KEPT,
    DecisionRule,
    MatchProbe,
    WalkDecider,
    WalkFrame,
    decide,
)
from kiosk.recognition.gallery import Gallery
from kiosk.recognition.match import Matcher
from kiosk.recognition.vectors import unit
from kiosk.records import Decision, Floats, Match, Verdict
from tests.support_recognition import PLAIN, embedding

PEOPLE = ("ada", "bob", "cyd")
RULE = DecisionRule(
    threshold=0.5,
    unsure_threshold=0.4,
    margin_min=0.1,
    votes_min=3,
    agreement_min=0.6,
    alike_min=0.4,
)


def axis(number: int) -> Floats:
    """A direction at a right angle to those of all other numbers."""
    return np.asarray(np.eye(128)[number], np.float32)


MATCHER = Matcher(Gallery("m", {who: axis(i)[None] for i, who in enumerate(PEOPLE)}), PLAIN)
"""Three enrolled people who are nothing like each other."""


def frame(probe: Floats, weight: float = 1.0, matcher: Matcher = MATCHER) -> WalkFrame:
    return WalkFrame(probe, weight, matcher.match(probe))


def like(who: str, cosine: float = 0.8, weight: float = 1.0) -> WalkFrame:
    """A frame with this cosine to an enrolled person and 0 to the others; it has a look of its own.

    All frames that are like one person share that look.
    """
    number = PEOPLE.index(who)
    return frame(cosine * axis(number) + np.sqrt(1 - cosine**2) * axis(10 + number), weight)


def between(*people: str) -> Floats:
    """A face with the same cosine to several people."""
    return unit(sum(axis(PEOPLE.index(who)) for who in people))


def verdict_on(frames: Sequence[WalkFrame], rule: DecisionRule = RULE) -> Decision:
    return decide(frames, MATCHER.match, rule)


directions = st.builds(
    lambda who, cosine, look: unit(cosine * axis(who) + (1 - abs(cosine)) * embedding(look)),
    st.integers(0, 2),
    st.floats(-1, 1),
    st.integers(0, 3),
)
some_frames = st.lists(
    st.builds(frame, directions, st.floats(0.01, 1)), min_size=1, max_size=12
)  # fmt: skip
rules = st.builds(
    lambda low, high, margin, votes, agreement, alike: DecisionRule(
        high, min(low, high), margin, votes, agreement, alike
    ),
    st.floats(-1, 1),
    st.floats(0, 1),
    st.floats(0, 1),
    st.integers(1, 5),
    st.floats(0.5, 1, exclude_min=True),
    st.floats(-1, 1),
)
"""Any rule that the configuration accepts."""


@given(some_frames, rules)
def test_a_known_decision_keeps_all_limits(frames: list[WalkFrame], rule: DecisionRule) -> None:
    """Known implies a mean at threshold and margin, and enough frames that vote for the person."""
    decision = verdict_on(frames, rule)
    assert (decision.verdict is Verdict.KNOWN) == (decision.subject_id is not None)
    assert 1 <= decision.votes <= decision.frames == len(frames)
    if decision.verdict is Verdict.KNOWN:
        own = sum(one.match.subject_id == decision.subject_id for one in frames)
        assert own >= decision.votes >= rule.votes_min
        assert decision.score >= rule.threshold
        assert decision.margin >= rule.margin_min


@given(some_frames, rules)
def test_a_person_below_the_lower_threshold_in_all_frames_is_never_named(
    frames: list[WalkFrame], rule: DecisionRule
) -> None:
    """Nobody is named whose every frame is below the lower threshold, however high the mean is."""
    if all(one.match.score < rule.unsure_threshold for one in frames):
        assert verdict_on(frames, rule).verdict is not Verdict.KNOWN


@given(
    some_frames.flatmap(lambda frames: st.tuples(st.just(frames), st.permutations(frames))), rules
)
def test_the_order_of_alike_frames_does_not_matter(
    orders: tuple[list[WalkFrame], Sequence[WalkFrame]], rule: DecisionRule
) -> None:
    """The same frames of one person in another order give the same mean."""
    all_alike = dataclasses.replace(rule, alike_min=-1.0)
    one, other = (verdict_on(frames, all_alike) for frames in orders)
    assert one.score == pytest.approx(other.score, abs=1e-4)
    assert one.quality == pytest.approx(other.quality)
    is_at_a_limit = min(abs(one.score - rule.threshold), abs(one.margin - rule.margin_min)) < 1e-4
    if not is_at_a_limit and one.margin > 1e-3:  # else rounding decides
        assert (one.verdict, one.votes, one.frames) == (other.verdict, other.votes, other.frames)


@given(directions, directions, st.integers(3, 12), rules)
def test_two_people_who_alternate_get_no_name_that_neither_supports(
    one: Floats, other: Floats, count: int, rule: DecisionRule
) -> None:
    """Whoever is named is the nearest person of one of the two faces alone."""
    frames = [frame((one, other)[i % 2]) for i in range(count)]
    decision = verdict_on(frames, rule)
    assert decision.subject_id in {None, *(one.match.subject_id for one in frames[:2])}


def test_the_mean_of_two_people_who_resemble_a_third_is_not_named() -> None:
    """The mean scores high for the third person, but no frame votes for that person."""
    third = Matcher(
        Gallery(
            "m",
            {"ada": axis(0)[None], "bob": axis(1)[None], "cyd": unit(axis(0) + axis(1))[None]},
        ),
        PLAIN,
    )
    one, other = (unit(axis(i) + 0.3 * axis(20)) for i in (0, 1))
    frames = [frame((one, other)[i % 2], 1.0, third) for i in range(12)]
    decision = decide(frames, third.match, dataclasses.replace(RULE, alike_min=0.0))
    assert third.match(unit(one + other)).subject_id == "cyd"
    assert decision.score > RULE.threshold
    assert decision.verdict is Verdict.UNSURE


def test_what_poor_frames_have_in_common_makes_no_name() -> None:
    """Frames that are each far from everybody give no name, though their mean is near a person."""
    poor = [frame(unit(0.39 * axis(0) + 0.8 * axis(30 + i) + 0.4 * axis(60))) for i in range(12)]
    decision = verdict_on(poor, dataclasses.replace(RULE, alike_min=0.2))
    assert all(one.match.score < RULE.unsure_threshold for one in poor)
    assert decision.score > RULE.threshold
    assert (decision.verdict, decision.subject_id) == (Verdict.UNSURE, None)


@pytest.mark.parametrize(
    ("frames", "verdict"),
    [
        ([like("ada")] * 3, Verdict.KNOWN),
        ([like("ada", 0.51)] * 3, Verdict.KNOWN),
        # Strays of another person are left out of the mean.
        ([*[like("ada")] * 5, like("bob"), like("cyd")], Verdict.KNOWN),
        # A poor frame below the threshold is outweighed by good ones.
        ([*[like("ada")] * 3, like("ada", 0.3)], Verdict.KNOWN),
        # One frame short, and a hair below the threshold.
        ([like("ada")] * 2, Verdict.UNSURE),
        ([like("ada", 0.499)] * 9, Verdict.UNSURE),
        # One good frame among others, whatever its weight.
        ([like("ada", 1.0), like("bob", 0.1, 0.01), like("cyd", 0.1, 0.01)], Verdict.STRANGER),
        ([like("ada", 1.0), like("ada", 0.1, 0.01), like("ada", 0.1, 0.01)], Verdict.STRANGER),
        # Too little margin: a face between two people.
        ([frame(between("ada", "bob"))] * 9, Verdict.UNSURE),
        ([like("ada", 0.41)] * 9, Verdict.UNSURE),
        # Nobody like them.
        ([like("ada", 0.399)] * 9, Verdict.STRANGER),
    ],
)
def test_each_limit_counts(frames: list[WalkFrame], verdict: Verdict) -> None:
    """Frames, threshold, margin and agreement must each be reached."""
    decision = verdict_on(frames)
    assert decision.verdict is verdict
    assert decision.subject_id == ("ada" if verdict is Verdict.KNOWN else None)


def test_frames_that_vote_for_others_must_be_few() -> None:
    """Frames that are alike, but vote for another person, may have 40 % of the weight at most."""
    for own, verdict in ((6, Verdict.KNOWN), (5, Verdict.UNSURE)):
        votes = ["ada"] * own + ["bob"] * (10 - own)
        frames = [dataclasses.replace(like("ada"), match=Match(vote, 0.8, 0.3)) for vote in votes]
        decision = verdict_on(frames)
        assert decision.verdict is verdict
        assert decision.votes == (6 if verdict is Verdict.KNOWN else 10)


def test_frames_that_were_left_out_have_no_share() -> None:
    """A face behind, however long it is seen, does not take the name from who is before it."""
    strict = dataclasses.replace(RULE, alike_min=0.7)
    decision = verdict_on([*[like("cyd")] * 4, *[like("ada")] * 5], strict)
    assert (decision.verdict, decision.subject_id, decision.votes) == (Verdict.KNOWN, "ada", 5)


@pytest.mark.parametrize(
    ("match", "own", "verdict"),
    [
        (Match("ada", 0.5, 0.1), 0.4, Verdict.KNOWN),
        (Match("ada", np.nextafter(0.5, 0), 0.1), 0.4, Verdict.UNSURE),
        (Match("ada", 0.5, np.nextafter(0.1, 0)), 0.4, Verdict.UNSURE),
        (Match("ada", 0.5, 0.1), np.nextafter(0.4, 0), Verdict.UNSURE),
        (Match("ada", 0.4, 0.1), 0.4, Verdict.UNSURE),
        (Match("ada", np.nextafter(0.4, 0), 0.1), 0.4, Verdict.STRANGER),
        (Match(None, 1.0, 1.0), 1.0, Verdict.UNSURE),
    ],
)
def test_a_limit_itself_counts(match: Match, own: float, verdict: Verdict) -> None:
    """Who reaches threshold and margin is named; nobody is just below, or near nobody."""
    frames = [WalkFrame(axis(0), 1.0, Match(match.subject_id, own, 0.1))] * 3
    assert decide(frames, lambda _: match, RULE).verdict is verdict


def test_an_empty_gallery_names_nobody() -> None:
    """Without an enrolled person everybody is a stranger."""
    nobody = [WalkFrame(axis(0), 1.0, Match(None, -1.0, 0.0))] * 5
    decision = decide(nobody, lambda _: Match(None, -1.0, 0.0), RULE)
    assert (decision.verdict, decision.subject_id) == (Verdict.STRANGER, None)


def test_a_decision_describes_the_mean() -> None:
    """Score and margin are those of the mean of the kept frames; quality is that of all."""
    frames = [like("ada", 0.8, 0.9), like("ada", 0.9, 0.5), like("ada", 0.8, 0.9), like("bob")]
    decision = decide(frames, MATCHER.match, RULE, "left")
    probe = unit(0.9 * (frames[0].embedding + frames[2].embedding) + 0.5 * frames[1].embedding)
    match = MATCHER.match(probe)
    assert decision.score == pytest.approx(match.score, abs=1e-6)
    assert decision.margin == pytest.approx(match.margin, abs=1e-6)
    assert decision.quality == pytest.approx((0.9 + 0.5 + 0.9 + 1.0) / 4)
    assert (decision.votes, decision.frames, decision.direction) == (3, 4, "left")
    assert decision.threshold == RULE.threshold


# The frames of the tracks in view


def add(
    decider: WalkDecider,
    track_id: int,
    frames: Sequence[WalkFrame],
    match_probe: MatchProbe = MATCHER.match,
) -> list[str | None]:
    """Add frames; return the person whom each made known."""
    found = [decider.add(track_id, one, match_probe, None) for one in frames]
    return [one.subject_id if one else None for one in found]


@given(some_frames, rules)
def test_a_track_gives_each_person_at_most_one_decision(
    frames: list[WalkFrame], rule: DecisionRule
) -> None:
    """Whoever is named has enough votes in the frames so far, and is named once."""
    decider, votes, named = WalkDecider(rule), dict.fromkeys(PEOPLE, 0), set()
    for one in frames:
        votes[str(one.match.subject_id)] += 1
        decision = decider.add(1, one, MATCHER.match, None)
        if decision is not None:
            assert decision.verdict is Verdict.KNOWN
            assert votes[str(decision.subject_id)] >= rule.votes_min
            assert decision.subject_id not in named
            named.add(decision.subject_id)


def test_a_track_becomes_known_once() -> None:
    """The frame that completes a name gives the decision; later frames and the end give none."""
    decider = WalkDecider(RULE)
    assert add(decider, 1, [like("ada")] * 8) == [None, None, "ada", *[None] * 5]
    assert decider.end(1, None) is None


def test_tracks_do_not_mix() -> None:
    """The frames of two tracks are averaged separately."""
    decider = WalkDecider(RULE)
    for _ in range(2):
        assert add(decider, 1, [like("ada")]) == add(decider, 2, [like("ada")]) == [None]
    decision = decider.add(2, like("ada"), MATCHER.match, None)
    assert decision is not None
    assert decision.votes == 3


def test_a_person_who_takes_over_a_known_track_is_recorded_too() -> None:
    """Another person who takes over a known track needs votes_min frames of their own."""
    decider = WalkDecider(RULE)
    assert add(decider, 1, [like("ada")] * 3)[-1] == "ada"
    assert add(decider, 1, [like("bob")] * 4) == [None, None, "bob", None]
    assert add(decider, 1, [like("ada")] * 9) == [None] * 9


@pytest.mark.parametrize("before", [1, 2, 5, 40])
def test_a_person_who_takes_over_the_track_of_a_stranger_is_named_at_once(before: int) -> None:
    """The newest frames win: votes_min of them name a person, however many a stranger had."""
    decider = WalkDecider(RULE)
    stranger = frame(unit(0.2 * axis(2) + axis(50)))
    assert not any(add(decider, 1, [stranger] * before))
    assert add(decider, 1, [like("ada")] * 3) == [None, None, "ada"]


def test_a_stranger_who_takes_over_a_track_does_not_get_the_first_persons_name() -> None:
    """Two frames of an enrolled person, then a stranger: the track ends with a stranger."""
    decider = WalkDecider(RULE)
    stranger = frame(unit(0.2 * axis(2) + axis(50)))
    assert not any(add(decider, 1, [*[like("ada")] * 2, *[stranger] * 9]))
    decision = decider.end(1, None)
    assert decision is not None
    assert (decision.verdict, decision.frames) == (Verdict.STRANGER, 9)


def test_stray_frames_do_not_add_up() -> None:
    """Stray frames of another person, between those of the known one, never add up."""
    decider = WalkDecider(RULE)
    assert add(decider, 1, [like("ada")] * 3)[-1] == "ada"
    stray = [like("bob"), like("bob"), like("ada", 0.2)]
    assert not any(add(decider, 1, stray * 30))


@pytest.mark.parametrize(("cosine", "verdict"), [(0.45, "unsure"), (0.1, "stranger")])
def test_the_end_of_an_unknown_track_gives_a_decision(cosine: float, verdict: str) -> None:
    """A track with usable frames that never became known is unsure or a stranger at its end."""
    decider = WalkDecider(RULE)
    add(decider, 1, [like("ada", cosine)])
    decision = decider.end(1, "toward")
    assert decision is not None
    assert (decision.verdict, decision.subject_id, decision.direction) == (verdict, None, "toward")


def test_a_track_without_frames_ends_without_a_decision() -> None:
    """Without usable faces there is no decision, and a track ends only once."""
    decider = WalkDecider(RULE)
    assert decider.end(7, None) is None
    add(decider, 7, [like("ada")])
    assert decider.end(7, None) is not None
    assert decider.end(7, None) is None


def test_a_poster_in_view_all_day_does_not_fill_the_memory() -> None:
    """A track keeps a limited number of frames, the newest, and is still decided right."""
    decider = WalkDecider(RULE)
    assert not any(add(decider, 1, [like("ada", 0.3)] * (3 * FRAMES_KEPT)))
    assert len(decider._frames[1]) == FRAMES_KEPT
    assert add(decider, 1, [like("ada", 0.9)] * FRAMES_KEPT).count("ada") == 1


def test_an_ended_track_leaves_nothing_behind() -> None:
    """Neither a known track nor an unknown one stays in memory after its end."""
    decider = WalkDecider(RULE)
    add(decider, 1, [like("ada")] * 5)
    add(decider, 2, [like("ada", 0.2)] * 5)
    for track_id in (1, 2):
        decider.verdict(track_id)
        decider.end(track_id, None)
    assert not any((decider._frames, decider._latest, decider._named))


def test_frames_of_the_old_gallery_make_no_name() -> None:
    """After an erasure neither earlier frames nor a less strict rule name the erased person."""
    decider = WalkDecider(RULE)
    assert not any(add(decider, 1, [like("ada", 0.45)] * 9))
    decider.use_rule(dataclasses.replace(RULE, threshold=0.42))
    assert decider.verdict(1) is Verdict.UNDECIDED
    add(decider, 2, [like("ada", 0.45)] * 9)
    decider.use_rule(RULE)
    assert decider.end(2, None) is None
    assert add(decider, 1, [like("bob", 0.1)]) == [None]
    ended = decider.end(1, None)
    assert ended is not None
    assert (ended.verdict, ended.frames) == (Verdict.STRANGER, 1)


def test_a_known_track_stays_known_after_a_reload() -> None:
    """A walk in progress is not recorded twice because the gallery was read again."""
    decider = WalkDecider(RULE)
    assert add(decider, 1, [like("ada")] * 3) == [None, None, "ada"]
    decider.use_rule(RULE)
    assert add(decider, 1, [like("ada")] * 9) == [None] * 9
    assert decider.end(1, None) is None


def test_a_person_in_view_is_recorded_again_in_the_next_session() -> None:
    """After a new class session began, votes_min frames make the same track known again."""
    decider = WalkDecider(RULE)
    before = add(decider, 1, [like("ada")] * 8)
    decider.start_session()
    after = add(decider, 1, [like("ada")] * 8)
    assert before == after == [None, None, "ada", *[None] * 5]


def test_a_track_that_ends_as_a_session_begins_is_not_recorded_in_it() -> None:
    """The decision of the session before is not given again."""
    decider = WalkDecider(RULE)
    assert add(decider, 1, [like("ada")] * 3)[-1] == "ada"
    decider.start_session()
    assert decider.end(1, None) is None


def test_pending_frames_are_kept_when_a_session_begins() -> None:
    """Two frames before the class session begins and one after it make a track known."""
    decider = WalkDecider(RULE)
    add(decider, 1, [like("ada")] * 2)
    decider.start_session()
    assert add(decider, 1, [like("ada")]) == ["ada"]


def test_the_new_rule_is_used_after_a_reload() -> None:
    """A score too low for the old rule makes a track known under the new rule."""
    decider = WalkDecider(RULE)
    decider.use_rule(dataclasses.replace(RULE, threshold=0.42))
    assert add(decider, 1, [like("ada", 0.45)] * 3)[-1] == "ada"


# The verdict on a track that is still in view


def test_a_track_with_too_few_frames_is_undecided() -> None:
    """Neither an unknown track nor one with too few frames has a verdict yet."""
    decider = WalkDecider(RULE)
    assert decider.verdict(1) is Verdict.UNDECIDED
    add(decider, 1, [like("ada")] * 2)
    assert decider.verdict(1) is Verdict.UNDECIDED


@pytest.mark.parametrize(
    ("cosine", "verdict"),
    [(0.8, Verdict.KNOWN), (0.45, Verdict.UNSURE), (0.1, Verdict.STRANGER)],
)
def test_enough_frames_give_a_verdict_before_the_track_ends(
    cosine: float, verdict: Verdict
) -> None:
    """After votes_min frames the verdict is that of their mean."""
    decider = WalkDecider(RULE)
    add(decider, 1, [like("ada", cosine)] * 3)
    assert decider.verdict(1) is verdict
    assert decider.verdict(2) is Verdict.UNDECIDED


def test_a_known_track_stays_known_until_somebody_else_has_enough_frames() -> None:
    """One or two stray frames leave the verdict known; votes_min in a row replace it."""
    decider = WalkDecider(RULE)
    add(decider, 1, [like("ada")] * 3)
    for _ in range(2):
        add(decider, 1, [like("bob", 0.2)])
        assert decider.verdict(1) is Verdict.KNOWN
    add(decider, 1, [like("bob", 0.2)])
    assert decider.verdict(1) is Verdict.STRANGER
    add(decider, 1, [like("ada")])
    assert decider.verdict(1) is Verdict.KNOWN


def test_a_new_session_makes_a_known_track_undecided() -> None:
    """A person who stays in view is decided again in the next class session."""
    decider = WalkDecider(RULE)
    add(decider, 1, [like("ada")] * 3)
    decider.start_session()
    assert decider.verdict(1) is Verdict.UNDECIDED


@given(some_frames, rules)
def test_asking_for_the_verdict_changes_nothing(
    frames: list[WalkFrame], rule: DecisionRule
) -> None:
    """A decider that is queried around each frame decides as one that is not."""
    asked, silent = WalkDecider(rule), WalkDecider(rule)
    for one in frames:
        first = asked.verdict(1)
        assert asked.verdict(1) is first
        assert add(asked, 1, [one]) == add(silent, 1, [one])
    asked.verdict(2)
    assert asked.end(1, None) == silent.end(1, None)
    assert asked.end(2, None) is None
