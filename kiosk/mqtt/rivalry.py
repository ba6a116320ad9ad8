"""Another client with our MQTT client id: recognise it, and leave it the connection for a while.

A broker ends the older of two connections with one client id. Two programs that both connect again
at once would take it from each other for ever. MQTT 5 says why a connection was ended ("session
taken over"). MQTT 3.1.1 does not: there, connections that end soon after they began are a sign of
it, and a broken network is another.
"""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

SESSION_TAKEN_OVER: Final = 0x8E

_SHORT_S: Final = 10.0
_SUSPICIOUS: Final = 5
"""So many short connections in a row are no accident."""
_CERTAIN_MAX: Final = 15
"""The longest wait, in units of the first one."""

Certainty: TypeAlias = Literal["none", "suspected", "certain"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the end of a connection says.

    Attributes:
        certainty: Whether another client has taken the connection.
        wait_s: How long to leave it the connection, seconds; ``None``: as after any other end.
        ended: How many connections in a row were short.
    """

    certainty: Certainty = "none"
    wait_s: float | None = None
    ended: int = 0


@dataclass(slots=True)
class Rivalry:
    """Decides after each connection whether another client uses our client id.

    Both wait longer and longer, so that each has the connection for a time, and can send.

    Attributes:
        shortest_s: Shortest wait after a suspicion, seconds.
        longest_s: Longest wait after a suspicion; where it is certain, the first wait.
    """

    shortest_s: float
    longest_s: float
    _certainty: Certainty = "none"
    _wait_s: float = 0.0
    _short: int = 0
    _began_s: float | None = None

    def began(self, now_s: float) -> None:
        """Note that the broker has accepted a connection."""
        self._began_s = now_s

    def ended(self, now_s: float, *, is_taken_over: bool) -> Verdict:
        """Note that a connection has ended, or an attempt has failed.

        Args:
            now_s: Monotonic seconds.
            is_taken_over: The broker says that another client has it.
        """
        if self._began_s is None:
            return Verdict()
        self._forget_if_long(now_s)
        self._began_s = None
        if is_taken_over:
            first_s, most_s = self.longest_s, self.longest_s * _CERTAIN_MAX
            before_s = self._wait_s if self._certainty == "certain" else 0.0
            self._certainty = "certain"
            return self._verdict(min(max(first_s, 2 * before_s), most_s))
        if self._short >= _SUSPICIOUS and self._certainty == "none":
            self._certainty = "suspected"
        if self._certainty == "suspected":
            return self._verdict(min(max(self.shortest_s, 2 * self._wait_s), self.longest_s))
        return Verdict()

    def certainty(self, now_s: float) -> Certainty:
        """Return whether another client uses our client id now, as far as is known."""
        return "none" if self._is_long(now_s) else self._certainty

    def _verdict(self, wait_s: float) -> Verdict:
        self._wait_s = wait_s
        return Verdict(self._certainty, wait_s, self._short)

    def _forget_if_long(self, now_s: float) -> None:
        if self._is_long(now_s):
            self._certainty, self._wait_s, self._short = "none", 0.0, 0
        else:
            self._short += 1

    def _is_long(self, now_s: float) -> bool:
        """Return whether the connection has lasted longer than a rival would have waited."""
        began_s = self._began_s
        return began_s is not None and now_s - began_s > 2 * self._wait_s + _SHORT_S
