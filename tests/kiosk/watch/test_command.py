"""`kiosk watch`: which broker and which names it takes."""

import json
import threading
from pathlib import Path

import pytest

from kiosk.config.keys import Config
from kiosk.errors import ConfigError, RosterError
from kiosk.protocol.event import AttendanceEvent, encode
from kiosk.protocol.topics import KioskAddress
from kiosk.watch.command import watch_live
from tests.conftest import Configure
from tests.kiosk.protocol.test_event import EVENT
from tests.mosquitto import Mosquitto


def test_watching_needs_a_broker(config: Config) -> None:
    """Without mqtt.host there is nothing to watch, and the message names both ways to give one."""
    with pytest.raises(ConfigError, match=r"mqtt\.host.*--host"):
        watch_live(config, host=None, port=None, roster=None, limit=None, as_json=False)


def test_an_address_that_is_no_host_is_named(config: Config) -> None:
    """`--host broker:1883` ends with a sentence and not later in a library."""
    with pytest.raises(ConfigError, match=r"^--host: expected a host alone.*port"):
        watch_live(config, host="b:1883", port=None, roster=None, limit=None, as_json=False)


@pytest.mark.parametrize(("roster", "name"), [("subject_id,name\ns-1,Ada\n", "Ada"), (None, "s-1")])
def test_watching_shows_names_from_the_roster(
    roster: str | None,
    name: str,
    configure: Configure,
    mosquitto: Mosquitto,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Events of the broker named on the command line come with the configured roster's names.

    While that file is not there yet, they come with subject ids.
    """
    config = configure('[mqtt]\nhost = "192.0.2.1"\n')
    if roster is not None:
        Path(config.state.roster).write_text(roster)
    address = KioskAddress(site=EVENT.site, room=EVENT.room, kiosk=EVENT.kiosk)
    publisher = mosquitto.listen("unused").client
    is_shown = threading.Event()

    def publish_until_shown() -> None:  # a viewer misses what came before it
        while not is_shown.wait(0.05):
            publisher.publish(address.topic_of(AttendanceEvent), encode(EVENT), qos=1)

    thread = threading.Thread(target=publish_until_shown)
    thread.start()
    try:
        watch_live(
            config, host=mosquitto.host, port=mosquitto.port, roster=None, limit=1, as_json=True
        )
    finally:
        is_shown.set()
        thread.join()
    shown = json.loads(capsys.readouterr().out)
    assert (shown["event_id"], shown["name"]) == (EVENT.event_id, name)


def test_a_roster_that_was_asked_for_must_be_there(configure: Configure, tmp_path: Path) -> None:
    """Named on the command line, an absent file is an error; configured, only one that is wrong."""
    config = configure('[mqtt]\nhost = "192.0.2.1"\n')
    absent = tmp_path / "absent.csv"
    with pytest.raises(RosterError, match=f"{absent}: cannot be read"):
        watch_live(config, host=None, port=None, roster=absent, limit=1, as_json=True)
    Path(config.state.roster).write_text("no header\n")
    with pytest.raises(RosterError, match="the header is wrong"):
        watch_live(config, host=None, port=None, roster=None, limit=1, as_json=True)
