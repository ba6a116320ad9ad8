"""A kiosk that goes out of service takes its last words back."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kiosk.config.keys import Config, parse_config
from kiosk.daemon.home_assistant import discovery
from kiosk.daemon.retire import clear_retained, run_retire
from kiosk.daemon.state_folder import open_outbox
from kiosk.errors import BrokerError, InUseError
from kiosk.protocol.topics import HEALTH, KioskAddress
from tests.mosquitto import PATIENCE_S, Mosquitto, free_port


def configured(folder: Path, port: int, more: str = "") -> Config:
    text = f'mqtt = {{host = "127.0.0.1", port = {port}{more}}}\nstate = {{directory = "{folder}"}}'
    return parse_config(text.encode(), "kiosk.toml")


@dataclass
class Person:
    """Answers, and remembers what was asked."""

    answer: bool = False
    asked: list[str] = field(default_factory=list)

    def agree(self, warning: str) -> bool:
        self.asked.append(warning)
        return self.answer


def with_event(config: Config) -> Config:
    """Store an event that no register has confirmed."""
    with open_outbox(config) as outbox:
        outbox.put(lambda sequence: (f"e-{sequence}", "t", b"{}"))
    return config


def announced(config: Config) -> dict[str, str]:
    """Return the topics that a kiosk announces itself on, by their last level."""
    address = KioskAddress.of(config.kiosk)
    topics = [address.availability, address.topic(HEALTH)]
    topics += [one.topic for one in discovery(config, address, "1")]
    return dict.fromkeys(topics, "x")


def retained(broker: Mosquitto) -> set[str]:
    """Return the topics that the broker keeps a message of."""
    listener = broker.listen("#")
    listener.client.publish("the/end", "x", qos=1)
    return {topic for topic, _, _ in iter(listener.next, ("the/end", b"x", False))}


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_the_broker_keeps_nothing_of_a_retired_kiosk(
    protocol: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    """Availability, health and the device in Home Assistant go; another kiosk's words stay."""
    more = f', protocol = "{protocol}", homeassistant_prefix = "ha"'
    config = configured(tmp_path / "state", mosquitto.port, more)
    (tmp_path / "state").mkdir()
    speaker = mosquitto.listen("$SYS/none").client
    own = announced(config)
    assert len(own) == 3
    for topic in [*own, "kiosk/v1/school/room-2/other/health"]:
        speaker.publish(topic, "x", qos=1, retain=True).wait_for_publish(PATIENCE_S)
    assert run_retire(config, lambda _: None, Person().agree, sure=False) == 0
    assert retained(mosquitto) == {"kiosk/v1/school/room-2/other/health"}


def test_a_kiosk_that_runs_is_not_retired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would announce itself again."""
    monkeypatch.setattr("kiosk.daemon.retire.read_status", lambda _: "running")
    with pytest.raises(InUseError, match=r"the service runs .* stop it first"):
        run_retire(configured(tmp_path, 1), lambda _: None, Person().agree, sure=True)


def test_the_broker_drops_the_mqtt_session(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """What the register says to a retired kiosk is not kept for it."""
    config = configured(tmp_path, mosquitto.port)
    address = KioskAddress.of(config.kiosk)
    replay = address.topic("replay")
    mosquitto.listen(replay, client_id=address.client_id).close()
    clear_retained(config)
    speaker = mosquitto.listen("$SYS/none").client
    speaker.publish(replay, "kept", qos=1).wait_for_publish(PATIENCE_S)
    again = mosquitto.listen("later", client_id=address.client_id)
    speaker.publish("later", "x", qos=1)
    assert again.next()[0] == "later"


def test_events_that_wait_need_a_yes(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """Without one the broker is left alone, and the message says how many wait."""
    config = with_event(configured(tmp_path, mosquitto.port))
    health = KioskAddress.of(config.kiosk).topic(HEALTH)
    speaker = mosquitto.listen("$SYS/none").client
    speaker.publish(health, "x", qos=1, retain=True).wait_for_publish(PATIENCE_S)
    with pytest.raises(InUseError, match="1 event waiting for the register"):
        run_retire(config, lambda _: None, Person().agree, sure=False)
    assert retained(mosquitto) == {health}
    person = Person(answer=True)
    assert run_retire(config, lambda _: None, person.agree, sure=False) == 0
    assert person.asked == ["1 event waiting for the register."]
    assert retained(mosquitto) == set()


def test_yes_asks_nobody(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """--yes goes on at once."""
    config, person = with_event(configured(tmp_path, mosquitto.port)), Person()
    assert run_retire(config, lambda _: None, person.agree, sure=True) == 0
    assert person.asked == []


def test_a_broker_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    """The installer then says that the broker keeps the last words."""
    with pytest.raises(BrokerError):
        clear_retained(configured(tmp_path, free_port()))


def test_an_access_list_that_refuses_is_an_error(mosquitto: Mosquitto, tmp_path: Path) -> None:
    """The message names the topics."""
    rules = tmp_path / "acl"
    rules.write_text("topic read #\n")
    mosquitto.configure("allow_anonymous true", f"acl_file {rules}")
    mosquitto.restart()
    with pytest.raises(BrokerError, match=r"refuses kiosk/v1/.*/availability .*/health"):
        clear_retained(configured(tmp_path, mosquitto.port))
