"""The commands: what they print, how they fail, and that the documentation lists them."""

import argparse
import importlib
import json
import logging
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from kiosk import cli
from kiosk.__main__ import main
from kiosk.config.keys import CameraSection
from kiosk.demo.sample_people import enrolment_photos
from kiosk.enrolment import command as enrol_command
from kiosk.enrolment.person import Enrolled
from kiosk.gallery import manage as people
from kiosk.recognition.bundle import default_bundle
from kiosk.recognition.enrol import Rejected
from kiosk.recognition.gallery import Gallery, save_gallery
from tests import documents
from tests.mosquitto import free_port
from tests.support import needs_photos, write_config
from tests.support_recognition import embedding, picture, small_bundle, write_folder

REPOSITORY = Path(__file__).parents[2]
PROGRAMS = {"kiosk": "kiosk", "kiosk-train": "train", "kiosk-convert": "convert"}
MODEL = small_bundle().card.model_id


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Restore the log levels: a command sets them for its process."""
    loggers = [logging.getLogger(), logging.getLogger("kiosk")]
    levels = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture
def folder(bundle_path: Path, tmp_path: Path) -> Path:
    """Create kiosk.toml, a gallery of two people, and files that are wrong in one way each."""
    (tmp_path / "state").mkdir()
    save_gallery(tmp_path / "state" / "gallery.npz", gallery_of(MODEL))
    write_folder(tmp_path / "empty", [np.full((240, 320, 3), 128, np.uint8)])
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "roster.csv").write_text("subject_id,name\n")
    (tmp_path / "twice.csv").write_text("subject_id,name\ns-1,Ada\ns-1,Bob\n")
    write_config(tmp_path, bundle_path)
    for name, old, new in (
        ("bad", "[state]", "[camera]\nfps = 0\n[state]"),
        ("other", "[state]", f'[state]\ngallery = "{tmp_path}/other.npz"'),
        ("none", "[state]", f'[state]\ngallery = "{tmp_path}/none.npz"'),
        ("cut", str(bundle_path), f"{tmp_path}/cut.kiosk-model"),
        ("twice", "roster.csv", "twice.csv"),
        ("rate", "[state]", "[decision]\nfpir = 0.5\n[state]"),
        ("old", "[model]", '[model]\nruntime = "tflite-runtime"'),
        ("closed", "[state]", f'[mqtt]\nhost = "127.0.0.1"\nport = {free_port()}\n[state]'),
    ):
        text = (tmp_path / "kiosk.toml").read_text()
        (tmp_path / f"{name}.toml").write_text(text.replace(old, new))
    save_gallery(tmp_path / "other.npz", gallery_of("other"))
    (tmp_path / "cut.kiosk-model").write_bytes(bundle_path.read_bytes()[:999])
    return tmp_path


def gallery_of(model_id: str) -> Gallery:
    return Gallery(model_id, {"s-1": embedding(1)[None], "s-2": embedding(2)[None]})


def command(folder: Path, line: str) -> list[str]:
    """Split a command line; ``@x`` is a file of the folder."""
    return [str(folder / word[1:]) if word.startswith("@") else word for word in shlex.split(line)]


# Failing


@pytest.mark.parametrize(
    ("line", "code", "says"),
    [
        ("gallery list --config @absent.toml", 78, "absent.toml: cannot be read"),
        ("gallery list --config @bad.toml", 78, "bad.toml: camera.fps: "),
        ("gallery list --config @none.toml", 65, "none.npz: absent; enrol people"),
        ("gallery renew --config @cut.toml", 65, "cut.kiosk-model: not a complete model bundle"),
        ("gallery renew --config @kiosk.toml", 65, "which is in use already"),
        ("enrol s-3 @text.jpg --config @other.toml", 65, "other.npz: belongs to other"),
        ("gallery remove s-9 --config @kiosk.toml", 65, "subject 's-9' is not enrolled"),
        ("gallery export @no/out.npz --config @kiosk.toml", 65, "no/out.npz: cannot be written"),
        ("gallery import @text.jpg --config @kiosk.toml", 65, "text.jpg: not a complete gallery"),
        ("enrol s-3 @empty/0000.png --config @kiosk.toml", 65, "0000.png: no face"),
        (
            "enrol s-3 @text.jpg --config @kiosk.toml",
            65,
            "text.jpg: unreadable; expected a picture",
        ),
        ("enrol s-3 @absent.jpg --config @kiosk.toml", 65, "absent.jpg: cannot be read"),
        ("enrol s-3 --config @kiosk.toml", 78, "enrol: expected photos or --camera"),
        ("enrol a/b @text.jpg --config @kiosk.toml", 78, "subject id 'a/b'"),
        ("run --config @bad.toml", 78, "bad.toml: camera.fps: "),
        ("run --config @rate.toml", 78, "decision.fpir: 0.5 is not on the model card"),
        ("watch --config @kiosk.toml", 78, "mqtt.host: needed to watch"),
        ("watch --port 99999 --config @closed.toml", 78, "--port: 99999, expected 1 to 65535"),
        ("watch --config @closed.toml", 69, "cannot be reached"),
    ],
)
def test_a_failure_is_one_line_and_an_exit_code(
    line: str, code: int, says: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A failing command prints one line on standard error, and nothing on standard output."""
    assert main(command(folder, line)) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("kiosk: ")
    assert says in printed.err
    assert printed.err.count("\n") == 1


@pytest.mark.skipif(
    importlib.util.find_spec("tflite_runtime") is not None, reason="tflite-runtime is installed"
)
def test_a_missing_runtime_is_an_error(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The other runtime is not used instead; systemd does not restart after this exit code."""
    assert main(command(folder, "check --config @old.toml")) == 78
    said = capsys.readouterr().out
    assert "model.runtime: tflite-runtime is not installed; `pip install tflite-runtime`" in said
    assert 'set model.runtime = "ai-edge-litert"' in said


@pytest.mark.parametrize("line", ["", "gallery", "enrol", "dance", "run --fast", "watch --limit 0"])
def test_wrong_usage_prints_the_usage(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An invalid command line prints the usage and exits with 2."""
    with pytest.raises(SystemExit) as caught:
        main(shlex.split(line))
    assert caught.value.code == 2
    said = capsys.readouterr().err
    assert "usage: kiosk" in said
    assert "--limit" not in line or "expected a whole number of 1 or more" in said


def test_the_process_exits_with_the_code_and_the_line(folder: Path) -> None:
    """The process prints our line alone, and no note of LiteRT or OpenCV."""
    line = command(folder, "-m kiosk enrol s-3 @empty/0000.png --config @kiosk.toml")
    done = subprocess.run(
        [sys.executable, *line],
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY,
    )
    assert (done.returncode, done.stdout) == (65, "")
    assert done.stderr == f"kiosk: no usable picture ({folder}/empty/0000.png: no face)\n"


def test_an_unreadable_default_configuration_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A user who may not look into /etc/kiosk learns that, instead of a traceback."""

    def refuse(path: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(cli, "DEFAULT_CONFIG", tmp_path / "kiosk.toml")
    for name in ("stat", "iterdir"):
        monkeypatch.setattr(Path, name, refuse)
    monkeypatch.setattr("kiosk.config.sources.read_file", refuse)
    assert main(["gallery", "list"]) == 78
    said = capsys.readouterr().err
    assert re.fullmatch(rf"kiosk: {tmp_path}/kiosk.toml\S*: cannot be read \(Perm.*\)\n", said)


@pytest.mark.skipif(not default_bundle().exists(), reason="no default model bundle yet")
def test_the_version_names_program_and_model(capsys: pytest.CaptureFixture[str]) -> None:
    """`kiosk --version` needs no configuration."""
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert re.fullmatch(r"attendance-kiosk \d\S+, model \S+\n", capsys.readouterr().out)


def test_ctrl_c_prints_no_traceback(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupted command exits with 130, as shells expect."""

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(people, "list_people", interrupt)
    assert main(command(folder, "gallery list --config @kiosk.toml")) == 130


# Succeeding


def run(folder: Path, line: str, capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    """Run a command that must succeed, and return what it printed."""
    assert main([*command(folder, line), "--config", str(folder / "kiosk.toml")]) == 0
    printed = capsys.readouterr()
    return printed.out, printed.err


def test_gallery_commands_print_what_they_did(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each action prints its result as text or as JSON."""
    assert run(folder, "gallery list", capsys)[0] == "s-1\t1\ns-2\t1\n"
    assert json.loads(run(folder, "gallery list --json", capsys)[0]) == {"s-1": 1, "s-2": 1}
    assert re.fullmatch(
        r"version 0, hash [0-9a-f]{12}, 2 people\n", run(folder, "gallery version", capsys)[0]
    )
    assert json.loads(run(folder, "gallery version --json", capsys)[0])["model_id"] == MODEL
    assert run(folder, "gallery export @out.npz", capsys)[0] == f"{folder}/out.npz: 2 people\n"
    out, err = run(folder, "gallery remove s-1", capsys)
    assert (out.splitlines()[0], err) == ("s-1: erased from the gallery", "")
    assert "\nnot erased by this: " in out
    facts = json.loads(run(folder, "gallery remove s-2 --json", capsys)[0])
    assert (facts["gallery"], facts["old_galleries"], facts["roster"]) == (True, [], False)
    assert (facts["attended"], facts["kiosk"], facts["failed"]) == (False, "not running", [])
    assert run(folder, "gallery import @out.npz", capsys)[0].splitlines() == [
        f"{folder}/state/gallery.npz: 0 people, 0 added, 0 replaced",
        "s-1: was erased, and is not imported (--again imports them)",
        "s-2: was erased, and is not imported (--again imports them)",
    ]
    assert run(folder, "gallery import @out.npz --again", capsys)[0].endswith(
        "gallery.npz: 2 people, 2 added, 0 replaced\n"
    )
    assert run(folder, "gallery rekey", capsys)[0] == "gallery.npz: has a new key\n"
    other = Gallery(MODEL, {"s-1": embedding(1)[None], "s-2": embedding(9)[None]})
    save_gallery(folder / "other.npz", other)
    assert main(command(folder, "gallery import @other.npz --config @kiosk.toml")) == 65
    assert "enrolled here with another face: s-2; " in capsys.readouterr().err
    assert run(folder, "gallery import @out.npz --replace", capsys)[0]
    assert json.loads(run(folder, "gallery import @other.npz --replace --json", capsys)[0]) == {
        "people": 2,
        "added": [],
        "replaced": ["s-1"],
        "another_face": ["s-2"],
        "removed": [],
        "refused": [],
        "erased": [],
        "failed": [],
    }


def test_a_gallery_of_another_model_is_listed_with_a_note_and_renewed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The note on standard error names the way out; after it, an erasure covers the old file."""
    (folder / "roster.csv").write_text("subject_id,name\ns-2,Ada\n")
    save_gallery(folder / "state" / "gallery.npz", gallery_of("other"))
    out, err = run(folder, "gallery list", capsys)
    assert out == "s-1\t1\ns-2\t1\n"
    version, note = err.splitlines()
    assert re.fullmatch(r"version 0, hash [0-9a-f]{12}, 2 people", version)
    assert note.startswith(f"note: {folder}/state/gallery.npz: belongs to other")
    out, err = run(folder, "gallery renew", capsys)
    empty, kept, *again = out.splitlines()
    assert empty == f"{folder}/state/gallery.npz: empty, for model {MODEL}"
    assert re.fullmatch(r".*/gallery\.old-\d{4}-\d\d-\d\d-other\.npz: kept, with 2 people .*", kept)
    assert (again, err) == (["s-1", "s-2\tAda"], "")
    assert re.match(
        r"s-1: erased from gallery\.old-.*-other\.npz\nnot erased by this: ",
        run(folder, "gallery remove s-1", capsys)[0],
    )


def test_an_incomplete_erasure_has_an_exit_code(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What could not be erased is on standard error with its reason; the exit code is 75."""
    (folder / "roster.csv").write_text("no header\n")
    assert main(command(folder, "gallery remove s-1 --config @kiosk.toml")) == 75
    printed = capsys.readouterr()
    assert printed.out.startswith("s-1: erased from the gallery\n")
    assert printed.err.startswith(f"not erased: roster: {folder}/roster.csv:1: ")


def test_a_renewal_is_printed_as_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The JSON has the model, the old file, and a name or null for each person."""
    save_gallery(folder / "state" / "gallery.npz", gallery_of("other"))
    facts = json.loads(run(folder, "gallery renew --json", capsys)[0])
    assert Path(facts.pop("kept")).exists()
    assert facts == {"model_id": MODEL, "enrol_again": {"s-1": None, "s-2": None}}


@needs_photos
def test_enrolling_prints_templates_and_rejected_photos(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Templates are on standard output; rejected and too few photos are on standard error."""
    one = picture(enrolment_photos("orl-s12")[0])
    write_folder(folder / "ada", [one, np.full_like(one, 128)])
    out, err = run(folder, "enrol s-3 @ada/0000.png @ada/0001.png", capsys)
    assert out == "s-3: 1 template\n"
    assert err.splitlines() == [
        f"rejected {folder}/ada/0001.png: no face",
        "warning: usable pictures of s-3: 1; with fewer than 3 the door misses a person more often",
    ]


@needs_photos
@pytest.mark.parametrize(
    "options", ["--name Zoe --config @twice.toml", '--name " " --config @kiosk.toml']
)
def test_nobody_is_enrolled_when_the_roster_rejects_the_name(options: str, folder: Path) -> None:
    """An invalid roster or an empty name leaves the gallery unchanged."""
    write_folder(folder / "ada", [picture(enrolment_photos("orl-s12")[0])])
    gallery = folder / "state" / "gallery.npz"
    before = gallery.read_bytes()
    assert main(command(folder, f"enrol s-3 @ada/0000.png {options}")) == 65
    assert gallery.read_bytes() == before


def test_a_similar_person_is_a_warning(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The warning and the JSON name the enrolled person who could be confused with the new one."""
    outcome = Enrolled("s-3", 3, (Rejected("b.jpg", "blurred"),), ("s-2",), "another face")
    monkeypatch.setattr(enrol_command, "enrol", lambda *_args, **_options: outcome)
    out, err = run(folder, "enrol s-3 a.jpg b.jpg --json", capsys)
    assert json.loads(out) == {
        "subject": "s-3",
        "enrolled": True,
        "reason": None,
        "templates": 3,
        "rejected": [{"photo": "b.jpg", "reason": "blurred"}],
        "near": ["s-2"],
        "replaced": "another face",
        "renamed": False,
    }
    assert "s-3 looks similar to s-2" in err
    out, _ = run(folder, "enrol s-3 a.jpg b.jpg", capsys)
    assert out == "s-3: 3 templates, replaced another face\n"


@pytest.fixture
def without_amqtt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide amqtt, as on a Raspberry Pi, where install.sh does not install the extra "demo"."""
    monkeypatch.setitem(sys.modules, "amqtt", None)


NO_BROKER = "kiosk: mqtt.host: empty, and the broker for trials is not installed; set "


@pytest.mark.usefixtures("without_amqtt")
def test_a_daemon_without_any_broker_does_not_start(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It prints one line with the key, and systemd does not restart after its exit code."""
    assert main(command(folder, "run --config @kiosk.toml")) == 78
    printed = capsys.readouterr()
    assert printed.err.startswith(NO_BROKER)
    assert "attendance-kiosk[demo]" in printed.err
    assert printed.err.count("\n") == 1
    assert not (folder / "state" / "outbox.sqlite3").exists()


@needs_photos
@pytest.mark.slow
@pytest.mark.skipif(
    not default_bundle().exists(), reason="kiosk/default.kiosk-model is not there yet"
)
def test_the_demo_recognises_the_sample_people(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`kiosk demo` names exactly the enrolled people, not the stranger, and exits with 0."""
    assert main(["demo", "--fast", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert facts["recognised"] == facts["expected"]
    assert facts["stranger_named"] is False


@needs_photos
@pytest.mark.parametrize("faces", ["orl-s05", None])
def test_a_demo_with_a_camera_enrols_the_person_in_front_of_it(
    faces: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """That person becomes "you"; without a person the demo continues."""
    empty = np.full((240, 320, 3), 128, np.uint8)
    seen = empty if faces is None else picture(enrolment_photos(faces)[0])
    folder = write_folder(tmp_path / "frames", [seen] * 9)
    replay = CameraSection(backend="replay", source=str(folder), pace="fast")
    monkeypatch.setattr("kiosk.demo.run.CameraSection", lambda **_: replay)
    assert main(["demo", "--camera", "0"]) == 0
    said = capsys.readouterr().out
    assert "Look at the camera" in said
    assert ("Nobody was enrolled from the camera" in said) == (faces is None)
    events = [line for line in said.splitlines() if re.search(r"\byou\b", line)]
    assert bool(events) == (faces is not None)


# All commands


def parser_of(program: str) -> argparse.ArgumentParser:
    module = importlib.import_module(f"{PROGRAMS[program]}.__main__")
    parser: argparse.ArgumentParser = module._parser()
    return parser


def commands(parser: argparse.ArgumentParser) -> Iterator[tuple[str, ...]]:
    """Yield a parser's own command line, and those of all its sub-commands."""
    yield ()
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                yield from ((name, *rest) for rest in commands(below))


@pytest.mark.parametrize(
    "words", [(program, *words) for program in PROGRAMS for words in commands(parser_of(program))]
)
def test_every_command_has_help(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """For each command of each program, --help prints the usage and exits with 0."""
    program, *rest = words
    module = importlib.import_module(f"{PROGRAMS[program]}.__main__")
    with pytest.raises(SystemExit) as caught:
        module.main([*rest, "--help"])
    assert caught.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: {' '.join(words)}")


COMMAND = re.compile(rf"(?:sudo (?:-u kiosk )?)?(?:\S*/)?({'|'.join(PROGRAMS)})(?: (.*))?")


def written_commands() -> list[tuple[str, str]]:
    """Return program and arguments of each command of ours in the pages' shell blocks."""
    lines = [part.strip() for line in documents.shell_lines() for part in line.split("&&")]
    found = [COMMAND.fullmatch(line) for line in lines]
    return [(match[1], match[2] or "") for match in found if match]


@pytest.mark.parametrize(("program", "arguments"), written_commands())
def test_the_written_commands_are_valid(program: str, arguments: str) -> None:
    """The program's parser accepts each command of the documentation."""
    parser_of(program).parse_args(shlex.split(arguments, comments=True))


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_documentation_mentions_every_command(program: str) -> None:
    """No command of a program is missing from the documentation."""
    text = documents.text()
    for words in commands(parser_of(program)):
        assert len(words) != 1 or f"{program} {words[0]}" in text, words
