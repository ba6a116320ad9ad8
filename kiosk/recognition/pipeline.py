"""The way of a frame: found, followed, aligned, judged, embedded, matched, voted on."""

from collections.abc import Iterator
from dataclasses import dataclass

from kiosk.recognition.detect import Detector
from kiosk.recognition.embed import Embedder
from kiosk.recognition.match import Matcher
from kiosk.recognition.probe import make_probe
from kiosk.recognition.quality import Limits
from kiosk.recognition.track import Tracker, direction
from kiosk.recognition.vote import Vote, VoteCounter, VotingRule
from kiosk.records import Decision, Frame, Image, Track


@dataclass(slots=True)
class Pipeline:
    """All stages from a frame to decisions; the matcher and its rule can be exchanged.

    Attributes:
        detector: Finds faces.
        tracker: Follows them.
        limits: What a face must be to vote.
        embedder: Embeds crops.
        matcher: Knows who is enrolled.
        votes: Counts votes.
    """

    detector: Detector
    tracker: Tracker
    limits: Limits
    embedder: Embedder
    matcher: Matcher
    votes: VoteCounter

    def see(self, frame: Frame) -> Iterator[Decision]:
        """Take in one frame; the decisions that it brings about."""
        seen, ended = self.tracker.update(self.detector.find(frame.image), frame.at_s)
        yield from self._end(ended)
        for track in seen:
            vote = self._vote(frame.image, track)
            if vote is None:
                continue
            decision = self.votes.vote(track.track_id, vote, direction(track))
            if decision is not None:
                yield decision

    def exchange(self, matcher: Matcher, rule: VotingRule) -> None:
        """Recognise by another gallery from the next frame on."""
        self.matcher = matcher
        self.votes.use_rule(rule)

    def finish(self) -> Iterator[Decision]:
        """End all tracks, when the camera has ended."""
        yield from self._end(self.tracker.finish())

    def _vote(self, image: Image, track: Track) -> Vote | None:
        probe = make_probe(image, track.face, self.limits, self.embedder)
        if probe.embedding is None:
            return None
        return Vote(self.matcher.match(probe.embedding), probe.quality.weight)

    def _end(self, tracks: tuple[Track, ...]) -> Iterator[Decision]:
        for track in tracks:
            decision = self.votes.end(track.track_id, direction(track))
            if decision is not None:
                yield decision
