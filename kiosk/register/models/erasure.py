"""Receipts of erasures, which name nobody."""

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
