"""Orders to erase, and receipts of erasures; none names anybody."""

from typing import ClassVar

from django.db import models


class Erasure(models.Model):
    """A person was erased, and stays so until ``lifted_at``.

    Attributes:
        erased_at: When.
        salt: Hexadecimal, the same in all rows.
        digest: HMAC-SHA256 of the subject id with that salt, hexadecimal: it recognises events that
            come later.
        counts: How many rows of each table were deleted, JSON.
        refused: How many events of this person came later, and were not stored.
        lifted_at: When events of this person were admitted again; ``NULL`` while they are refused.
    """

    erased_at = models.DateTimeField()
    salt = models.TextField()
    digest = models.TextField()
    counts = models.TextField()
    refused = models.IntegerField(default=0)
    lifted_at = models.DateTimeField(null=True)


class ErasureOrder(models.Model):
    """A kiosk is to erase the face of who withdrew a consent.

    Attributes:
        order_id: What the kiosk calls it in its receipt.
        consent: The consent; ``NULL`` once the person is erased from the register. The order stays
            until the kiosk has carried it out.
        merged: The temporary student whose id the kiosk is to erase, because they were merged into
            who withdrew; ``NULL`` for the id of who withdrew.
        made_at: When.
        sealed: The order as the kiosk alone can read it; "" while no trusted key of it is known.
        sealed_for: That key.
        answered_at: When its newest receipt came.
        result: That receipt's word on this order, JSON.
        done_at: When the first receipt said that nothing is left.
        cancelled_at: When the person had agreed again, before the kiosk had answered.
    """

    order_id = models.TextField(primary_key=True)
    consent = models.ForeignKey(
        "Consent", null=True, on_delete=models.SET_NULL, related_name="orders"
    )
    merged = models.ForeignKey("Person", null=True, on_delete=models.SET_NULL, related_name="+")
    site = models.TextField()
    room = models.TextField()
    kiosk = models.TextField()
    made_at = models.DateTimeField()
    sealed = models.TextField(default="")
    sealed_for = models.TextField(default="")
    answered_at = models.DateTimeField(null=True)
    result = models.TextField(default="")
    done_at = models.DateTimeField(null=True)
    cancelled_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["consent", "site", "room", "kiosk"],
                condition=models.Q(merged=None),
                name="erasure_order_once",
            ),
            models.UniqueConstraint(
                fields=["consent", "merged", "site", "room", "kiosk"],
                name="erasure_order_merged_once",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["room"],
                condition=models.Q(done_at=None, cancelled_at=None),
                name="erasure_order_open",
            )
        ]


class RetentionRun(models.Model):
    """A run of the retention schedule, with what it deleted.

    Attributes:
        at: When it began.
        before: Of each table, the day before which everything was due, JSON.
        counts: How many rows of each table were deleted, JSON; it grows while the run goes on.
    """

    at = models.DateTimeField()
    before = models.TextField()
    counts = models.TextField()
