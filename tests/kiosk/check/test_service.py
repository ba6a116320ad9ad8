"""`kiosk status` and `kiosk reload` with a real daemon in a process of its own."""

import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from kiosk.__main__ import main
from kiosk.check.service import service_findings
from kiosk.config.keys import load_config
from kiosk.recognition.gallery import Gallery, save_gallery
from kiosk.service_status import (
    FRESH_S,
    ServiceStatus,
    pid_start,
    read_status,
    summary,
    write_status,
)
from tests.kiosk.daemon.test_daemon import Manager
from tests.mosquitto import PATIENCE_S, Mosquitto
from tests.support import write_config
from tests.support_recognition import embedding, small_bundle

ROOT = Path(__file__).parents[3]
MODEL = small_bundle().card.model_id


def save_people(folder: Path, count: int, model_id: str = MODEL) -> None:
    (folder / "state").mkdir(exist_ok=True)
    people = {f"s-{i}": embedding(i)[None] for i in range(count)}
    save_gallery(folder / "state" / "gallery.npz", Gallery(model_id, people))


@pytest.fixture
def path(bundle_path: Path, mosquitto: Mosquitto, tmp_path: Path) -> Path:
    save_people(tmp_path, 2)
    mqtt = f'[mqtt]\nhost = "{mosquitto.host}"\nport = {mosquitto.port}\n'
    camera = '[camera]\nbackend = "fake-picamera2"\nfps = 50\n'
    return write_config(tmp_path, bundle_path, mqtt + camera)


@pytest.fixture
def daemon(path: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A daemon that is READY and connected."""
    manager = Manager(tmp_path / "notify")
    command = [sys.executable, "-m", "kiosk", "run", "--config", str(path)]
    with subprocess.Popen(
        command,
        env={**os.environ, "NOTIFY_SOCKET": str(manager.path), "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        manager.wait_for("READY=1")
        yield process
        process.kill()
    manager.close()


def test_a_service_that_does_not_run_is_a_fault(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code is 69, and the line says how to start it; so does a file that was left."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    for _ in range(2):
        assert main(["status", "--config", str(path)]) == 69
        assert "not running; `sudo systemctl start kiosk`" in capsys.readouterr().out
        left = status(path, pid=gone.pid)
        write_status(path.with_name("state") / "status.json", left)


@pytest.mark.usefixtures("daemon")
def test_status_and_reload_tell_of_the_running_service(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """People, camera and broker are told; a reload is waited for, and fails when it failed."""
    assert main(["status", "--json", "--config", str(path)]) in {0, 69}  # perhaps not connected
    found = {one["part"]: one for one in json.loads(capsys.readouterr().out)["findings"]}
    assert found["gallery"]["text"] == "2 people enrolled"
    assert found["camera"]["text"].startswith("ok; in use by the running kiosk, last frame 0.")
    save_people(tmp_path, 3)
    path.write_text(path.read_text().replace("fps = 50", "fps = 51"))
    assert main(["reload", "--config", str(path)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "read again: 3 people enrolled",
        "changed, but used only after a restart: camera.fps",
    ]
    save_people(tmp_path, 3, "other")
    assert main(["reload", "--config", str(path)]) == 69
    assert "belongs to other" in capsys.readouterr().err
    assert main(["status", "--config", str(path)]) == 65
    out = capsys.readouterr().out
    assert "fault    configuration  the last reload failed: " in out
    assert "ok       gallery        3 people enrolled" in out
    assert main(["check", "--config", str(path)]) == 65  # the gallery on the disk
    assert "ok       camera         ok; in use by the running kiosk" in capsys.readouterr().out


def test_the_log_says_which_keys_need_a_restart(path: Path, daemon: subprocess.Popen[str]) -> None:
    """A reload that cannot use a changed key is a warning in the journal, too."""
    path.write_text(path.read_text().replace("fps = 50", "fps = 51"))
    assert main(["reload", "--config", str(path)]) == 0
    daemon.terminate()
    _, log = daemon.communicate(timeout=PATIENCE_S)
    assert "used only after a restart: camera.fps" in log


def test_a_reload_without_a_service_fails(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """There is nobody who could read the files again."""
    assert main(["reload", "--config", str(path)]) == 69
    assert "no service runs with this configuration" in capsys.readouterr().err


# Each fault of the service


def status(path: Path, **facts: object) -> ServiceStatus:
    """The status of a service that runs here without a fault, but for these facts."""
    good = {
        "directory": str(load_config(path).directory),
        "pid": os.getpid(),
        "pid_start": pid_start(os.getpid()),
        "started_s": 0.0,
        "written_s": 1e12,
        "version": "1",
        "model_id": MODEL,
        "people": 2,
        "camera": "ok",
        "broker": "MQTT broker b",
        "clock": "synchronised",
    }
    return ServiceStatus(**{**good, **facts})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("facts", "part", "verdict", "says"),
    [
        ({}, "service", "ok", "running for "),
        ({"written_s": -FRESH_S - 1}, "service", "fault", "no sign of life"),
        ({"people": 0}, "gallery", "warning", "nobody is enrolled"),
        ({"gallery_fault": "absent"}, "gallery", "fault", "absent"),
        ({"camera": "lost", "camera_fault": "no cable"}, "camera", "fault", "lost: no cable"),
        ({"camera": "frozen"}, "camera", "fault", "nobody can be recognised"),
        ({"broker_fault": "refuses"}, "broker", "fault", "refuses"),
        ({"outbox_fault": "disk full"}, "outbox", "fault", "disk full"),
        (
            {"waiting": 3, "undelivered": 1},
            "outbox",
            "ok",
            "3 events waiting for the register, 1",
        ),
        (
            {"waiting": 3, "oldest_waiting_s": 7260},
            "outbox",
            "warning",
            "3 events waiting for the register, the oldest for 2 h 1 min: is the register running?",
        ),
        ({"waiting": 3, "oldest_waiting_s": 60}, "outbox", "ok", "3 events waiting"),
        ({"clock": "unsynchronised"}, "clock", "warning", "timedatectl"),
        (
            {"refusal": "most", "faces_seen": 10, "faces_refused": {"blurred": 8}},
            "faces",
            "warning",
            "most; 10 seen since the start; refused: 80% blurred",
        ),
    ],
)
def test_each_state_has_its_line(
    facts: dict[str, object], part: str, verdict: str, says: str, path: Path
) -> None:
    """What the service waits for is a fault with its own words."""
    write_status(path.with_name("state") / "status.json", status(path, **facts))
    found = {one.part: one for one in service_findings(load_config(path))}[part]
    assert (found.verdict, says in found.text) == (verdict, True), found


def test_another_kiosk_of_this_machine_is_not_this_one(path: Path, tmp_path: Path) -> None:
    """A status file in systemd's folder counts for the state folder that it names."""
    other = status(path, directory="/elsewhere")
    write_status(tmp_path / "state" / "status.json", other)
    assert read_status(load_config(path)) is None


def test_a_status_that_may_not_be_read_is_no_service_that_does_not_run(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without ``sudo`` nothing is known."""

    def refuse(file: Path, _: int) -> bytes:
        raise PermissionError(errno.EACCES, "Permission denied", str(file))

    monkeypatch.setattr("kiosk.service_status.read_file", refuse)
    with pytest.raises(PermissionError, match=r"state/status\.json"):
        read_status(load_config(path))


def test_a_process_that_took_over_the_number_is_not_the_service(path: Path, tmp_path: Path) -> None:
    """After a reboot the file may name a process that is another program now, or none."""
    for facts in ({"pid_start": pid_start(os.getpid()) - 1}, {"pid": 2**22 + 1}):
        write_status(tmp_path / "state" / "status.json", status(path, **facts))
        assert read_status(load_config(path)) is None


def test_the_status_is_written_where_no_second_file_can_be(path: Path, tmp_path: Path) -> None:
    """Or a daemon on a full disk would seem to hang."""
    file = tmp_path / "status.json"
    file.write_bytes(b" " * 9999)
    file.with_name(".status.json").mkdir()  # as good as a full disk
    write_status(file, status(path, people=7))
    assert msgspec.json.decode(file.read_bytes(), type=ServiceStatus).people == 7


def test_the_line_for_systemd_tells_everything(path: Path) -> None:
    """People, camera, broker, waiting events and the last refusal stand in one line."""
    line = summary(status(path, waiting=4, refusal="most faces are refused: blurred"))
    assert line == (
        "2 people enrolled; camera ok; broker connected; 4 events waiting;"
        " most faces are refused: blurred"
    )
