"""Raise and end alerts: kiosks that are silent or blind in lesson time."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

import msgspec
from django.db import transaction
from django.db.models import Max

from kiosk.decoder import decoder_of
from kiosk.protocol.topics import KioskAddress
from kiosk.register.audit import tell
from kiosk.register.marking.doors import current
from kiosk.register.marking.facts import lesson_of
from kiosk.register.models import Blind, Kiosk, KioskAlert, Lesson
from kiosk.register.overview.door_status import load_door_statuses
from kiosk.register.rules.alert import Alert, KioskState, Trouble, next_alert
from kiosk.register.rules.settings import RuleSettings

_SEEING: Final = frozenset({"", "starting", "ok"})
"""States of a camera that gives pictures, or does not say."""


class _Camera(msgspec.Struct, frozen=True):
    """The part of a health message that says whether the kiosk sees."""

    camera: str = ""
    last_frame_age_s: float | None = None


class AlertWatch:
    """Compares kiosks with their alerts.

    Args:
        rules: The rules.
        sites: The sites that this instance serves; empty for all.
        now: When this process began.
    """

    def __init__(self, rules: RuleSettings, sites: Collection[str], now: datetime) -> None:
        self._rules = rules
        self._sites = sites
        self._began = now
        self._blind_since: dict[KioskAddress, datetime] = {}

    def watch(self, now: datetime) -> None:
        """Write the alerts that are due, and the ends of those that are over."""
        blind_until = Blind.objects.aggregate(newest=Max("end"))["newest"]
        at_work_since = max(self._began, blind_until or self._began)
        opened = {_address(one): one for one in KioskAlert.objects.filter(end=None)}
        near = Lesson.objects.filter(
            starts_at__lte=now + self._rules.window_before, ends_at__gt=now, status="scheduled"
        )
        lessons = [lesson_of(one) for one in near]
        if not lessons and not opened:
            return
        for state in self._states(now):
            row = opened.get(state.address)
            alert = next_alert(
                state,
                None if row is None else _alert(row),
                lessons,
                self._rules,
                now,
                at_work_since=at_work_since,
            )
            if alert is not None:
                _write(alert, row, now)

    def _states(self, now: datetime) -> list[KioskState]:
        cameras = self._cameras(now)
        return [
            KioskState(
                address=one.address,
                offline_since=one.completeness.offline_since,
                blind_since=cameras.get(one.address),
            )
            for one in current(load_door_statuses(now))
            if one.retired_at is None and (not self._sites or one.address.site in self._sites)
        ]

    def _cameras(self, now: datetime) -> dict[KioskAddress, datetime]:
        """Return the kiosks whose camera gives no picture, and since when, as far as is known."""
        since: dict[KioskAddress, datetime] = {}
        for kiosk in Kiosk.objects.exclude(health=None):
            camera = _camera(bytes(kiosk.health or b""))
            if camera.camera in _SEEING:
                continue
            age = timedelta(seconds=camera.last_frame_age_s or 0)
            address = _address(kiosk)
            # A covered camera goes on to give frames: the first word of it is remembered.
            said = (kiosk.health_at or now) - age
            since[address] = min(said, self._blind_since.get(address, said))
        self._blind_since = since
        return since


def _write(alert: Alert, row: KioskAlert | None, now: datetime) -> None:
    """Write by compare and set: of several instances, the first one does it."""
    where = alert.address
    with transaction.atomic():
        if row is not None:
            KioskAlert.objects.filter(pk=row.pk, end=None).update(end=alert.recovered_at)
        else:
            made = KioskAlert(
                site=where.site,
                room=where.room,
                kiosk=where.kiosk,
                kind=alert.trouble.value,
                begin=alert.since,
            )
            KioskAlert.objects.bulk_create([made], ignore_conflicts=True)
        tell("kiosk", [f"{where.site}/{where.room}/{where.kiosk}"], now)


def _alert(row: KioskAlert) -> Alert:
    return Alert(address=_address(row), trouble=Trouble(row.kind), since=row.begin)


def _address(row: KioskAlert | Kiosk) -> KioskAddress:
    return KioskAddress(row.site, row.room, row.kiosk)


def _camera(payload: bytes) -> _Camera:
    try:
        return decoder_of(_Camera).decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Camera()
