"""All stages from a frame to decisions: detect, track, align, check quality, embed, match, vote."""

from dataclasses import dataclass

from kiosk.recognition.detect import Detector
from kiosk.recognition.embed import Embedder
from kiosk.recognition.match import Matcher
from kiosk.recognition.probe import Probe, make_probe
from kiosk.recognition.quality import QualityLimits
from kiosk.recognition.track import Tracker, direction
from kiosk.recognition.upright import UprightCheck
from kiosk.recognition.vote import Vote, VoteCounter, VotingRule
from kiosk.records import Decision, Frame, FrameResult, Track


@dataclass(slots=True)
class Pipeline:
    """The stages, from a frame to decisions; the matcher and its rule can be replaced.

    Attributes:
        detector: Finds faces.
        tracker: Assigns faces to tracks.
        limits: The quality limits of a face that votes.
        upright: Rejects turned faces.
        embedder: Embeds crops.
        matcher: Compares embeddings with the enrolled people.
        votes: Counts the votes of each track.
    """

    detector: Detector
    tracker: Tracker
    limits: QualityLimits
    upright: UprightCheck
    embedder: Embedder
    matcher: Matcher
    votes: VoteCounter

    def process(self, frame: Frame) -> FrameResult:
        """Process one frame: detect, track, align, check quality, embed, match, vote.

        Returns:
            The decisions on tracks that ended before this frame, then on those that it made known;
            and the quality of each face.
        """
        seen, ended = self.tracker.update(self.detector.find(frame.image), frame.at_s)
        probes = [self._probe(frame, track) for track in seen]
        votes = (self._vote(track, probe) for track, probe in zip(seen, probes, strict=True))
        return FrameResult(
            decisions=(*self._end(ended), *(vote for vote in votes if vote is not None)),
            qualities=tuple(probe.quality for probe in probes),
        )

    def use_gallery(self, matcher: Matcher, rule: VotingRule) -> None:
        """Use another gallery and its rule from the next frame on."""
        self.matcher = matcher
        self.votes.use_rule(rule)

    def finish(self) -> tuple[Decision, ...]:
        """End all tracks when the camera has ended, and return the decisions on them."""
        return self._end(self.tracker.finish())

    def _probe(self, frame: Frame, track: Track) -> Probe:
        return make_probe(frame.image, track.face, self.limits, self.upright, self.embedder)

    def _vote(self, track: Track, probe: Probe) -> Decision | None:
        """Let a face vote; return a decision if this vote makes its track known."""
        if probe.embedding is None:
            return None
        vote = Vote(self.matcher.match(probe.embedding), probe.quality.weight)
        return self.votes.vote(track.track_id, vote, direction(track))

    def _end(self, tracks: tuple[Track, ...]) -> tuple[Decision, ...]:
        decisions = (self.votes.end(track.track_id, direction(track)) for track in tracks)
        return tuple(decision for decision in decisions if decision is not None)
