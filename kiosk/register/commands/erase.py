"""``kiosk register erase``: delete everything that names a person."""

from dataclasses import asdict

from kiosk.errors import InUseError, RosterError
from kiosk.register.commands.output import opened, print_json, print_line, utc_now
from kiosk.register.erasing.erase import Erased, erase_subject, lift_erasure
from kiosk.register.erasing.table_words import rows_text


def erase(subject_id: str, *, dry_run: bool, as_json: bool) -> int:
    """Erase a person, and print what was deleted and what remains.

    Args:
        subject_id: The person.
        dry_run: Only print what would be deleted.
        as_json: Print the outcome as JSON.

    Returns:
        The exit code: 0, or that of :class:`~kiosk.errors.InUseError` if the log keeps the rows.

    Raises:
        RosterError: Nothing names this person, and they were not erased before.
        RegisterError: The database cannot be read or written.
    """
    with opened():
        erased = erase_subject(subject_id, utc_now(), is_trial=dry_run)
    if as_json:
        print_json({**asdict(erased), "dry_run": dry_run})
    else:
        _print(subject_id, erased, dry_run=dry_run)
    return InUseError.exit_code if erased.in_log else 0


def lift(subject_id: str, *, as_json: bool) -> int:
    """Admit events of a person who was erased.

    Raises:
        RosterError: The person was not erased.
        RegisterError: The database cannot be read or written.
    """
    with opened():
        if not lift_erasure(subject_id, utc_now()):
            raise RosterError(f"subject {subject_id!r}: was not erased")
    if as_json:
        print_json({"lifted": True})
    else:
        print_line(f"{subject_id}: new events are stored again")
    return 0


def _print(subject_id: str, erased: Erased, *, dry_run: bool) -> None:
    rows = ", ".join(rows_text(name, count) for name, count in sorted(erased.counts.items()))
    before = "; was erased before" if erased.was_erased else ""
    verb = "would be deleted" if dry_run else "deleted"
    print_line(f"{subject_id}: {verb}: {rows or 'nothing more'}{before}")
    if erased.in_log:
        print_line(
            "not erased: somebody reads the database, so what was deleted is still in its log"
            " (-wal); repeat this command when they have ended"
        )
    for text in erased.remains:
        print_line(f"not erased by this: {text}")
    if erased.receipt is not None:
        print_line(f"receipt: {erased.receipt}")
    if not dry_run:
        print_line("erase the person at each kiosk, too: `kiosk gallery remove`")
