"""Notice when most faces that the camera sees are refused for one reason.

A camera that hangs upside down, or looks into the sun, recognises nobody, and nothing fails.
"""

from collections import Counter, deque
from collections.abc import Iterable
from types import MappingProxyType
from typing import Final

from kiosk.recognition.upright import TURNED, UPSIDE_DOWN
from kiosk.records import Quality

WINDOW_S: Final = 60.0
"""How long a face counts, seconds."""
FACES_MIN: Final = 30
"""With fewer faces in the window nothing changes: this is one person for two seconds, at 15 frames
per second."""
SHARE_BEGIN: Final = 0.8
"""Most faces are refused for one reason from this share on."""
SHARE_END: Final = 0.6
"""And no longer below this one: a share near one limit would be told again and again."""
ADVICE: Final = MappingProxyType(
    {
        UPSIDE_DOWN: "see camera.rotation",
        TURNED: "see camera.rotation",
        "too small": "see quality.eye_distance_min_px, or mount the camera nearer",
        "turned away": "mount the camera where people look at it",
        "too dark": "see quality.brightness_min, or add light",
        "too bright": "see quality.brightness_max, or turn the camera away from the light",
        "blurred": "see quality.sharpness_min, clean or focus the lens, or add light",
    }
)
"""What to do about each reason."""


class RefusalMonitor:
    """Counts the faces of a sliding time window by the reason why they were refused.

    Attributes:
        reason: The reason for which most faces are refused; empty when there is none.
    """

    def __init__(self) -> None:
        self.reason = ""
        self._faces: deque[tuple[float, str]] = deque()
        self._counts: Counter[str] = Counter()

    def add(self, qualities: Iterable[Quality], now_s: float) -> bool:
        """Count the faces of one frame, and return whether :attr:`reason` has changed.

        Args:
            qualities: The quality of each face in the frame.
            now_s: When the frame was captured, seconds.
        """
        for quality in qualities:
            self._faces.append((now_s, quality.reason))
            self._counts[quality.reason] += 1
        while self._faces and now_s - self._faces[0][0] > WINDOW_S:
            self._counts[self._faces.popleft()[1]] -= 1
        before = self.reason
        if len(self._faces) >= FACES_MIN:
            self.reason = self._main_reason()
        return self.reason != before

    def _main_reason(self) -> str:
        if self.reason and self._counts[self.reason] >= SHARE_END * len(self._faces):
            return self.reason
        reason, count = self._counts.most_common(1)[0]
        return reason if count >= SHARE_BEGIN * len(self._faces) else ""

    def describe(self) -> str:
        """Return the reason with advice for a technician; empty when there is none."""
        if not self.reason:
            return ""
        advice = f" ({ADVICE[self.reason]})" if self.reason in ADVICE else ""
        return f"most faces are refused: {self.reason}{advice}"
