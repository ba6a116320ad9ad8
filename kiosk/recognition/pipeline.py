"""All stages from a frame to decisions: detect, track, align, check quality, embed, match, vote."""

from dataclasses import dataclass

from kiosk.recognition.detect import Detector
from kiosk.recognition.embed import Embedder
from kiosk.recognition.match import Matcher
from kiosk.recognition.probe import make_probe
from kiosk.recognition.quality import QualityLimits
from kiosk.recognition.track import Tracker, direction
from kiosk.recognition.vote import Vote, VoteCounter, VotingRule
from kiosk.records import Decision, Frame, Image, Track


@dataclass(slots=True)
class Pipeline:
    """The stages, from a frame to decisions; the matcher and its rule can be replaced.

    Attributes:
        detector: Finds faces.
        tracker: Assigns faces to tracks.
        limits: The quality limits of a face that votes.
        embedder: Embeds crops.
        matcher: Compares embeddings with the enrolled people.
        votes: Counts the votes of each track.
    """

    detector: Detector
    tracker: Tracker
    limits: QualityLimits
    embedder: Embedder
    matcher: Matcher
    votes: VoteCounter

    def process(self, frame: Frame) -> tuple[Decision, ...]:
        """Process one frame: detect, track, align, check quality, embed, match, vote.

        Returns:
            The decisions on tracks that ended before this frame, then on those that it made known.
        """
        seen, ended = self.tracker.update(self.detector.find(frame.image), frame.at_s)
        decisions = [*self._end(ended), *(self._vote(frame.image, track) for track in seen)]
        return tuple(decision for decision in decisions if decision is not None)

    def use_gallery(self, matcher: Matcher, rule: VotingRule) -> None:
        """Use another gallery and its rule from the next frame on."""
        self.matcher = matcher
        self.votes.use_rule(rule)

    def finish(self) -> tuple[Decision, ...]:
        """End all tracks when the camera has ended, and return the decisions on them."""
        return self._end(self.tracker.finish())

    def _vote(self, image: Image, track: Track) -> Decision | None:
        """Let a face vote; return a decision if this vote makes its track known."""
        probe = make_probe(image, track.face, self.limits, self.embedder)
        if probe.embedding is None:
            return None
        vote = Vote(self.matcher.match(probe.embedding), probe.quality.weight)
        return self.votes.vote(track.track_id, vote, direction(track))

    def _end(self, tracks: tuple[Track, ...]) -> tuple[Decision, ...]:
        decisions = (self.votes.end(track.track_id, direction(track)) for track in tracks)
        return tuple(decision for decision in decisions if decision is not None)
