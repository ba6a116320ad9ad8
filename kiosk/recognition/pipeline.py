"""All stages of a frame: detect, track, align, check quality, embed, match, decide."""

from dataclasses import dataclass

from kiosk.recognition.decide import DecisionRule, WalkDecider, WalkFrame
from kiosk.recognition.detect import Detector
from kiosk.recognition.embed import Embedder
from kiosk.recognition.match import Matcher
from kiosk.recognition.probe import make_probe
from kiosk.recognition.quality import QualityLimits
from kiosk.recognition.track import Tracker, direction
from kiosk.records import Decision, Frame, Image, Track


@dataclass(slots=True)
class Pipeline:
    """The stages, from a frame to decisions; the matcher and its rule can be replaced.

    Attributes:
        detector: Finds faces.
        tracker: Assigns faces to tracks.
        limits: The quality limits of a usable face.
        embedder: Embeds crops.
        matcher: Compares embeddings with the enrolled people.
        walks: Collects the frames of each track and decides who it shows.
    """

    detector: Detector
    tracker: Tracker
    limits: QualityLimits
    embedder: Embedder
    matcher: Matcher
    walks: WalkDecider

    def process(self, frame: Frame) -> tuple[Decision, ...]:
        """Process one frame: detect, track, align, check quality, embed, match, decide.

        Returns:
            The decisions on tracks that ended before this frame, then on those that it made known.
        """
        seen, ended = self.tracker.update(self.detector.find(frame.image), frame.at_s)
        decisions = [*self._end(ended), *(self._add(frame.image, track) for track in seen)]
        return tuple(decision for decision in decisions if decision is not None)

    def use_gallery(self, matcher: Matcher, rule: DecisionRule) -> None:
        """Use another gallery and its rule from the next frame on."""
        self.matcher = matcher
        self.walks.use_rule(rule)

    def finish(self) -> tuple[Decision, ...]:
        """End all tracks when the camera has ended, and return the decisions on them."""
        return self._end(self.tracker.finish())

    def _add(self, image: Image, track: Track) -> Decision | None:
        """Add a face to its track; return a decision if this face makes the track known."""
        probe = make_probe(image, track.face, self.limits, self.embedder)
        if probe.embedding is None:
            return None
        match = self.matcher.match(probe.embedding)
        frame = WalkFrame(probe.embedding, probe.quality.weight, match)
        return self.walks.add(track.track_id, frame, self.matcher.match, direction(track))

    def _end(self, tracks: tuple[Track, ...]) -> tuple[Decision, ...]:
        decisions = (self.walks.end(track.track_id, direction(track)) for track in tracks)
        return tuple(decision for decision in decisions if decision is not None)
