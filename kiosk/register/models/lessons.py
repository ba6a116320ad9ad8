"""Lessons, the marks of each student in them, and every change of a mark."""

from typing import ClassVar

from django.conf import settings
from django.db import models

from kiosk.register.models.people import Person, SchoolClass


class RuleSet(models.Model):
    """Rules that lessons were decided by, as JSON; ``digest`` is its SHA-256.

    A decided lesson keeps its rules: when the settings change, only a person who asks for it
    (``kiosk register rederive``) has it decided again.
    """

    digest = models.TextField(primary_key=True)
    settings = models.TextField()


class RoomName(models.Model):
    """The timetable's word for a room, and that of the kiosks in it."""

    site = models.TextField()
    title = models.TextField()
    room = models.TextField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["site", "title"], name="room_name_once")
        ]


class Lesson(models.Model):
    """One class session on one date.

    Attributes:
        lesson_id: From the timetable, stable over imports; kiosks put it into their events.
        school_class: Who has the lesson.
        site, room: Where its kiosks are, as they write it.
        room_title: The room as the timetable writes it; "" if it is the same.
        date: The day it belongs to, in the site's time zone.
        starts_at, ends_at: As they are now; a moved lesson has its new times.
        title: What is shown.
        status: "scheduled" or "cancelled".
        swept_at: When absences were decided; ``NULL`` before.
        decided_by: The rules by which; ``NULL`` before. They stay when it is decided once more.
        is_stale: What its marks rest on has changed: its time, room or class, or who is in it. The
            marker derives them again (:mod:`kiosk.register.marking.stale`).
    """

    lesson_id = models.TextField(primary_key=True)
    school_class = models.ForeignKey(SchoolClass, on_delete=models.CASCADE, related_name="lessons")
    site = models.TextField()
    room = models.TextField()
    room_title = models.TextField(default="")
    date = models.DateField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    title = models.TextField()
    status = models.TextField(default="scheduled")
    swept_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(
        RuleSet, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    is_stale = models.BooleanField(default=False)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["room", "starts_at"], name="lesson_room"),
            models.Index(fields=["school_class", "date"], name="lesson_class"),
            models.Index(fields=["date"], name="lesson_date"),
            models.Index(
                fields=["ends_at"], condition=models.Q(swept_at=None), name="lesson_unswept"
            ),
            models.Index(
                fields=["starts_at"], condition=models.Q(is_stale=True), name="lesson_stale"
            ),
        ]


class Guest(models.Model):
    """A student of another class is expected in one lesson, too."""

    lesson = models.ForeignKey(Lesson, on_delete=models.CASCADE, related_name="guests")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="guest_in")
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    added_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["lesson", "person"], name="guest_once")
        ]


class Mark(models.Model):
    """What a student is in a lesson now. A student without a row is "not-known".

    Attributes:
        status: The code that counts (:mod:`kiosk.register.rules.codes`).
        derived: The code that the rules give; it goes on to follow the events under a correction.
        rule: The rule that gave ``derived``.
        is_corrected: A person has set ``status``; the rules no longer change it.
        minutes_late: From the start of the lesson to the scan; ``NULL`` without one.
        event: The deciding event.
        clock: Clock state of that event: "synchronised", "unsynchronised", or "" without one.
        version: Grows by one with each change; a page that saves an older version is refused.
    """

    lesson = models.ForeignKey(Lesson, on_delete=models.CASCADE, related_name="marks")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="marks")
    status = models.TextField()
    derived = models.TextField()
    rule = models.TextField()
    is_corrected = models.BooleanField(default=False)
    minutes_late = models.IntegerField(null=True)
    event = models.ForeignKey("Event", null=True, on_delete=models.SET_NULL, related_name="+")
    clock = models.TextField(default="")
    version = models.IntegerField(default=1)
    updated_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["lesson", "person"], name="mark_once")
        ]


class MarkChange(models.Model):
    """One change of a mark, appended and never changed; its ``id`` is the audit position.

    Attributes:
        before, after: Codes; ``before`` is "not-known" for the first. They are equal where another
            event decides the same code, so that every position of the trail has all that was known.
        account: Who changed it; ``NULL`` for a rule.
        rule: The rule that changed it; "" for a person.
        minutes_late, seen_at, clock: Of the event that decided, as in the mark; empty for a person,
            unless an undo brings back what the rules say.
        reason: Why, in the words of the person who changed it, or had the rules applied again.
        version: The mark's version after the change.
        undoes: The change that this one takes back.
    """

    lesson = models.ForeignKey(Lesson, on_delete=models.CASCADE, related_name="changes")
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="changes")
    at = models.DateTimeField()
    before = models.TextField()
    after = models.TextField()
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    rule = models.TextField(default="")
    minutes_late = models.IntegerField(null=True)
    seen_at = models.DateTimeField(null=True)
    clock = models.TextField(default="")
    reason = models.TextField(default="")
    version = models.IntegerField()
    undoes = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="undone_by"
    )

    class Meta:
        indexes: ClassVar = [models.Index(fields=["lesson", "person"], name="change_mark")]


class Taken(models.Model):
    """A teacher has confirmed the register of a lesson, as it stood at an audit position."""

    lesson = models.ForeignKey(Lesson, on_delete=models.CASCADE, related_name="taken")
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    at = models.DateTimeField()
    audit_position = models.BigIntegerField()
