"""The topic tree.

::

    kiosk/v1/<site>/<room>/<kiosk>/attendance      one event each, QoS 1, never retained
    kiosk/v1/<site>/<room>/<kiosk>/participation   one event each, QoS 1, never retained
    kiosk/v1/<site>/<room>/<kiosk>/time-correction one event each, QoS 1, never retained
    kiosk/v1/<site>/<room>/<kiosk>/replayed        an event of any type, sent again; QoS 1
    kiosk/v1/<site>/<room>/<kiosk>/availability    online or offline, QoS 1, retained
    kiosk/v1/<site>/<room>/<kiosk>/health          state of kiosk and outbox, QoS 1, retained
    kiosk/v1/<site>/<room>/<kiosk>/confirmed       register: stored up to here, QoS 1, retained
    kiosk/v1/<site>/<room>/<kiosk>/replay          register: send these again, QoS 1
    kiosk/v1/<site>/<room>/<kiosk>/replay-done     the answer to it, QoS 1
    kiosk/v1/<site>/<room>/<kiosk>/participation-window  register: the newest window, open or
                                                   closed, QoS 1, retained
    kiosk/v1/<site>/<room>/<kiosk>/timetable       register: the next lessons, QoS 1, retained
    kiosk/v1/<site>/<room>/<kiosk>/cards           register: which cards count, QoS 1, retained
    kiosk/v1/<site>/<room>/<kiosk>/erasure         register: faces to erase, QoS 1, retained
    kiosk/v1/<site>/<room>/<kiosk>/erasure-receipt the answer to it, QoS 1

``v1`` is the version of this tree; each event holds the version of its schema. The last level is
the kind of the message: the ``type`` of an event, or one of the names below. A kiosk publishes all
of them but "confirmed" and "replay" (:mod:`kiosk.protocol.delivery`), "participation-window"
(:mod:`kiosk.protocol.participation`), "timetable" (:mod:`kiosk.protocol.timetable`), "cards"
(:mod:`kiosk.protocol.cards`) and "erasure" (:mod:`kiosk.protocol.erasure`), which it subscribes to.
"""

from dataclasses import dataclass
from typing import Final

from kiosk.config.keys import KioskSection
from kiosk.protocol.event import BaseEvent, TimeCorrectionEvent, event_type

ROOT: Final = "kiosk/v1"
AVAILABILITY: Final = "availability"
HEALTH: Final = "health"
REPLAYED: Final = "replayed"
CONFIRMED: Final = "confirmed"
REPLAY: Final = "replay"
REPLAY_DONE: Final = "replay-done"
PARTICIPATION_WINDOW: Final = "participation-window"
TIMETABLE: Final = "timetable"
CARDS: Final = "cards"
ERASURE: Final = "erasure"
ERASURE_RECEIPT: Final = "erasure-receipt"
BY_REGISTER: Final = frozenset({CONFIRMED, REPLAY, PARTICIPATION_WINDOW, TIMETABLE, CARDS, ERASURE})
"""Kinds that the register publishes, and kiosks subscribe to."""
FOR_REGISTER: Final = frozenset(
    {
        *(HEALTH, REPLAYED, REPLAY_DONE, ERASURE_RECEIPT, event_type(TimeCorrectionEvent)),
        *BY_REGISTER,
    }
)
"""Kinds between kiosk and register, which say nothing new to a viewer."""
ALL_FILTER: Final = f"{ROOT}/+/+/+/+"
"""Subscription to everything that every kiosk publishes, kinds of newer versions included."""


@dataclass(frozen=True, slots=True)
class KioskAddress:
    """The three names in a kiosk's topics, as the configuration checks them."""

    site: str
    room: str
    kiosk: str

    @classmethod
    def of(cls, section: KioskSection) -> "KioskAddress":
        """Return the address of the kiosk that the configuration describes."""
        return cls(site=section.site, room=section.room, kiosk=section.id)

    def __str__(self) -> str:
        """Return the three names as in a topic."""
        return f"{self.site}/{self.room}/{self.kiosk}"

    @property
    def availability(self) -> str:
        """The topic that says whether this kiosk is online."""
        return self.topic(AVAILABILITY)

    @property
    def client_id(self) -> str:
        """The MQTT client id of this kiosk; names hold no colon, so no two kiosks share one."""
        return f"kiosk:{self.site}:{self.room}:{self.kiosk}"

    def topic_of(self, event: BaseEvent | type[BaseEvent]) -> str:
        """Return the topic of this kiosk's events of one type."""
        return self.topic(event_type(event))

    def topic(self, kind: str) -> str:
        """Return this kiosk's topic of one kind."""
        return f"{ROOT}/{self.site}/{self.room}/{self.kiosk}/{kind}"


@dataclass(frozen=True, slots=True)
class Topic:
    """A parsed topic of this tree.

    Attributes:
        address: The kiosk that the message is from, or for.
        kind: The last level: an event type, another kind, or a kind of a newer version.
    """

    address: KioskAddress
    kind: str


def parse_topic(topic: str) -> Topic | None:
    """Parse a topic of this tree; return ``None`` for any other topic."""
    levels = topic.split("/")
    if len(levels) != 6 or f"{levels[0]}/{levels[1]}" != ROOT or not all(levels):
        return None
    return Topic(KioskAddress(site=levels[2], room=levels[3], kiosk=levels[4]), levels[5])


def site_filter(site: str) -> str:
    """Return the subscription to everything that the kiosks of one site publish."""
    return f"{ROOT}/{site}/+/+/+"
