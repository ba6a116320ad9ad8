"""Decide who a track shows: the mean embedding of its good frames is matched, and frames vote.

One frame may be wrong, and a student's name for a stranger is the worst error. So a name needs

- a mean (:mod:`kiosk.recognition.walk`) with a score at the threshold, clear of the second best
  person; frames of somebody else are not part of it;
- several frames that vote for the same person, which means that this person is the nearest one to
  each of them alone, and most of the weight: the mean of two people may resemble a third. One of
  them must reach the lower threshold alone: what poor frames have in common also adds up.

When somebody else takes over a track, the newest frames count.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, TypeAlias

import numpy as np

from kiosk.recognition.walk import alike, is_taken_over, mean_weights, walk_mean
from kiosk.records import Decision, Floats, Match, Verdict

FRAMES_KEPT: Final = 60
"""How many frames of a track are kept, the newest: four seconds at 15 frames per second. A poster
in view all day must not fill the memory. With fewer, a stranger who stays is named more often."""

MatchProbe: TypeAlias = Callable[[Floats], Match]
"""Returns the enrolled person nearest to a ``(128,)`` probe."""


@dataclass(frozen=True, slots=True)
class DecisionRule:
    """When the frames of a track name a person.

    Attributes:
        threshold: Lowest score of the mean for the nearest person.
        unsure_threshold: Lowest score at which a track without a name is unsure, and lowest score
            of the best vote.
        margin_min: Lowest margin of the mean for the nearest person.
        votes_min: How many frames must vote for that person.
        agreement_min: Their least share of the weight of the mean; more than a half, so that no
            two people can have it.
        alike_min: Lowest cosine of a frame and the mean of the others.
    """

    threshold: float
    unsure_threshold: float
    margin_min: float
    votes_min: int
    agreement_min: float
    alike_min: float


@dataclass(frozen=True, slots=True, eq=False)
class WalkFrame:
    """One usable frame of a track.

    Attributes:
        embedding: ``(128,)`` float32 of length 1.
        weight: Quality, above 0 to 1.
        match: The enrolled person nearest to this frame alone, for whom it votes.
    """

    embedding: Floats
    weight: float
    match: Match


def decide(
    frames: Sequence[WalkFrame],
    match_probe: MatchProbe,
    rule: DecisionRule,
    direction: str | None = None,
) -> Decision:
    """Decide who the frames of one track show.

    Args:
        frames: Its usable frames, oldest first; at least one.
        match_probe: Matches their mean.
        rule: When they name a person.
        direction: Which way the person went, for the record.

    Returns:
        The decision; known only if score and margin of the mean reach the limits, and enough
        frames vote for the same person.
    """
    embeddings = np.stack([frame.embedding for frame in frames])
    weights = [frame.weight for frame in frames]
    is_kept = alike(embeddings, weights, rule.alike_min)
    kept = [frame for frame, keep in zip(frames, is_kept, strict=True) if keep]
    shares = mean_weights([frame.weight for frame in kept])
    match = match_probe(walk_mean(embeddings[is_kept], shares))
    votes = [frame.match.subject_id == match.subject_id for frame in kept]
    is_known = _is_clear(match, rule) and _is_agreed(kept, votes, shares, rule)
    return Decision(
        verdict=Verdict.KNOWN if is_known else _verdict_without_name(match, rule),
        subject_id=match.subject_id if is_known else None,
        score=match.score,
        margin=match.margin,
        threshold=rule.threshold,
        votes=sum(votes) if is_known else len(kept),
        frames=len(frames),
        quality=sum(weights) / len(weights),
        direction=direction,
    )


def _is_clear(match: Match, rule: DecisionRule) -> bool:
    has_name = match.subject_id is not None
    return has_name and match.score >= rule.threshold and match.margin >= rule.margin_min


def _is_agreed(
    frames: Sequence[WalkFrame], votes: Sequence[bool], shares: Floats, rule: DecisionRule
) -> bool:
    """Return whether enough frames vote for one person, and one of them is good enough alone."""
    scores = [frame.match.score for frame, is_vote in zip(frames, votes, strict=True) if is_vote]
    share = float(shares[np.array(votes)].sum())
    return (
        len(scores) >= rule.votes_min
        and share >= rule.agreement_min - 1e-6  # the shares are rounded
        and max(scores) >= rule.unsure_threshold
    )


def _verdict_without_name(match: Match, rule: DecisionRule) -> Verdict:
    return Verdict.UNSURE if match.score >= rule.unsure_threshold else Verdict.STRANGER


class WalkDecider:
    """The tracks in view: collects their frames and decides on each.

    Args:
        rule: When frames name a person.
    """

    def __init__(self, rule: DecisionRule) -> None:
        self._rule = rule
        self._frames: defaultdict[int, deque[WalkFrame]] = defaultdict(
            partial(deque, maxlen=FRAMES_KEPT)
        )
        self._latest: dict[int, Decision] = {}
        self._named: defaultdict[int, list[str | None]] = defaultdict(list)

    def add(
        self, track_id: int, frame: WalkFrame, match_probe: MatchProbe, direction: str | None
    ) -> Decision | None:
        """Add a frame, and return the decision if this frame makes the track known.

        A person who steps out from behind an identified person may inherit their track, and must
        be recorded too: the frames since the last vote for the identified person are decided on.
        """
        frames = self._frames[track_id]
        named = self._named.get(track_id, ())
        if named and frame.match.subject_id == named[-1]:
            self._drop_frames(track_id)
            return None
        frames.append(frame)
        self._keep_newest_person(frames)
        decision = decide(frames, match_probe, self._rule, direction)
        self._latest[track_id] = decision
        if decision.verdict is not Verdict.KNOWN:
            return None
        is_new = decision.subject_id not in named
        self._drop_frames(track_id)
        self._named[track_id].append(decision.subject_id)
        return decision if is_new else None

    def _keep_newest_person(self, frames: deque[WalkFrame]) -> None:
        """Drop the frames of a person whose track somebody else has taken over."""
        newest = self._rule.votes_min
        embeddings = np.stack([frame.embedding for frame in frames])
        if is_taken_over(embeddings, newest, self._rule.alike_min):
            for _ in range(len(frames) - newest):
                frames.popleft()

    def _drop_frames(self, track_id: int) -> None:
        self._frames[track_id].clear()
        self._latest.pop(track_id, None)

    def verdict(self, track_id: int) -> Verdict:
        """Return the verdict on a track that is still in view, for example for a light at the door.

        A query: it changes no frame and stores nothing.

        Returns:
            ``KNOWN`` after the decision, until somebody else was the nearest person in
            ``votes_min`` frames in a row; ``UNDECIDED`` before the track has ``votes_min`` frames;
            otherwise the verdict that the track would get if it ended now.
        """
        if len(self._frames.get(track_id, ())) < self._rule.votes_min:
            return Verdict.KNOWN if self._named.get(track_id) else Verdict.UNDECIDED
        return self._latest[track_id].verdict

    def use_rule(self, rule: DecisionRule) -> None:
        """Drop pending frames and use a new rule after the gallery was replaced.

        Identified tracks stay identified. The pending frames may have voted for a person who was
        erased or enrolled again since, and a less strict rule would turn them into a name.
        """
        self._rule = rule
        self._frames.clear()
        self._latest.clear()

    def start_session(self) -> None:
        """Start a new class session: everyone still in view may be recorded again.

        Pending frames are kept: the event belongs to the class session in which it is made.
        """
        self._named.clear()

    def end(self, track_id: int, direction: str | None) -> Decision | None:
        """Forget a track that has ended, and return the decision on it if it never became known."""
        self._frames.pop(track_id, None)
        decision = self._latest.pop(track_id, None)
        if self._named.pop(track_id, None) or decision is None:
            return None
        return replace(decision, direction=direction)
