"""Decide who a track is: its frames vote, weighted by their quality.

One frame may be wrong; a stranger given a student's name is the worst error there is. So a name
needs several frames that agree, each above the threshold and clear of the second best person.
"""

import math
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from kiosk.records import Decision, Match, Verdict

VOTES_KEPT: Final = 100
"""The newest votes of a track that count: a poster in sight all day must not fill the memory."""


@dataclass(frozen=True, slots=True)
class VotingRule:
    """When votes become a name.

    Attributes:
        threshold: Score from which a frame votes for the nearest person.
        unsure_threshold: Score from which a track without a name counts as unsure.
        margin_min: How much nearer than the second best person a vote must be.
        votes_min: How many frames must vote for one person.
        agreement_min: Their share of the weight of all frames; more than a half, so that no two
            people can have it.
    """

    threshold: float
    unsure_threshold: float
    margin_min: float
    votes_min: int
    agreement_min: float


@dataclass(frozen=True, slots=True)
class Vote:
    """What one usable frame says: the nearest person, and the frame's weight (above 0 to 1)."""

    match: Match
    weight: float


def decide(votes: Sequence[Vote], rule: VotingRule, direction: str | None = None) -> Decision:
    """Count the votes of one track.

    Args:
        votes: Of all its usable frames; at least one.
        rule: When votes become a name.
        direction: Which way the person went, for the record.

    Returns:
        Known only if one person has enough votes and enough of the weight.
    """
    groups: defaultdict[str, list[Vote]] = defaultdict(list)
    for vote in votes:
        if vote.match.subject_id is not None and _counts(vote.match, rule):
            groups[vote.match.subject_id].append(vote)
    subject, own = max(groups.items(), key=lambda item: _weight(item[1]), default=("", []))
    agreed = _weight(own) >= rule.agreement_min * _weight(votes)
    if len(own) >= rule.votes_min and agreed:
        return _decision(Verdict.KNOWN, subject, own, votes, rule.threshold, direction)
    best = max(vote.match.score for vote in votes)
    verdict = Verdict.UNSURE if best >= rule.unsure_threshold else Verdict.STRANGER
    return _decision(verdict, None, votes, votes, rule.threshold, direction)


def _counts(match: Match, rule: VotingRule) -> bool:
    return match.score >= rule.threshold and match.margin >= rule.margin_min


def _weight(votes: Sequence[Vote]) -> float:
    # Exact, so that the order of the votes does not matter.
    return math.fsum(vote.weight for vote in votes)


def _decision(
    verdict: Verdict,
    subject_id: str | None,
    own: Sequence[Vote],
    votes: Sequence[Vote],
    threshold: float,
    direction: str | None,
) -> Decision:
    weight = _weight(own)
    return Decision(
        verdict=verdict,
        subject_id=subject_id,
        score=math.fsum(vote.match.score * vote.weight for vote in own) / weight,
        margin=math.fsum(vote.match.margin * vote.weight for vote in own) / weight,
        threshold=threshold,
        votes=len(own),
        frames=len(votes),
        quality=_weight(votes) / len(votes),
        direction=direction,
    )


class VoteCounter:
    """The votes of the tracks that are under way.

    Args:
        rule: When votes become a name.
    """

    def __init__(self, rule: VotingRule) -> None:
        self._rule = rule
        self._votes: defaultdict[int, deque[Vote]] = defaultdict(partial(deque, maxlen=VOTES_KEPT))
        self._known: dict[int, str | None] = {}

    def vote(self, track_id: int, vote: Vote, direction: str | None) -> Decision | None:
        """Take in a vote; the decision, at the vote that makes the track known.

        Whoever steps out from behind somebody known may inherit their track, and must not go
        unrecorded: then the votes since the last one for that person are counted anew.
        """
        votes = self._votes[track_id]
        if track_id in self._known and vote.match.subject_id == self._known[track_id]:
            votes.clear()
            return None
        votes.append(vote)
        decision = decide(votes, self._rule, direction)
        if decision.verdict is not Verdict.KNOWN:
            return None
        votes.clear()
        self._known[track_id] = decision.subject_id
        return decision

    def verdict(self, track_id: int) -> Verdict:
        """Return the verdict on a track that is still in view, for example for a light at the door.

        A query: it changes no vote and stores nothing.

        Returns:
            ``KNOWN`` after the decision, until somebody else was the nearest person in
            ``votes_min`` frames in a row; ``UNDECIDED`` before ``votes_min`` frames have voted;
            otherwise the verdict that the track would get if it ended now.
        """
        votes = self._votes.get(track_id, ())
        if len(votes) < self._rule.votes_min:
            return Verdict.KNOWN if track_id in self._known else Verdict.UNDECIDED
        return decide(votes, self._rule).verdict

    def use_rule(self, rule: VotingRule) -> None:
        """Count anew by another rule, for a gallery that was exchanged; who is known stays known.

        The votes so far may be for somebody erased or enrolled anew since, and a rule that is less
        strict would make a name of them.
        """
        self._rule = rule
        self._votes.clear()

    def start_session(self) -> None:
        """Take who is known for unknown, when a class session begins: who stays is known anew.

        Votes for somebody not known yet count on: the event is of the session in which it is made.
        """
        self._known.clear()

    def end(self, track_id: int, direction: str | None) -> Decision | None:
        """Forget a track that has ended; what it was, if it never became known."""
        votes = self._votes.pop(track_id, None)
        if self._known.pop(track_id, None) is not None or not votes:
            return None
        return decide(votes, self._rule, direction)
