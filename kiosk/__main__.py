"""The command ``kiosk``: its options, and one function for each command."""

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from typing import Any

from kiosk.cli import (
    IntermixedParser,
    add_command,
    add_config,
    agrees,
    configuration,
    positive_int,
    prepare_process,
    require_utf8,
    run_command,
)
from kiosk.config.sources import home_path
from kiosk.enrolment.options import EnrolOptions, add_enrol_options
from kiosk.gallery.options import add_gallery
from kiosk.logs import set_up_logging
from kiosk.printable import json_text
from kiosk.register.cli import add_register


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns:
        The exit code: 0 success, 2 wrong usage, else see :mod:`kiosk.errors`.
    """
    prepare_process()
    return run_command("kiosk", lambda: _run_options(arguments))


def _run_options(arguments: Sequence[str] | None) -> int:
    options = _parser().parse_args(arguments)
    set_up_logging(logging.INFO if options.verbose else logging.WARNING)
    require_utf8(options)
    return int(options.run(options))


class _Version(argparse.Action):
    """Prints the version of the program and the model that ships with it."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        from kiosk.recognition.bundle import default_bundle, load_bundle

        model_id = load_bundle(default_bundle()).card.model_id
        print(f"attendance-kiosk {version('attendance-kiosk')}, model {model_id}")
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kiosk", description="Attendance kiosk.")
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="log informational messages, too"
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show program and model")
    commands = parser.add_subparsers(title="commands", required=True, parser_class=IntermixedParser)
    _add_running(commands)
    _add_enrolling(commands)
    _add_checking(commands)
    add_register(commands)
    return parser


def _add_running(commands: Any) -> None:  # noqa: ANN401  # argparse's own class is private
    demo = add_command(
        commands, "demo", "enrol sample people, replay a sample walk and show its events", _demo
    )
    demo.add_argument("--camera", help="use this camera (0, /dev/video0, rtsp://…), and first "
                      "enrol the person in front of it")  # fmt: skip
    demo.add_argument("--fast", action="store_true", help="replay as fast as possible")
    demo.add_argument("--stay", action="store_true", help="serve the pages until Ctrl-C; the "
                      "default on a terminal")  # fmt: skip
    demo.add_argument("--json", action="store_true", help="print one JSON object per line")
    text = "recognise people at the door and publish events, until stopped"
    run = add_command(commands, "run", text, _run)
    add_config(run)
    watch = add_command(
        commands, "watch", "show the attendance list and update it with every event", _watch
    )
    add_config(watch)
    watch.add_argument("--host", help="the broker (default: mqtt.host)")
    watch.add_argument("--port", type=int, help="the broker's port (default: mqtt.port)")
    watch.add_argument("--username", help="the account at the broker (default: mqtt.username); it "
                       "must be one that may read what the kiosks publish")  # fmt: skip
    watch.add_argument("--password-file", type=home_path, help="file with its password (default: "
                       "mqtt.password_file)")  # fmt: skip
    watch.add_argument(
        "--roster", type=home_path, help="CSV file with subject_id,name (default: state.roster)"
    )
    watch.add_argument("--limit", type=positive_int, help="stop after this many events")
    watch.add_argument("--json", action="store_true", help="print one JSON object per line")


def _add_enrolling(commands: Any) -> None:  # noqa: ANN401  # argparse's own class is private
    enrol = add_command(
        commands, "enrol", "enrol a person from photos or from the camera, or a class", _enrol
    )
    add_config(enrol)
    add_enrol_options(enrol)
    add_gallery(commands)


def _add_checking(commands: Any) -> None:  # noqa: ANN401  # argparse's own class is private
    for name, text, run in (
        (
            "check",
            "try everything that the service needs: model, gallery, camera, broker and others",
            _check,
        ),
        ("status", "show what the running service says about itself", _status),
    ):
        parser = add_command(commands, name, text, run)
        add_config(parser)
        parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    text = "have the running service read gallery, thresholds and timetable again"
    add_config(add_command(commands, "reload", text, _reload))
    text = "clear what the broker keeps of this kiosk, before it goes out of service"
    retire = add_command(commands, "retire", text, _retire)
    add_config(retire)
    retire.add_argument(
        "--yes", action="store_true", help="do it even while events wait for the register"
    )
    text = "measure speed, memory and start-up on this machine"
    bench = add_command(commands, "bench", text, _bench)
    add_config(bench)
    bench.add_argument(
        "--video", type=home_path, help="recording to replay (default: the sample walk)"
    )
    bench.add_argument(
        "--peers", type=home_path, help="folder with models of other projects to compare with"
    )
    bench.add_argument("--json", action="store_true", help="print the figures as JSON")
    schema = add_command(commands, "schema", "print the JSON Schema of events", _schema)
    schema.add_argument(
        "--asyncapi", action="store_true", help="print the AsyncAPI document of all topics (YAML)"
    )


def _demo(options: argparse.Namespace) -> int:
    from kiosk.demo.run import run_demo

    stay = options.stay or (sys.stdout.isatty() and not options.fast and not options.json)
    return run_demo(
        print, camera=options.camera, fast=options.fast, as_json=options.json, stay=stay
    )


def _run(options: argparse.Namespace) -> int:
    from kiosk.daemon.signals import serve

    logging.getLogger("kiosk").setLevel(logging.INFO)
    return serve(lambda: configuration(options))


def _watch(options: argparse.Namespace) -> int:
    from kiosk.watch.command import watch_live

    return watch_live(
        configuration(options),
        host=options.host,
        port=options.port,
        username=options.username,
        password_file=options.password_file,
        roster=options.roster,
        limit=options.limit,
        as_json=options.json,
    )


def _enrol(options: argparse.Namespace) -> int:
    chosen = EnrolOptions.of(options)
    from kiosk.enrolment.command import run_enrol

    return run_enrol(configuration(options), chosen)


def _check(options: argparse.Namespace) -> int:
    from kiosk.check.command import run_check
    from kiosk.clock import SystemClock

    return run_check(lambda: configuration(options), SystemClock(), print, as_json=options.json)


def _status(options: argparse.Namespace) -> int:
    from kiosk.check.service import run_status

    return run_status(configuration(options), print, as_json=options.json)


def _reload(options: argparse.Namespace) -> int:
    from kiosk.reload_request import run_reload

    return run_reload(configuration(options), print)


def _retire(options: argparse.Namespace) -> int:
    from kiosk.daemon.retire import run_retire

    return run_retire(configuration(options), print, agrees, sure=options.yes)


def _bench(options: argparse.Namespace) -> int:
    from kiosk.bench.report import render
    from kiosk.bench.run import run_bench

    bench = run_bench(configuration(options), frames=options.video, peers=options.peers)
    print(json_text(bench) if options.json else render(bench))
    return 0


def _schema(options: argparse.Namespace) -> int:
    from kiosk.protocol.event import schema

    if options.asyncapi:
        from kiosk.protocol.asyncapi import document
        from kiosk.protocol.yaml_text import yaml_text

        print(yaml_text(document()), end="")
    else:
        print(json.dumps(schema(), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
