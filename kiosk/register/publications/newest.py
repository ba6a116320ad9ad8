"""What the kiosks were told last."""

from collections.abc import Collection

from django.db.models import Max

from kiosk.register.models import Publication


def told_last(topics: Collection[str]) -> dict[str, bytes]:
    """Return the newest message of each of these topics."""
    newest = Publication.objects.filter(topic__in=topics).values("topic")
    ids = newest.annotate(newest=Max("id")).values_list("newest", flat=True)
    rows = Publication.objects.filter(pk__in=list(ids))
    return {one.topic: bytes(one.payload) for one in rows}
