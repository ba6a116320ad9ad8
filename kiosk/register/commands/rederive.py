"""``kiosk register rederive``: decide lessons of the past again by the rules of now."""

import sys
from collections import Counter
from datetime import date

from kiosk.counted import counted
from kiosk.errors import ConfigError
from kiosk.register.commands.output import opened, print_json, print_line, print_table, utc_now
from kiosk.register.config import RegisterConfig
from kiosk.register.marking.rederive import rederive


def rederive_days(
    config: RegisterConfig, first: date, last: date, *, reason: str, dry_run: bool, as_json: bool
) -> int:
    """Decide lessons again, and print how marks change.

    Args:
        config: The configuration.
        first: First day.
        last: Last day, included.
        reason: Why; it stands beside each change.
        dry_run: Write nothing.
        as_json: Print each change as one JSON object a line.

    Raises:
        ConfigError: ``last`` is before ``first``, or a reason is missing.
        RegisterError: The database cannot be read or written.
    """
    if last < first:
        raise ConfigError(f"--to: {last} is before --from {first}")
    if not reason.strip() and not dry_run:
        raise ConfigError("--reason: missing; it stands beside each change of a mark")
    with opened():
        found = rederive(first, last, config.rules, utc_now(), reason.strip(), dry_run=dry_run)
    shown = [one for one in found.changes if one.before != one.after]
    if as_json:
        for one in shown:
            facts = {"lesson_id": one.lesson_id, "subject_id": one.person_id, "rule": one.rule}
            print_json({**facts, "before": one.before, "after": one.after, "dry_run": dry_run})
    elif shown:
        counts = Counter((one.before, one.after) for one in shown)
        rows = [(before, after, str(count)) for (before, after), count in sorted(counts.items())]
        print_table(("before", "after", "marks"), rows)
    else:
        print_line("no mark changes")
    waiting = f"; {len(found.waiting)} left as they are, a kiosk is behind" if found.waiting else ""
    done = "nothing written; would be decided again: " if dry_run else "decided again: "
    sys.stderr.write(f"{done}{counted(found.lessons, 'lesson')}{waiting}\n")
    return 0
