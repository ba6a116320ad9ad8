"""Who is at the school: people, classes, and who was in which class when."""

from typing import ClassVar

from django.conf import settings
from django.db import models


class Person(models.Model):
    """A student.

    Attributes:
        subject_id: The id that kiosks know; it is in events, and never changes.
        name: The full name as the list gives it.
        sis_id: The id in the school's other systems; "" if it is the subject id.
        email: For exports to systems that match by it; usually "".
        is_listed: Whether the newest list has this person. A person who left stays, with all marks.
        is_temporary: Made by a teacher for a visitor, and to be merged into a listed person.
        merged_into: The listed person that this temporary one was.
    """

    subject_id = models.TextField(primary_key=True)
    name = models.TextField()
    sis_id = models.TextField(default="")
    email = models.TextField(default="")
    is_listed = models.BooleanField(default=True)
    is_temporary = models.BooleanField(default=False)
    merged_into = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="merged"
    )


class SchoolClass(models.Model):
    """A class or a course: those who have lessons together."""

    class_id = models.TextField(primary_key=True)
    title = models.TextField()
    site = models.TextField(default="")
    course_code = models.TextField(default="")
    sis_id = models.TextField(default="")


class Membership(models.Model):
    """A person was in a class from ``begin`` until ``end``, both days included.

    ``NULL`` is without limit. Memberships are ended, never deleted: the list of March stays
    March's list.
    """

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="memberships")
    school_class = models.ForeignKey(
        SchoolClass, on_delete=models.CASCADE, related_name="memberships"
    )
    begin = models.DateField(null=True)
    end = models.DateField(null=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["school_class", "begin"], name="member_class")]


class Term(models.Model):
    """A named span of days, both included, that reports are made for."""

    title = models.TextField(primary_key=True)
    begin = models.DateField()
    end = models.DateField()


class Consent(models.Model):
    """A person, or who answers for them, agreed to face recognition, or withdrew that.

    Attributes:
        given_at, given_by: When, and who agreed, in words: "the mother, Ana Ibarra".
        text_id: The version of the text that was agreed to.
        recorded_by: Whose account has recorded it.
        withdrawn_at, withdrawn_by: When it was withdrawn, and whose account has recorded that.
        erased_at, erased_by: When the face was erased at every kiosk, and whose account has
            confirmed it; ``NULL`` if the receipts of all kiosks have.
        receipt: What ``kiosk gallery remove`` reported, as that person has entered it; or what the
            kiosks' receipts say.
    """

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="consents")
    given_at = models.DateTimeField()
    given_by = models.TextField()
    text_id = models.TextField()
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    erased_at = models.DateTimeField(null=True)
    erased_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    receipt = models.TextField(default="")


class Card(models.Model):
    """A card with a QR code, which a kiosk reads instead of a face.

    It stays, revoked and without ``person``, when the person is erased: kiosks must refuse it.
    ``expires_on`` is the last day on which it counts.
    """

    card_id = models.TextField(primary_key=True)
    person = models.ForeignKey(Person, null=True, on_delete=models.SET_NULL, related_name="cards")
    issued_at = models.DateTimeField()
    issued_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    expires_on = models.DateField()
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        indexes: ClassVar = [models.Index(fields=["person", "expires_on"], name="card_person")]
