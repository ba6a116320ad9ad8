"""``kiosk register retention``: name what is due, then delete it."""

import json

from kiosk.errors import InUseError
from kiosk.register.commands.output import opened, print_json, print_line, utc_now
from kiosk.register.config import RegisterConfig
from kiosk.register.erasing.erase import empty_log
from kiosk.register.erasing.retention import delete, plan
from kiosk.register.erasing.table_words import rows_text


def delete_due(config: RegisterConfig, *, dry_run: bool, as_json: bool) -> int:
    """Print what is due, and unless it is a trial, delete it and print the receipt.

    Returns:
        The exit code: 0, or that of :class:`~kiosk.errors.InUseError` if SQLite's log keeps rows.

    Raises:
        RegisterError: The database cannot be read or written.
    """
    now = utc_now()
    with opened():
        steps = plan(config.retention, config.zone, now)
        due = {one.table: one.rows.count() for one in steps}
        for step in steps:
            if not as_json:
                print_line(f"due: {rows_text(step.table, due[step.table])} before {step.before}")
        if not steps and not as_json:
            print_line("nothing is due: [retention] of the configuration keeps everything")
        run = delete(steps, now) if any(due.values()) and not dry_run else None
        in_log = run is not None and not empty_log()
    if as_json:
        deleted = json.loads(run.counts) if run else {}
        before = {one.table: str(one.before) for one in steps}
        facts = {"before": before, "due": due, "deleted": deleted, "in_log": in_log}
        print_json({**facts, "receipt": run.pk if run else None, "dry_run": dry_run})
        return InUseError.exit_code if in_log else 0
    if run:
        rows = ", ".join(rows_text(name, count) for name, count in json.loads(run.counts).items())
        print_line(f"deleted: {rows}")
        print_line(f"receipt: {run.pk}")
        print_line("not deleted by this: students, cards, consents, exported files, and backups")
    if in_log:
        print_line(
            "not deleted: somebody reads the database, so what was deleted is still in its log"
            " (-wal); repeat this command when they have ended"
        )
    return InUseError.exit_code if in_log else 0
