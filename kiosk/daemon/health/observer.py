"""Note what the camera shows, and say when it shows nothing of use."""

import logging
from collections.abc import Iterable

from kiosk.daemon.health.lens import Lens
from kiosk.daemon.health.refusals import RefusalMonitor
from kiosk.daemon.health.status_board import State
from kiosk.records import Frame, Quality

_log = logging.getLogger(__name__)


class Observer:
    """Looks at every processed frame; one line in the log for each change.

    Args:
        state: Where it is noted.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._lens = Lens()
        self._refusals = RefusalMonitor()

    def see(self, frame: Frame, qualities: Iterable[Quality], now_s: float) -> None:
        """Note a frame.

        Args:
            frame: The frame.
            qualities: The quality of each face in it.
            now_s: When it was processed, monotonic seconds.
        """
        faces = tuple(qualities)
        has_changed = self._lens.see(frame.image, frame.at_s)
        self._state.vitals.see((one.reason for one in faces), now_s, self._lens.sight)
        if has_changed:
            self._note_sight()
        if self._refusals.add(faces, frame.at_s):
            self._note_refusals()

    def _note_sight(self) -> None:
        """Log that the camera shows nothing of use, or that this has ended."""
        if self._lens.sight == "ok":
            _log.info("the camera shows people again")
        else:
            _log.warning("the camera is %s: nobody can be recognised", self._lens.sight)
        self._state.change()

    def _note_refusals(self) -> None:
        """Log that most faces are refused for one reason, or that this has ended."""
        if self._refusals.reason:
            _log.warning("%s", self._refusals.describe())
        else:
            _log.info("most faces are no longer refused for one reason")
        self._state.refusal = self._refusals.describe()
        self._state.change()
