"""The command ``kiosk gallery``: run an action on the enrolled people and describe the outcome."""

from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from kiosk import people
from kiosk.config import Config
from kiosk.config_sources import home_path
from kiosk.gallery_transfer import Import, export_gallery, import_gallery

_STILL_KNOWN: Final = (
    "a running kiosk names this person until `systemctl reload kiosk`; "
    "erase events that were sent at the register"
)


def run_gallery_command(
    config: Config, action: str, argument: str, *, may_replace: bool = False, only: bool = False
) -> tuple[dict[str, Any], list[str]]:
    """Run `kiosk gallery ACTION`.

    Args:
        config: Names the gallery, the model bundle and the roster.
        action: "list", "version", "remove", "export", "import" or "renew".
        argument: The subject id or file of the action, if it has one.
        may_replace: Whether an import replaces an id that is enrolled with another face.
        only: Whether an import removes the people who are not in the file.

    Returns:
        The outcome, once for JSON and once as lines of text.

    Raises:
        KioskError: As the function of the action.
    """
    match action:
        case "list":
            counts = people.list_people(config)
            return dict(counts), [f"{subject}\t{count}" for subject, count in counts.items()]
        case "version":
            facts = people.gallery_version(config)
            return facts, [gallery_line(facts)]
        case "remove":
            erasure = people.remove_person(config, argument)
            also = "".join(f", also from {name}" for name in erasure.old_galleries)
            return asdict(erasure), [f"{argument}: erased{also}", _STILL_KNOWN]
        case "renew":
            renewal = people.renew_gallery(config, datetime.now(config.zone).date())
            lines = [
                f"{config.gallery_path}: empty, for model {renewal.model_id}",
                f"{renewal.kept}: kept, with {len(renewal.enrol_again)} people to enrol again",
            ]
            again = [f"{who}\t{name or ''}" for who, name in renewal.enrol_again.items()]
            return asdict(renewal), [*lines, *(line.rstrip() for line in again)]
        case "export":
            total = export_gallery(config, home_path(argument))
            return {"people": total}, [f"{argument}: {total} people"]
        case _:
            outcome = import_gallery(
                config, home_path(argument), may_replace=may_replace, only=only
            )
            return asdict(outcome), _import_lines(config, outcome)


def gallery_line(facts: dict[str, Any]) -> str:
    """Return the gallery's version in one line, as ``kiosk gallery version`` prints it."""
    return f"version {facts['version']}, hash {facts['hash']}, {facts['people']} people"


def _import_lines(config: Config, outcome: Import) -> list[str]:
    """Return the counts, then one line for each person whose face was replaced."""
    replaced = len(outcome.replaced) + len(outcome.another_face)
    counts = f"{outcome.people} people, {len(outcome.added)} added, {replaced} replaced"
    if outcome.removed:
        counts += f", {len(outcome.removed)} removed"
    note = "replaced another face; check the name in the roster"
    return [
        f"{config.gallery_path}: {counts}",
        *(f"{subject}: {note}" for subject in outcome.another_face),
    ]
