"""`kiosk check`: every fault that would stop `kiosk run` is found, with the part and the advice."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kiosk.__main__ import main
from kiosk.check.command import check_all
from kiosk.check.finding import Finding
from kiosk.clock import ManualClock
from kiosk.config.keys import Config, load_config
from kiosk.recognition.gallery import Gallery, save_gallery
from kiosk.service_status import FRESH_S, ServiceStatus, pid_start, write_status
from tests.mosquitto import Mosquitto
from tests.support import write_config
from tests.support_recognition import embedding, small_bundle, write_folder

MODEL = small_bundle().card.model_id
SHOWN = np.random.default_rng(3).integers(0, 256, (120, 160, 3), np.uint8)


@pytest.fixture
def toml(bundle_path: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Write a configuration without a fault but the broker: two people, and a recording."""
    (tmp_path / "state").mkdir()
    people = {"s-1": embedding(1)[None], "s-2": embedding(2)[None]}
    save_gallery(tmp_path / "state" / "gallery.npz", Gallery(MODEL, people))
    (tmp_path / "roster.csv").write_text("subject_id,name\ns-1,Ada\n")
    recording = write_folder(tmp_path / "shown", [np.zeros_like(SHOWN), SHOWN])
    camera = f'[camera]\nbackend = "replay"\nsource = "{recording}"\npace = "fast"\n'

    def write(extra: str) -> Path:
        camera_of_test = "" if "[camera]" in extra else camera
        return write_config(tmp_path, bundle_path, camera_of_test + extra)

    return write


def verdicts(path: Path) -> dict[str, Finding]:
    findings, _ = check_all(load_config(path), ManualClock())
    return {one.part: one for one in findings}


def at(mosquitto: Mosquitto, *more: str) -> str:
    return "\n".join(
        ["[mqtt]", f'host = "{mosquitto.host}"', f"port = {mosquitto.port}", *more, ""]
    )


def test_a_damaged_list_of_erased_people_is_found(toml: Callable[[str], Path]) -> None:
    """It has a line only when it is damaged, which names the file; the gallery keeps its own."""
    path = toml("")
    assert "erasures" not in verdicts(path)
    damaged = path.parent / "state/erased.json"
    damaged.write_text("{")
    found = verdicts(path)
    assert found["erasures"].text.startswith(f"{damaged}: not a list of erased people; restore")
    assert (found["erasures"].code, found["gallery"].verdict) == (65, "ok")


def test_every_part_has_a_line(
    toml: Callable[[str], Path], mosquitto: Mosquitto, capsys: pytest.CaptureFixture[str]
) -> None:
    """A kiosk without a fault gives a line for each part, and exit code 0; so does JSON."""
    path = toml(at(mosquitto))
    assert main(["check", "--config", str(path)]) == 0
    found = {line.split()[1]: line for line in capsys.readouterr().out.splitlines()}
    assert list(found) == [
        *("configuration", "model", "gallery", "roster", "outbox", "disk", "camera", "broker"),
        "clock",
    ]
    assert f"{MODEL}: golden vectors within 0 int8 steps" in found["model"]
    assert found["gallery"].endswith("2 people enrolled")
    assert "written; 0 events waiting for the register" in found["outbox"]
    assert found["camera"].startswith("warning  camera         a recording instead of a camera")
    assert found["camera"].endswith("160 x 120 pixels, 0 faces seen")
    assert "nobody receives them: is the register running?" in found["broker"]
    assert main(["check", "--json", "--config", str(path)]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["verdict"], facts["model_id"]) == ("warning", MODEL)
    assert [one["part"] for one in facts["findings"]] == list(found)


@pytest.mark.parametrize(
    ("extra", "part", "code", "says"),
    [
        ("[decision]\nfpir = 0.5\n", "configuration", 78, "decision.fpir: 0.5 is not on the model"),
        (
            '[mqtt]\nhost = "127.0.0.1"\npassword_file = "/none"\n',
            "configuration",
            78,
            "mqtt.password_file: /none cannot be read",
        ),
        (
            '[mqtt]\nhost = "127.0.0.1"\nca_file = "/none"\n',
            "configuration",
            78,
            "mqtt.ca_file: /none cannot be read",
        ),
        ('[camera]\nsource = "/dev/video99"\n', "camera", 69, "/dev/video99 cannot be opened"),
        ('[camera]\nsource = "front"\n', "camera", 78, "camera.source: expected"),
        (
            '[mqtt]\nhost = "127.0.0.1"\nport = 1\n',
            "broker",
            69,
            "cannot be reached",
        ),
    ],
)
def test_a_fault_of_the_configuration_is_found(
    extra: str, part: str, code: int, says: str, toml: Callable[[str], Path]
) -> None:
    """Each key that `kiosk run` refuses or waits for is a fault of its part."""
    found = verdicts(toml(extra))[part]
    assert (found.verdict, found.code) == ("fault", code)
    assert says in found.text


@pytest.mark.parametrize(
    ("damage", "part", "code", "says"),
    [
        ("no gallery", "gallery", 65, "absent; enrol people"),
        ("gallery of another model", "gallery", 65, "belongs to other"),
        ("outbox is a folder", "outbox", 74, "outbox.sqlite3: "),
        ("black picture", "camera", 69, "the picture is black: remove the cap"),
    ],
)
def test_a_fault_of_a_file_is_found(
    damage: str, part: str, code: int, says: str, toml: Callable[[str], Path], tmp_path: Path
) -> None:
    """What a technician meets on a new kiosk is found before the start."""
    path, state = toml(""), tmp_path / "state"
    match damage:
        case "no gallery":
            (state / "gallery.npz").unlink()
        case "gallery of another model":
            save_gallery(state / "gallery.npz", Gallery("other", {"s-1": embedding(1)[None]}))
        case "outbox is a folder":
            (state / "outbox.sqlite3").mkdir()
        case _:
            (tmp_path / "shown" / "0001.png").unlink()
    found = verdicts(path)[part]
    assert (found.verdict, found.code) == ("fault", code)
    assert says in found.text


def test_a_faulty_roster_is_a_warning(toml: Callable[[str], Path], tmp_path: Path) -> None:
    """The kiosk itself does not need names."""
    (tmp_path / "roster.csv").write_text("subject_id,name\ns-1,Ada\ns-1,Bob\n")
    found = verdicts(toml(""))["roster"]
    assert (found.verdict, found.code) == ("warning", 0)
    assert "roster.csv" in found.text


def test_an_invalid_file_is_the_only_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What cannot be read is not checked further; the exit code is that of the daemon."""
    (tmp_path / "kiosk.toml").write_text("[camera]\nfps = 0\n")
    assert main(["check", "--config", str(tmp_path / "kiosk.toml")]) == 78
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("fault    configuration  ")
    assert "camera.fps" in line


@pytest.mark.parametrize(
    ("model_id", "age_s", "says"),
    [
        (MODEL, 0.0, "in use by the running kiosk"),
        (MODEL, FRESH_S + 1, "a recording instead of"),
        ("", 0.0, "a recording instead of"),
    ],
)
def test_a_running_service_tells_of_the_camera_that_it_holds(
    model_id: str, age_s: float, says: str, toml: Callable[[str], Path], tmp_path: Path
) -> None:
    """One that hangs, or that waits for the disk, cannot tell: then the camera is opened."""
    status = ServiceStatus(
        directory=str(tmp_path / "state"),
        pid=os.getpid(),
        pid_start=pid_start(os.getpid()),
        started_s=0.0,
        written_s=time.monotonic() - age_s,
        version="1",
        model_id=model_id,
        camera="ok",
    )
    write_status(tmp_path / "state" / "status.json", status)
    assert says in verdicts(toml(""))["camera"].text


# The broker


def test_a_wrong_password_is_found(
    toml: Callable[[str], Path], mosquitto: Mosquitto, tmp_path: Path
) -> None:
    """The broker is asked with the kiosk's account, and the fault names the keys."""
    mosquitto.password("kiosk", "right")
    mosquitto.restart()
    (tmp_path / "password").write_text("right\n")
    path = toml(at(mosquitto, 'username = "kiosk"', f'password_file = "{tmp_path}/password"'))
    assert verdicts(path)["broker"].verdict == "warning"  # nobody subscribes
    (tmp_path / "password").write_text("wrong\n")
    found = verdicts(path)["broker"]
    assert found.verdict == "fault"
    assert "check mqtt.username and mqtt.password_file" in found.text


def test_topics_that_are_not_granted_are_found(
    toml: Callable[[str], Path], mosquitto: Mosquitto, tmp_path: Path
) -> None:
    """An access list for another kiosk is a fault; one for this kiosk is none."""
    path = toml(at(mosquitto))
    for kiosk, verdict in (("kiosk-2", "fault"), ("kiosk-1", "warning")):
        (tmp_path / "acl").write_text(f"topic readwrite kiosk/v1/school/room-1/{kiosk}/#\n")
        mosquitto.configure("allow_anonymous true", f"acl_file {tmp_path}/acl")
        mosquitto.restart()
        found = verdicts(path)["broker"]
        assert found.verdict == verdict, found
        assert ("refuses kiosk/v1/school/room-1/kiosk-1/" in found.text) == (verdict == "fault")


def test_subscriptions_that_are_not_granted_are_found(
    toml: Callable[[str], Path], mosquitto: Mosquitto
) -> None:
    """A broker that refuses the kiosk's own commands is a fault that names the topic."""
    mosquitto.forbid_subscriptions_except("kiosk/v1/elsewhere/#")
    mosquitto.restart()
    found = verdicts(toml(at(mosquitto)))["broker"]
    assert found.verdict == "fault"
    assert "refuses the subscription to kiosk/v1/school/room-1/kiosk-1/confirmed" in found.text


# As root


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can take on another account")
def test_root_checks_with_the_rights_of_the_service(config: Config, tmp_path: Path) -> None:
    """The process takes on the account that owns the state folder; root keeps its own folder."""
    code = (
        "import os, sys, pathlib\n"
        "from kiosk.check.account import become_service_account\n"
        "from kiosk.config.keys import load_config\n"
        "config = load_config(pathlib.Path(sys.argv[1]))\n"
        "print(become_service_account(config), os.geteuid(), os.getegid())"
    )
    config.directory.mkdir()
    for owner, said in ((0, "None 0 0"), (65534, "nobody 65534 65534")):
        os.chown(config.directory, owner, owner)
        command = [sys.executable, "-c", code, str(tmp_path / "kiosk.toml")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.stdout.strip() == said, done.stderr
