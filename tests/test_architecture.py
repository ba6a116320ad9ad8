"""How the house is laid out: who may import whom, and what the errors are."""

import ast
import graphlib
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from kiosk import errors
from kiosk.errors import KioskError

pytestmark = pytest.mark.source
REPOSITORY = Path(__file__).parents[1]
PACKAGES = ("kiosk", "train", "convert")


def dotted(path: Path) -> str:
    """``kiosk/outbox/outbox.py`` is ``kiosk.outbox.outbox``, a folder's ``__init__`` the folder."""
    parts = path.relative_to(REPOSITORY).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {
    dotted(path): path
    for package in PACKAGES
    for path in sorted((REPOSITORY / package).rglob("*.py"))
}
BASE = {
    "files": set[str](),
    "config": {"files"},
    "people": {"files", "config"},
}
"""The rooms that serve all others, and the order among themselves."""
ROOMS = BASE | {
    "camera": set[str](),
    "recognition": set[str](),
    "protocol": set[str](),
    "outbox": set[str](),
    "mqtt": {"protocol"},
    "feedback": set[str](),
    "daemon": {"camera", "recognition", "protocol", "outbox", "mqtt", "feedback", "erasure"},
    "watch": {"protocol", "mqtt"},
    "register": {"protocol", "mqtt"},
    "enrolment": {"camera", "recognition"},
    "erasure": {"recognition", "outbox"},
    "gallery": {"recognition", "enrolment", "erasure"},
    "demo": {
        *("camera", "recognition", "protocol", "mqtt", "daemon", "enrolment", "watch", "register")
    },
    "check": {"camera", "recognition", "protocol", "mqtt", "daemon", "feedback"},
    "bench": {"camera", "recognition", "outbox", "daemon", "demo"},
}
"""The rooms of the kiosk, each with those that it may import beside ``BASE``; every other arrow is
forbidden."""


def may_import(room: str) -> set[str]:
    """The rooms that a room may import, itself included."""
    return {room, *ROOMS[room], *(() if room in BASE else BASE)}


STAGES = {
    "camera": {f"camera.{name}" for name in ("base", "open", "opencv", "picamera2", "replay")},
    "detect": {"recognition.detect"},
    "track": {"recognition.track"},
    "quality": {"recognition.quality"},
    "align": {"recognition.align"},
    "embed": {f"recognition.{name}" for name in ("embed", "bundle", "card", "tflite")},
    "match": {f"recognition.{name}" for name in ("gallery", "old_galleries", "match")},
    "decide": {"recognition.decide", "recognition.walk"},
    "outbox": {
        f"outbox.{name}"
        for name in (
            *("outbox", "erase", "errors", "file", "last", "memory", "open", "reader", "rescue"),
            *("rows", "schema", "space", "trim"),
        )
    },
    "publish": {
        f"mqtt.{name}"
        for name in (
            *("publisher", "worker", "connection", "subscriber", "inbox", "in_flight"),
            *("announcements", "register_link", "sender", "outage"),
        )
    },
}
"""The stages of the flow, with the modules that make up each."""
WEB = {"django", "uvicorn", "starlette", "flask", "fastapi", "asgiref", "psycopg"}
WORKSTATION = {"train", "convert", "tensorflow", "keras", "torch", "jax", "matplotlib", "onnx"}
RUNTIMES = {"ai_edge_litert", "tflite_runtime"}


@cache
def tree(path: Path) -> ast.Module:
    """Parse a file once for all tests."""
    return ast.parse(path.read_text())


@cache
def imports(path: Path) -> frozenset[str]:
    """Return every module that a file imports, at its top or within a function."""
    return frozenset(_imports(path))


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            assert node.level == 0, f"{path}: imports are absolute here"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def strings(path: Path) -> Iterator[str]:
    """Yield every text of a file."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def kiosk_modules() -> dict[str, Path]:
    return {name: path for name, path in MODULES.items() if name.partition(".")[0] == "kiosk"}


@pytest.mark.parametrize("name", kiosk_modules())
def test_the_kiosk_imports_nothing_of_the_workstation(name: str) -> None:
    """No module of the kiosk imports train, convert or a training framework, not even late."""
    roots = {found.partition(".")[0] for found in imports(MODULES[name])}
    assert not roots & WORKSTATION


def room_of(name: str) -> str | None:
    """The room that a module of the kiosk stands in; ``None`` for one beside the rooms."""
    parts = name.split(".")
    return parts[1] if parts[0] == "kiosk" and len(parts) > 1 and parts[1] in ROOMS else None


def test_every_folder_of_the_kiosk_is_a_room() -> None:
    """A new folder states which rooms it may import."""
    folders = {path.parent.name for path in (REPOSITORY / "kiosk").glob("*/__init__.py")}
    assert folders == set(ROOMS)


@pytest.mark.parametrize(
    ("room", "other"),
    [(room, other) for room in ROOMS for other in ROOMS if other not in may_import(room)],
)
def test_a_room_imports_only_the_rooms_it_may(room: str, other: str) -> None:
    """Data flows one way: the arrow from ``room`` to ``other`` does not exist."""
    arrows = {
        (name, found)
        for name, path in kiosk_modules().items()
        if room_of(name) == room
        for found in imports(path)
        if room_of(found) == other
    }
    assert not arrows


SHARED = {
    *("cli", "clock", "contract", "counted", "decoder", "errors", "logs", "printable", "records"),
    *("reload_request", "service_status", "text_table"),
}
"""What stands beside the rooms and serves all of them."""


@pytest.mark.parametrize("name", sorted(SHARED))
def test_what_all_rooms_share_imports_no_room(name: str) -> None:
    """A shared module knows nothing of those who use it."""
    found = {room_of(found) for found in imports(MODULES[f"kiosk.{name}"])}
    assert found <= {None, *BASE}


def test_what_stands_beside_the_rooms_is_shared_or_a_command() -> None:
    """Only the command line may join rooms from outside of them."""
    beside = {path.stem for path in (REPOSITORY / "kiosk").glob("*.py")}
    assert beside == {"__init__", "__main__", *SHARED}


@pytest.mark.parametrize("stage", STAGES)
def test_stages_import_no_other_stage(stage: str) -> None:
    """Data flows from stage to stage through pipeline, recorder and daemon alone."""
    others = {f"kiosk.{m}" for name, group in STAGES.items() if name != stage for m in group}
    for module in STAGES[stage]:
        assert not others & set(imports(MODULES[f"kiosk.{module}"])), module


def test_one_module_alone_imports_the_runtimes() -> None:
    """Whoever wants to run a model goes through kiosk.recognition.tflite."""
    importers = {
        name
        for name, path in MODULES.items()
        for found in [*imports(path), *strings(path)]
        if found.partition(".")[0] in RUNTIMES
    }
    assert importers == {"kiosk.recognition.tflite"}


def test_recognition_reads_the_configuration_in_one_module() -> None:
    """Detector, tracker and decision rule take plain values; ``recogniser`` reads the file."""
    importers = {name for name in kiosk_modules() if "kiosk.config.keys" in imports(MODULES[name])}
    assert {name for name in importers if room_of(name) == "recognition"} == {
        "kiosk.recognition.recogniser"
    }


def test_modules_import_only_those_above() -> None:
    """There is an order of all modules in which each imports earlier ones only."""
    graph = {name: {m for m in imports(path) if m in MODULES} for name, path in MODULES.items()}
    assert len([*graphlib.TopologicalSorter(graph).static_order()]) == len(MODULES)


def loaded_by(*names: str) -> set[str]:
    """The packages that a fresh interpreter holds after these imports."""
    code = f"import sys, {', '.join(names)}; print(*{{n.partition('.')[0] for n in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, check=True, capture_output=True, text=True
    )
    return set(done.stdout.split())


def test_running_the_kiosk_loads_neither_training_framework_nor_web_framework() -> None:
    """All that the daemon, the commands on people and the demonstration import leaves both out."""
    loaded = loaded_by("kiosk.daemon.signals", "kiosk.enrolment.command", "kiosk.demo.run")
    assert {"cv2", "paho"} <= loaded
    assert not loaded & (WORKSTATION | WEB)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_command_starts_without_the_heavy_libraries(package: str) -> None:
    """--help and mistakes are answered at once: a command imports what it needs, and late."""
    loaded = loaded_by(f"{package}.__main__")
    assert not loaded & {*RUNTIMES, "cv2", "paho", "tensorflow", "keras", "torch", "matplotlib"}


# Errors


def leaves() -> list[type[KioskError]]:
    found = [value for value in vars(errors).values() if isinstance(value, type)]
    return [one for one in found if issubclass(one, KioskError) and one is not KioskError]


@pytest.mark.parametrize("error", leaves())
def test_every_error_stands_in_the_tree(error: type[KioskError]) -> None:
    """The tree of the module's docstring names each error with the builtin that it also is."""
    assert errors.__doc__ is not None
    (line,) = [line for line in errors.__doc__.splitlines() if f"─ {error.__name__} " in f"{line} "]
    builtin = next(base for base in error.__mro__ if base.__module__ == "builtins")
    assert KioskError in error.__bases__ or "    │   " in line or "    └" in line
    if KioskError in error.__bases__:
        assert f"({builtin.__name__})" in line
    assert 64 <= error.exit_code <= 78


def test_only_our_errors_are_raised_for_others_to_catch() -> None:
    """What a module raises is one of the tree, or a programmer's mistake."""
    # What argparse alone catches is the mistake of who typed the option.
    mistakes = {"ValueError", "KeyError", "TypeError", "argparse.ArgumentTypeError"}
    mistakes |= {"ValidationError"}  # what Django's forms alone catch
    ours = {KioskError.__name__, *(one.__name__ for one in leaves())}
    # These raise what picamera2 raises, and what the system does.
    fakes = {"kiosk.camera.fake_picamera2", "kiosk.files.atomic_file"}
    for name, path in kiosk_modules().items():
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                raised = ast.unparse(node.exc.func)
                assert name in fakes or raised in ours | mistakes, (name, raised)
