"""What a person calls the rows of a table, for what a command prints and the log."""

from typing import Final

from kiosk.counted import counted

_WORDS: Final = {
    "alarm": ("alarm", ""),
    "binentry": ("message in the bin", "messages in the bin"),
    "card": ("card", ""),
    "consent": ("consent", ""),
    "dismissal": ("dismissed event", ""),
    "event": ("event", ""),
    "guest": ("visit as a guest", "visits as a guest"),
    "mark": ("mark", ""),
    "markchange": ("change of a mark", "changes of marks"),
    "membership": ("membership of a class", "memberships of classes"),
    "participationpoint": ("participation point", ""),
    "participationwindow": ("participation window", ""),
    "person": ("entry in the list of students", "entries in the list of students"),
    "publication": ("message for kiosks", "messages for kiosks"),
    "taken": ("confirmation of a lesson", "confirmations of lessons"),
    "upload": ("file that waits for its import", "files that wait for their import"),
}
"""Of one and of several; "" is with an "s"."""


def rows_text(table: str, count: int) -> str:
    """Return so many rows of a table in words: "2 changes of marks"."""
    return counted(count, *_WORDS[table])
