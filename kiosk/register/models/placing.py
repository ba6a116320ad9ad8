"""What became of an event: the values of ``Event.placing``.

One that belongs to no lesson has a value of :class:`kiosk.register.rules.placement.Misfit` there.
"""

from typing import Final

NEW: Final = "new"
"""The marker has not seen it yet."""
PLACED: Final = "placed"
DISMISSED: Final = "dismissed"
"""A person has taken it out of the bin."""
REFUSED: Final = "refused by the database"
"""It could never be written."""
CLOCK: Final = "clock not synchronised"
"""The kiosk's clock was not synchronised, and its time is in no lesson of the person."""
