"""All stages of a frame: detect, track, align, check quality, embed, match, decide."""

from dataclasses import dataclass

from kiosk.recognition.decide import DecisionRule, WalkDecider, WalkFrame
from kiosk.recognition.detect import Detector
from kiosk.recognition.embed import Embedder
from kiosk.recognition.match import Matcher
from kiosk.recognition.probe import Probe, make_probe
from kiosk.recognition.quality import QualityLimits
from kiosk.recognition.track import Tracker, direction
from kiosk.recognition.upright import UprightCheck
from kiosk.records import Decision, Frame, FrameResult, Track


@dataclass(slots=True)
class Pipeline:
    """The stages, from a frame to decisions; the matcher and its rule can be replaced.

    Attributes:
        detector: Finds faces.
        tracker: Assigns faces to tracks.
        limits: The quality limits of a usable face.
        upright: Rejects turned faces.
        embedder: Embeds crops.
        matcher: Compares embeddings with the enrolled people.
        walks: Collects the frames of each track and decides who it shows.
    """

    detector: Detector
    tracker: Tracker
    limits: QualityLimits
    upright: UprightCheck
    embedder: Embedder
    matcher: Matcher
    walks: WalkDecider

    def process(self, frame: Frame) -> FrameResult:
        """Process one frame: detect, track, align, check quality, embed, match, decide.

        Returns:
            The decisions on tracks that ended before this frame, then on those that it made known;
            and the quality of each face, and the verdict on it.
        """
        seen, ended = self.tracker.update(self.detector.find(frame.image), frame.at_s)
        probes = [self._probe(frame, track) for track in seen]
        made = [self._add(track, probe) for track, probe in zip(seen, probes, strict=True)]
        return FrameResult(
            decisions=(*self._end(ended), *(one for one in made if one is not None)),
            qualities=tuple(probe.quality for probe in probes),
            verdicts=tuple(self.walks.verdict(track.track_id) for track in seen),
        )

    def use_gallery(self, matcher: Matcher, rule: DecisionRule) -> None:
        """Use another gallery and its rule from the next frame on."""
        self.matcher = matcher
        self.walks.use_rule(rule)

    def finish(self) -> tuple[Decision, ...]:
        """End all tracks when the camera has ended, and return the decisions on them."""
        return self._end(self.tracker.finish())

    def _probe(self, frame: Frame, track: Track) -> Probe:
        return make_probe(frame.image, track.face, self.limits, self.upright, self.embedder)

    def _add(self, track: Track, probe: Probe) -> Decision | None:
        """Add a face to its track; return a decision if this face makes the track known."""
        if probe.embedding is None:
            return None
        match = self.matcher.match(probe.embedding)
        frame = WalkFrame(probe.embedding, probe.quality.weight, match)
        return self.walks.add(track.track_id, frame, self.matcher.match, direction(track))

    def _end(self, tracks: tuple[Track, ...]) -> tuple[Decision, ...]:
        decisions = (self.walks.end(track.track_id, direction(track)) for track in tracks)
        return tuple(decision for decision in decisions if decision is not None)
