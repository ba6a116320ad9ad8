"""Two programs with one MQTT client id: pure decisions, and two kiosks at a real Mosquitto."""

import socket
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest

from kiosk.config.mqtt import MqttSection
from kiosk.mqtt.rivalry import Rivalry, Verdict
from kiosk.outbox.outbox import Outbox
from tests.kiosk.mqtt.support import KioskPublisher, kiosk_log
from tests.mosquitto import PATIENCE_S, Mosquitto


def ends(rivalry: Rivalry, lasts_s: list[float], *, is_taken_over: bool) -> list[Verdict]:
    """The verdicts on connections that last so long, each begun after the wait."""
    now_s, verdicts = 0.0, []
    for one in lasts_s:
        rivalry.began(now_s)
        now_s += one
        verdicts.append(rivalry.ended(now_s, is_taken_over=is_taken_over))
        now_s += verdicts[-1].wait_s or 1.0
    return verdicts


def test_who_is_displaced_waits_longer_each_time() -> None:
    """From 1 to 15 minutes, so that two kiosks have the connection in turn and both deliver."""
    verdicts = ends(Rivalry(1.0, 60.0), [3.0, *[60.0] * 6], is_taken_over=True)
    assert [one.wait_s for one in verdicts] == [60, 120, 240, 480, 900, 900, 900]
    assert {one.certainty for one in verdicts} == {"certain"}


def test_a_long_connection_ends_the_conflict() -> None:
    """After twice the wait nobody claims the connection any more; the next conflict begins anew."""
    rivalry = Rivalry(1.0, 60.0)
    ends(rivalry, [3.0, 3.0], is_taken_over=True)
    rivalry.began(1000.0)
    assert rivalry.certainty(1000.0 + 240.0) == "certain"
    assert rivalry.certainty(1000.0 + 251.0) == "none"
    assert rivalry.ended(2000.0, is_taken_over=True).wait_s == 60


def test_connections_that_end_at_once_are_suspicious() -> None:
    """Without a reason (MQTT 3.1.1), five in a row; the wait then doubles to a minute at most."""
    verdicts = ends(Rivalry(1.0, 60.0), [2.0] * 12, is_taken_over=False)
    assert [one.wait_s for one in verdicts] == [*[None] * 4, 1, 2, 4, 8, 16, 32, 60, 60]
    assert verdicts[4] == Verdict("suspected", 1.0, 5)


def test_an_attempt_that_fails_is_no_sign_of_a_rival() -> None:
    """A broker that is down, or that refuses, has not given the connection to anybody."""
    rivalry = Rivalry(1.0, 60.0)
    assert {rivalry.ended(float(one), is_taken_over=False) for one in range(9)} == {Verdict()}


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_two_kiosks_with_one_name_say_so_and_both_deliver(
    mosquitto: Mosquitto, tmp_path: Path, protocol: str
) -> None:
    """The log names both causes and the keys; Mosquitto 2.0.11 gives no reason in MQTT 5 either."""
    values = {"host": mosquitto.host, "port": mosquitto.port, "protocol": protocol}
    mqtt = msgspec.convert(values, MqttSection)
    listener = mosquitto.listen("t")
    with ExitStack() as stack, kiosk_log() as log:
        kiosks: list[KioskPublisher] = []
        for name in (b"first", b"second"):
            outbox = stack.enter_context(Outbox(tmp_path / name.decode()))
            outbox.put(lambda number, name=name: (f"e-{number}", "t", name))  # type: ignore[misc]
            kiosks.append(KioskPublisher(mqtt, outbox, retry_s=(0.02, 0.1)))
            stack.callback(kiosks[-1].stop, 1.0)
            kiosks[-1].start()
        line = log.wait_for("soon after the start: the network is bad, or another kiosk uses")
        assert "school/room-1/kiosk-1: set another kiosk.id, kiosk.room or kiosk.site" in line
        assert {*listener.payloads(2)} == {b"first", b"second"}
        assert "suspected" in {one.connection.rival for one in kiosks}


def test_a_session_taken_over_is_one_clear_line_and_a_wait(tmp_path: Path) -> None:
    """A broker that gives the reason (0x8E) is believed at once; nothing is "unspecified"."""
    with socket.create_server(("127.0.0.1", 0)) as server, ExitStack() as stack:
        port = server.getsockname()[1]
        outbox = stack.enter_context(Outbox(tmp_path / "outbox"))
        mqtt = MqttSection(host="127.0.0.1", port=port)
        kiosk = KioskPublisher(mqtt, outbox, retry_s=(0.02, 60.0))
        with kiosk_log() as log:
            kiosk.start()
            stack.callback(kiosk.stop, 2.0)
            server.settimeout(PATIENCE_S)
            link, _ = server.accept()
            with link:
                link.recv(1000)
                link.sendall(b"\x20\x03\x00\x00\x00" + b"\xe0\x02\x8e\x00")
                log.wait_for(
                    "has ended the connection, because another kiosk uses the name "
                    "school/room-1/kiosk-1: set another kiosk.id, kiosk.room or kiosk.site on one "
                    "of them; trying again in 60 s"
                )
        assert kiosk.connection.rival == "certain"
        assert not log.count("Unspecified error")
