"""What the register knows about one outbox: what is stored, what is missing, what to request.

Pure functions: a state and the current time in, a new state out. The order of messages, repeats
and the split into batches do not change what is stored (a test shows it).

*Stored* includes the bin. *Watermark* is the largest n such that 1 to n are all stored or known to
be gone. *Expected* is the highest number that the kiosk is known to have used.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from kiosk.protocol.delivery import ReplayRequest
from kiosk.protocol.topics import KioskAddress
from kiosk.register.ingest.ranges import Range, Ranges, absent, clip, contains, count, union

GRACE: Final = timedelta(seconds=5)
"""How long a number may be missing before it is requested: messages under way arrive meanwhile."""
REQUEST_MAX: Final = 500
"""Most numbers in one request."""
BACKOFF_FIRST: Final = timedelta(seconds=30)
"""Wait for the answer to a first request; each further one in vain doubles it."""
BACKOFF_MAX: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxState:
    """One outbox file of one kiosk, as the register knows it.

    Attributes:
        outbox_id: Its id.
        address: The kiosk whose topics it was last heard on.
        watermark: The largest n such that 1 to n are all stored or gone.
        beyond: Numbers above the watermark that are stored or gone.
        reported_last: The last number of the kiosk's newest health message, or 0.
        reported_at: When the kiosk wrote that message.
        covered_at: When it wrote the newest one of whose numbers none is missing.
        missing_since: Since when a number has been missing without progress; ``None`` if none is.
        request_after: The next request may be made from this time on.
        requests: How many requests in a row have brought nothing yet.
    """

    outbox_id: str
    address: KioskAddress
    watermark: int = 0
    beyond: Ranges = ()
    reported_last: int = 0
    reported_at: datetime | None = None
    covered_at: datetime | None = None
    missing_since: datetime | None = None
    request_after: datetime | None = None
    requests: int = 0

    @property
    def expected(self) -> int:
        """The highest number that the kiosk is known to have used."""
        return max(self.watermark, self.reported_last, self.beyond[-1][1] if self.beyond else 0)

    @property
    def missing(self) -> Ranges:
        """The numbers up to :attr:`expected` that are neither stored nor gone."""
        return absent(self.beyond, self.watermark + 1, self.expected)

    @property
    def missing_count(self) -> int:
        """How many numbers are missing."""
        return count(self.missing)

    def has(self, sequence: int) -> bool:
        """Return whether a number is stored or gone."""
        return sequence <= self.watermark or contains(self.beyond, sequence)


def absorb(state: OutboxState, numbers: Iterable[Range], now: datetime) -> OutboxState:
    """Return the state after these numbers were stored, or turned out to be gone."""
    numbers = tuple(numbers)
    if len(numbers) == 1 and not state.beyond:  # as nearly always
        first, last = numbers[0]
        if first <= state.watermark + 1:
            after = replace(state, watermark=max(state.watermark, last))
            return _assess(state, after, now)
    stored: Ranges = ((1, state.watermark),) if state.watermark else ()
    ranges = union(stored, state.beyond, numbers)
    is_unbroken = bool(ranges) and ranges[0][0] == 1
    watermark = ranges[0][1] if is_unbroken else 0
    beyond = ranges[1:] if is_unbroken else ranges
    return _assess(state, replace(state, watermark=watermark, beyond=beyond), now)


def report(
    state: OutboxState, last_sequence: int, said_at: datetime | None, now: datetime
) -> OutboxState:
    """Return the state after a health message; one that is older than the newest is ignored.

    Args:
        state: The state before.
        last_sequence: The last number that the kiosk has used.
        said_at: When it said so; ``None`` if that is not known: then only the number counts.
        now: The current time.
    """
    if said_at is None:
        last = max(state.reported_last, last_sequence)
        return _assess(state, replace(state, reported_last=last), now)
    if state.reported_at is not None and said_at < state.reported_at:
        return state
    heard = replace(state, reported_last=last_sequence, reported_at=said_at)
    return _assess(state, heard, now)


def _assess(before: OutboxState, after: OutboxState, now: datetime) -> OutboxState:
    """Bring up to date what follows from the numbers."""
    if after.reported_at is not None and after.watermark >= after.reported_last:
        after = replace(after, covered_at=after.reported_at)
    if after.watermark >= after.expected:
        if after.missing_since is None:  # as nearly always
            return after
        return replace(after, missing_since=None, request_after=None, requests=0)
    if after.missing_since is None:
        return replace(after, missing_since=now)
    if before.watermark < after.watermark:  # progress: the kiosk is still sending
        is_asked = after.request_after is not None
        wait_until = now + BACKOFF_FIRST if is_asked else None
        return replace(after, missing_since=now, request_after=wait_until, requests=int(is_asked))
    return after


def next_request(state: OutboxState, now: datetime) -> ReplayRequest | None:
    """Return what to request now; ``None`` if nothing is due."""
    if state.missing_since is None or now < state.missing_since + GRACE:
        return None
    if state.request_after is not None and now < state.request_after:
        return None
    first, last = state.missing[0]
    last = min(last, first + REQUEST_MAX - 1)
    return ReplayRequest(outbox_id=state.outbox_id, first=first, last=last)


def requested(state: OutboxState, now: datetime) -> OutboxState:
    """Return the state after a request was made."""
    wait = min(BACKOFF_FIRST * 2 ** min(state.requests, 16), BACKOFF_MAX)
    return replace(state, request_after=now + wait, requests=state.requests + 1)


def answered(state: OutboxState, done: Range, now: datetime) -> OutboxState:
    """Return the state after a kiosk has answered a request.

    If nothing of the range is missing any more, the next piece may be requested at once.
    """
    if state.missing_since is None or clip(state.missing, *done):
        return state
    return replace(state, missing_since=now - GRACE, request_after=None, requests=0)


def gone_ranges(state: OutboxState, done: Range, gone: Iterable[Range]) -> Ranges:
    """Return the numbers that a kiosk declares gone, and the register does not have.

    Args:
        state: The state before.
        done: The range that the kiosk was asked for.
        gone: What it says is gone; anything outside of ``done``, or above what the kiosk is known
            to have used, is ignored.
    """
    first, last = done
    return tuple(
        one
        for begin, end in clip(union(gone), first, min(last, state.expected))
        for one in absent(state.beyond, max(begin, state.watermark + 1), end)
    )
