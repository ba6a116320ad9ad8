"""What became of a decision: stored, stored before, postponed, or nobody's."""

from dataclasses import dataclass
from typing import TypeAlias

from kiosk.config.timetable import ClassSession
from kiosk.protocol.event import PersonEvent
from kiosk.records import Verdict


@dataclass(frozen=True, slots=True)
class Stored:
    """The decision became an event, which is committed to the disk.

    Attributes:
        event: With its sequence number.
    """

    event: PersonEvent


@dataclass(frozen=True, slots=True)
class AlreadyStored:
    """An event of this person is stored for this class session; nothing was added.

    Attributes:
        session: The class session.
    """

    session: ClassSession


@dataclass(frozen=True, slots=True)
class Postponed:
    """The decision became an event, which waits in memory: the outbox cannot be written now.

    Attributes:
        session: The class session.
    """

    session: ClassSession


@dataclass(frozen=True, slots=True)
class NotKnown:
    """The decision names nobody; nothing was stored.

    Attributes:
        verdict: Unsure or stranger.
    """

    verdict: Verdict


StoreResult: TypeAlias = Stored | AlreadyStored | Postponed | NotKnown
