"""The command ``kiosk watch``."""

import sys
from pathlib import Path

import msgspec

from kiosk.config.host_name import host_problem
from kiosk.config.keys import Config
from kiosk.errors import ConfigError
from kiosk.files.presence import may_exist
from kiosk.mqtt.client import read_password
from kiosk.people.roster import Roster, load_roster
from kiosk.watch.attendance_list import AttendanceList
from kiosk.watch.screens import screen_for
from kiosk.watch.viewer import watch


def _configured_roster(config: Config) -> Roster:
    """Read the configured roster; return an empty one while the file is absent."""
    path = config.roster_path
    return load_roster(path) if path is not None and may_exist(path) else Roster()


def watch_live(
    config: Config,
    *,
    host: str | None,
    port: int | None,
    roster: Path | None,
    limit: int | None,
    as_json: bool,
    username: str | None = None,
    password_file: Path | None = None,
) -> int:
    """Show events as they come, until Ctrl-C or until ``limit`` events were shown.

    Args:
        config: The broker, the time zone, and the path of the roster, if there is one.
        host: The broker, instead of ``mqtt.host``.
        port: Its port, instead of ``mqtt.port``.
        roster: The roster, instead of ``state.roster``; this one must exist.
        limit: Return after this many events were shown, repeats not counted.
        as_json: Show one JSON object a line.
        username: The account at the broker, instead of ``mqtt.username``.
        password_file: The file with its password, instead of ``mqtt.password_file``.

    Raises:
        ConfigError: No broker is named, or host or port are none; or the password cannot be read.
        RosterError: The roster cannot be read.
        BrokerError: As :func:`kiosk.watch.viewer.watch`.
    """
    if port is not None and not 1 <= port <= 65535:
        raise ConfigError(f"--port: {port}, expected 1 to 65535")
    if host is not None and (problem := host_problem(host)):
        raise ConfigError(f"--host: {problem}")
    mqtt = msgspec.structs.replace(
        config.mqtt,
        host=host or config.mqtt.host,
        port=port or config.mqtt.port,
        username=config.mqtt.username if username is None else username,
        password_file=config.mqtt.password_file if password_file is None else str(password_file),
    )
    if not mqtt.host:
        raise ConfigError("mqtt.host: needed to watch; or name the broker with --host")
    names = load_roster(roster) if roster is not None else _configured_roster(config)
    attendance = AttendanceList()
    screen = screen_for(sys.stdout, attendance, names, config.zone, as_json=as_json)
    watch(mqtt, attendance, screen, password=read_password(mqtt), limit=limit)
    return 0
