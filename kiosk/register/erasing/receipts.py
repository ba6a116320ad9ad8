"""Store what kiosks answer to erasure orders."""

from collections.abc import Iterable
from datetime import datetime

import msgspec

from kiosk.register.erasing.orders import close_done, tell
from kiosk.register.messages.arrival import ErasureReceiptReading
from kiosk.register.models import ErasureOrder, Kiosk


def note_receipts(readings: Iterable[ErasureReceiptReading], now: datetime) -> None:
    """Note the results, tell the kiosks what is open still, and end what is done everywhere.

    An order that is unknown, of another kiosk, or done already is passed over.
    """
    newest = {one.address: one for one in readings}
    if not newest:
        return
    for address, one in sorted(newest.items(), key=lambda item: str(item[0])):
        names = {"site": address.site, "room": address.room, "kiosk": address.kiosk}
        Kiosk.objects.filter(**names).update(erasure_version=one.receipts.version)
        for result in sorted(one.receipts.results, key=lambda result: result.order):
            rows = ErasureOrder.objects.filter(order_id=result.order, done_at=None, **names)
            rows.update(
                answered_at=now,
                result=msgspec.json.encode(result).decode(),
                done_at=now if result.is_done else None,
            )
    tell(newest, now)
    close_done(now)
