"""The command ``kiosk``: its options, and one function for each command."""

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from kiosk.cli import IntermixedParser, positive_int, prepare_process, run_command
from kiosk.config import Config, load_config
from kiosk.config_file import home_path
from kiosk.enrolment.options import EnrolOptions, add_enrol_options, add_replace
from kiosk.printable import PrintableFormatter, json_text, printable
from kiosk.register.cli import add_register

DEFAULT_CONFIG: Final = Path("/etc/kiosk/kiosk.toml")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns:
        The exit code: 0 success, 2 wrong usage, else see :mod:`kiosk.errors`.
    """
    prepare_process()
    options = _parser().parse_args(arguments)
    handler = logging.StreamHandler()
    handler.setFormatter(PrintableFormatter("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(
        level=logging.INFO if options.verbose else logging.WARNING, handlers=[handler]
    )
    return run_command("kiosk", lambda: int(options.run(options)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kiosk", description="Attendance kiosk.")
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="log informational messages, too"
    )
    commands = parser.add_subparsers(title="commands", required=True, parser_class=IntermixedParser)
    _add_running(commands)
    _add_enrolling(commands)
    _add_checking(commands)
    add_register(commands)
    return parser


def _add_running(commands: Any) -> None:  # noqa: ANN401  # argparse's own class is private
    demo = _command(
        commands, "demo", "enrol sample people, replay a sample walk and show its events", _demo
    )
    demo.add_argument("--camera", help="use this camera (0, /dev/video0, rtsp://…), and first "
                      "enrol the person in front of it")  # fmt: skip
    demo.add_argument("--fast", action="store_true", help="replay as fast as possible")
    demo.add_argument("--json", action="store_true", help="one JSON object a line")
    run = _command(commands, "run", "run the daemon", _run)
    _add_config(run)
    watch = _command(
        commands, "watch", "show the attendance list and update it with every event", _watch
    )
    _add_config(watch)
    watch.add_argument("--host", help="the broker (default: mqtt.host)")
    watch.add_argument("--port", type=int, help="the broker's port (default: mqtt.port)")
    watch.add_argument(
        "--roster", type=home_path, help="CSV file with subject_id,name (default: state.roster)"
    )
    watch.add_argument("--limit", type=positive_int, help="stop after this many events")
    watch.add_argument("--json", action="store_true", help="one JSON object a line")


def _add_enrolling(commands: Any) -> None:  # noqa: ANN401  # argparse's own class is private
    enrol = _command(
        commands, "enrol", "enrol a person from photos or from the camera, or a class", _enrol
    )
    _add_config(enrol)
    add_enrol_options(enrol)
    gallery = _command(
        commands, "gallery", "list, remove, export, import or renew enrolled people", None
    )
    actions = gallery.add_subparsers(title="actions", required=True)
    for name, text, argument in (
        ("list", "list subject ids and how many templates each has", None),
        ("remove", "erase a person: all galleries, roster, attendance on this kiosk", "subject"),
        ("export", "copy the gallery to a file", "file"),
        ("import", "add the people of another gallery file to this one", "file"),
        ("renew", "after a change of model: keep this gallery aside, begin an empty one", None),
    ):
        action = _command(actions, name, text, _gallery)
        action.set_defaults(action=name, argument="", replace=False)
        _add_config(action)
        if argument:
            action.add_argument("argument", metavar=argument)
        if name == "import":
            add_replace(action)
        action.add_argument("--json", action="store_true", help="print the outcome as JSON")


def _add_checking(commands: Any) -> None:  # noqa: ANN401  # argparse's own class is private
    check = _command(
        commands,
        "check",
        "verify the model on this machine, and that a broker is configured",
        _check,
    )
    _add_config(check)
    check.add_argument("--json", action="store_true", help="print the outcome as JSON")
    text = "measure speed, memory and start-up on this machine"
    bench = _command(commands, "bench", text, _bench)
    _add_config(bench)
    bench.add_argument(
        "--video", type=home_path, help="recording to replay (default: the sample walk)"
    )
    bench.add_argument(
        "--peers", type=home_path, help="folder with models of other projects to compare with"
    )
    bench.add_argument("--json", action="store_true", help="print the figures as JSON")
    _command(commands, "schema", "print the JSON Schema of events", _schema)


def _command(commands: Any, name: str, text: str, run: Any) -> argparse.ArgumentParser:  # noqa: ANN401
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=text[0].upper() + text[1:] + "."
    )
    if run is not None:
        parser.set_defaults(run=run)
    return parser


def _add_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config",
        type=home_path,
        help=f"configuration file (default: {DEFAULT_CONFIG} if present)",
    )


def _config(options: argparse.Namespace) -> Config:
    if options.config is not None:
        return load_config(options.config)
    return load_config(DEFAULT_CONFIG) if DEFAULT_CONFIG.exists() else Config()


def _demo(options: argparse.Namespace) -> int:
    from kiosk.demo.run import run_demo

    return run_demo(print, camera=options.camera, fast=options.fast, as_json=options.json)


def _run(options: argparse.Namespace) -> int:
    from kiosk.daemon.signals import serve

    logging.getLogger("kiosk").setLevel(logging.INFO)
    return serve(lambda: _config(options))


def _watch(options: argparse.Namespace) -> int:
    from kiosk.watch.command import watch_live

    return watch_live(
        _config(options),
        host=options.host,
        port=options.port,
        roster=options.roster,
        limit=options.limit,
        as_json=options.json,
    )


def _enrol(options: argparse.Namespace) -> int:
    chosen = EnrolOptions.of(options)
    from kiosk.enrolment.command import run_enrol

    return run_enrol(_config(options), chosen)


def _gallery(options: argparse.Namespace) -> int:
    from kiosk import people
    from kiosk.gallery_command import run_gallery_command

    config = _config(options)
    facts, lines = run_gallery_command(
        config, options.action, options.argument, may_replace=options.replace
    )
    print(json_text(facts) if options.json else "\n".join(printable(line, "\t") for line in lines))
    if note := people.note_on_model(config):
        print(printable(f"note: {note}"), file=sys.stderr)
    return 0


def _check(options: argparse.Namespace) -> int:
    from kiosk.mqtt.embedded_broker import require_broker
    from kiosk.recognition.recogniser import build_recogniser

    config = _config(options)
    embedder = build_recogniser(config).embedder
    facts = {"model_id": embedder.model_id, "worst_int8_steps": embedder.check()}
    text = f"{facts['model_id']}: golden vectors within {facts['worst_int8_steps']} int8 steps"
    print(json_text(facts) if options.json else printable(text))
    require_broker(config.mqtt)
    return 0


def _bench(options: argparse.Namespace) -> int:
    from kiosk.bench.report import render
    from kiosk.bench.run import run_bench

    bench = run_bench(_config(options), frames=options.video, peers=options.peers)
    print(json_text(bench) if options.json else render(bench))
    return 0


def _schema(options: argparse.Namespace) -> int:
    del options
    from kiosk.protocol.event import schema

    print(json.dumps(schema(), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
