"""The command ``kiosk gallery``: run an action on the enrolled people and describe the outcome."""

import argparse
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from kiosk.cli import DEFAULT_CONFIG
from kiosk.config.keys import Config
from kiosk.config.sources import home_path
from kiosk.counted import counted, counted_people
from kiosk.erasure.erase import erase_person
from kiosk.erasure.outcome import Erasure, Failure
from kiosk.errors import InUseError
from kiosk.files.sealed_file import Passphrase
from kiosk.gallery import manage as people
from kiosk.gallery.transfer import Import, export_gallery, import_gallery


@dataclass(frozen=True, slots=True)
class GalleryOptions:
    """The options of the actions.

    Attributes:
        replace: An import replaces an id that is enrolled with another face.
        only: An import removes the people who are not in the file.
        again: An import brings erased people back.
        events: An erasure covers events that wait.
        passphrase_file: Has the passphrase of an exported file.
        config_file: The file that the configuration was read from.
    """

    replace: bool = False
    only: bool = False
    again: bool = False
    events: bool = False
    passphrase_file: Path | None = None
    config_file: Path = DEFAULT_CONFIG

    @classmethod
    def of(cls, options: argparse.Namespace) -> "GalleryOptions":
        """Return the options of a command line."""
        return cls(
            options.replace,
            options.only,
            options.again,
            options.events,
            options.passphrase_file,
            options.config or DEFAULT_CONFIG,
        )

    @property
    def passphrase(self) -> Passphrase | None:
        """The passphrase.

        Raises:
            ConfigError: The file cannot be used.
        """
        return Passphrase.read(self.passphrase_file) if self.passphrase_file else None


@dataclass(frozen=True, slots=True)
class Done:
    """The outcome of an action.

    Attributes:
        facts: For JSON.
        lines: For a person.
        warnings: For standard error.
        exit_code: Not 0 if a part of it failed.
    """

    facts: dict[str, Any]
    lines: list[str]
    warnings: tuple[str, ...] = ()
    exit_code: int = 0


def run_gallery_command(
    config: Config, action: str, argument: str, options: GalleryOptions
) -> Done:
    """Run `kiosk gallery ACTION`.

    Args:
        config: Names the gallery, the model bundle and the roster.
        action: "list", "version", "remove", "export", "import", "renew" or "rekey".
        argument: The subject id or file of the action, if it has one.
        options: The options of the action.

    Raises:
        KioskError: As the function of the action.
    """
    match action:
        case "list":
            counts = people.list_people(config)
            lines = [f"{subject}\t{count}" for subject, count in counts.items()]
            version = gallery_line(people.gallery_version(config))
            done = Done(dict(counts), lines, (version,))
        case "version":
            facts = people.gallery_version(config)
            done = Done(facts, [gallery_line(facts)])
        case "remove":
            done = _erased(argument, erase_person(config, argument, events=options.events))
        case "renew":
            done = _renewed(config)
        case "rekey":
            names = people.rekey(config)
            done = Done({"galleries": names}, [f"{name}: has a new key" for name in names])
        case "export":
            done = _exported(config, home_path(argument), options)
        case _:
            outcome = import_gallery(
                config,
                home_path(argument),
                may_replace=options.replace,
                only=options.only,
                again=options.again,
                passphrase=options.passphrase,
            )
            done = _imported(config, outcome)
    return done


def gallery_line(facts: dict[str, Any]) -> str:
    """Return the gallery's version in one line, as ``kiosk gallery version`` prints it."""
    return f"version {facts['version']}, hash {facts['hash']}, {counted_people(facts['people'])}"


def _erased(subject_id: str, erasure: Erasure) -> Done:
    places = [*(["the gallery"] if erasure.gallery else []), *erasure.old_galleries]
    places += ["the roster"] if erasure.roster else []
    places += ["the attendance"] if erasure.attended else []
    outbox = erasure.outbox
    places += [counted(outbox.events, "event")] if outbox.events else []
    damaged = outbox.set_aside + erasure.aside
    places += [f"{counted(damaged, 'place')} of damaged events"] if damaged else []
    before = "; was erased before" if erasure.was_erased else ""
    lines = [f"{subject_id}: erased from {', '.join(places) or 'nothing more'}{before}"]
    if erasure.kiosk == "in use":
        lines.append("the running kiosk uses the new gallery")
    lines += [f"not erased by this: {text}" for text in erasure.remains]
    if erasure.receipt:
        lines.append(f"receipt: {erasure.receipt}")
    facts = asdict(erasure) | {"attended": erasure.attended}
    return Done(facts, lines, _warnings(erasure.failed), _code(erasure.failed))


def _renewed(config: Config) -> Done:
    renewal = people.renew_gallery(config, datetime.now(config.zone).date())
    lines = [
        f"{config.gallery_path}: empty, for model {renewal.model_id}",
        f"{renewal.kept}: kept, with {counted_people(len(renewal.enrol_again))} to enrol again",
    ]
    again = [f"{who}\t{name or ''}" for who, name in renewal.enrol_again.items()]
    return Done(asdict(renewal), [*lines, *(line.rstrip() for line in again)])


def _exported(config: Config, path: Path, options: GalleryOptions) -> Done:
    passphrase = options.passphrase
    total = export_gallery(config, path, passphrase, config_file=options.config_file)
    warnings = () if passphrase else (
        f"note: {path} is not encrypted: delete it after use, or give --passphrase-file",
    )  # fmt: skip
    return Done(
        {"people": total, "encrypted": passphrase is not None},
        [f"{path}: {counted_people(total)}"],
        warnings,
    )


def _imported(config: Config, outcome: Import) -> Done:
    """Return the counts, then one line for each person who needs a look."""
    replaced = len(outcome.replaced) + len(outcome.another_face)
    counts = f"{counted_people(outcome.people)}, {len(outcome.added)} added, {replaced} replaced"
    if outcome.removed:
        counts += f", {len(outcome.removed)} removed"
    lines = [f"{config.gallery_path}: {counts}"]
    for subjects, text in (
        (outcome.another_face, "replaced another face; check the name in the roster"),
        (outcome.refused, "was erased, and is not imported (--again imports them)"),
        (outcome.erased, "erased here, because they were erased where the file comes from"),
    ):
        lines += [f"{subject}: {text}" for subject in subjects]
    return Done(asdict(outcome), lines, _warnings(outcome.failed), _code(outcome.failed))


def _warnings(failed: Iterable[Failure]) -> tuple[str, ...]:
    return tuple(f"not erased: {one.place}: {one.reason}" for one in failed)


def _code(failed: Iterable[Failure]) -> int:
    """Return the exit code of an erasure: a second try may do what this one could not."""
    return InUseError.exit_code if list(failed) else 0
