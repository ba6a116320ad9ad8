"""Participation: windows that a teacher opens, and the points of each student."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from kiosk.register.models.lessons import Lesson
from kiosk.register.models.people import Person


class ParticipationWindow(models.Model):
    """From ``opened_at`` to ``closed_at`` each recognised student takes part; ``NULL`` is open."""

    lesson = models.ForeignKey(Lesson, on_delete=models.CASCADE, related_name="windows")
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)


class ParticipationPoint(models.Model):
    """A student took part: seen by a kiosk (``event``) or given by hand (``account``).

    A point is taken back by another with ``points`` -1, so that both stay visible.
    """

    lesson = models.ForeignKey(Lesson, on_delete=models.CASCADE, related_name="points")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="points")
    points = models.IntegerField(default=1)
    at = models.DateTimeField()
    event = models.ForeignKey("Event", null=True, on_delete=models.SET_NULL, related_name="+")
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    reason = models.TextField(default="")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["event"], name="point_of_event"),
        ]
