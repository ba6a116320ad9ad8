"""Hear what the register has told this kiosk: the lessons, and the participation window."""

from kiosk.daemon.news.room_lessons import RoomLessons
from kiosk.daemon.participation import Windows
from kiosk.daemon.times.steady_clock import SteadyClock
from kiosk.mqtt.connection import Connection
from kiosk.mqtt.subscriber import Message
from kiosk.protocol.topics import PARTICIPATION_WINDOW, TIMETABLE, KioskAddress


def subscribe(
    connection: Connection,
    address: KioskAddress,
    lessons: RoomLessons,
    windows: Windows,
    clock: SteadyClock,
) -> None:
    """Pass these retained messages on, from the thread that owns the connection."""

    def hear_lessons(message: Message) -> None:
        lessons.hear(message.payload, clock.utc() if clock.synchronised() else None)
        message.acknowledge()

    def hear_window(message: Message) -> None:
        windows.hear(message.payload)
        message.acknowledge()

    connection.subscribe(address.topic(TIMETABLE), hear_lessons)
    connection.subscribe(address.topic(PARTICIPATION_WINDOW), hear_window)
