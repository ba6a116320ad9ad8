"""Decide who a track shows: its frames vote, weighted by their quality.

One frame may be wrong, and a student's name for a stranger is the worst error. So a name needs
several frames that agree, each above the threshold and clear of the second best person.
"""

import math
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from kiosk.records import Decision, Match, Verdict

VOTES_KEPT: Final = 100
"""How many votes of a track are kept, the newest: a poster in view all day must not fill the
memory."""


@dataclass(frozen=True, slots=True)
class VotingRule:
    """When the votes of a track name a person.

    Attributes:
        threshold: Lowest score of a vote for the nearest person.
        unsure_threshold: Lowest score at which a track without a name is unsure.
        margin_min: Lowest margin of a vote for the nearest person.
        votes_min: How many frames must vote for one person.
        agreement_min: Their least share of the weight of all frames; more than a half, so that no
            two people can have it.
    """

    threshold: float
    unsure_threshold: float
    margin_min: float
    votes_min: int
    agreement_min: float


@dataclass(frozen=True, slots=True)
class Vote:
    """The vote of one usable frame: its match, and its weight (above 0 to 1)."""

    match: Match
    weight: float


def decide(votes: Sequence[Vote], rule: VotingRule, direction: str | None = None) -> Decision:
    """Count the votes of one track.

    Args:
        votes: The votes of all its usable frames; at least one.
        rule: When votes name a person.
        direction: Which way the person went, for the record.

    Returns:
        The decision; known only if one person has enough votes and enough of the weight.
    """
    by_subject: defaultdict[str, list[Vote]] = defaultdict(list)
    for vote in votes:
        if vote.match.subject_id is not None and _counts(vote.match, rule):
            by_subject[vote.match.subject_id].append(vote)
    subject, best = max(by_subject.items(), key=lambda item: _weight(item[1]), default=("", []))
    has_agreement = _weight(best) >= rule.agreement_min * _weight(votes)
    if len(best) >= rule.votes_min and has_agreement:
        return _decision(Verdict.KNOWN, subject, best, votes, rule.threshold, direction)
    best_score = max(vote.match.score for vote in votes)
    verdict = Verdict.UNSURE if best_score >= rule.unsure_threshold else Verdict.STRANGER
    return _decision(verdict, None, votes, votes, rule.threshold, direction)


def _counts(match: Match, rule: VotingRule) -> bool:
    return match.score >= rule.threshold and match.margin >= rule.margin_min


def _weight(votes: Sequence[Vote]) -> float:
    # fsum is exact, so the order of the votes does not matter.
    return math.fsum(vote.weight for vote in votes)


def _decision(
    verdict: Verdict,
    subject_id: str | None,
    deciding: Sequence[Vote],
    votes: Sequence[Vote],
    threshold: float,
    direction: str | None,
) -> Decision:
    """Build the decision; ``deciding`` are the votes that give score and margin."""
    weight = _weight(deciding)
    return Decision(
        verdict=verdict,
        subject_id=subject_id,
        score=math.fsum(vote.match.score * vote.weight for vote in deciding) / weight,
        margin=math.fsum(vote.match.margin * vote.weight for vote in deciding) / weight,
        threshold=threshold,
        votes=len(deciding),
        frames=len(votes),
        quality=_weight(votes) / len(votes),
        direction=direction,
    )


class VoteCounter:
    """The votes of the tracks in view.

    Args:
        rule: When votes name a person.
    """

    def __init__(self, rule: VotingRule) -> None:
        self._rule = rule
        self._votes: defaultdict[int, deque[Vote]] = defaultdict(partial(deque, maxlen=VOTES_KEPT))
        self._known: dict[int, str | None] = {}

    def vote(self, track_id: int, vote: Vote, direction: str | None) -> Decision | None:
        """Add a vote, and return the decision if this vote makes the track known.

        A person who steps out from behind an identified person may inherit their track, and must
        be recorded too: the votes since the last vote for the identified person are counted.
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
        """Drop pending votes and use a new rule after the gallery was replaced.

        Identified tracks stay identified. The pending votes may be for a person who was erased or
        enrolled again since, and a less strict rule would turn them into a name.
        """
        self._rule = rule
        self._votes.clear()

    def start_session(self) -> None:
        """Start a new class session: everyone still in view may be recorded again.

        Pending votes are kept: the event belongs to the class session in which it is made.
        """
        self._known.clear()

    def end(self, track_id: int, direction: str | None) -> Decision | None:
        """Forget a track that has ended, and return the decision on it if it never became known."""
        votes = self._votes.pop(track_id, None)
        if self._known.pop(track_id, None) is not None or not votes:
            return None
        return decide(votes, self._rule, direction)
