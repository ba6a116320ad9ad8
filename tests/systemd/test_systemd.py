"""The unit, checked with systemd's own tools, and the example configuration."""

import configparser
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from kiosk.config.keys import Config, load_config, parse_config

SYSTEMD = Path(__file__).parents[2] / "systemd"
UNIT = SYSTEMD / "kiosk.service"
EXAMPLE = SYSTEMD / "kiosk.toml"


def needs(tool: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        shutil.which(tool) is None, reason=f"{tool} is not installed (apt-get install {tool})"
    )


def unit() -> dict[str, list[str]]:
    """Return the unit's settings; a setting that is repeated has several values."""
    settings: dict[str, list[str]] = {}
    for line in UNIT.read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            key, value = line.split("=", 1)
            settings.setdefault(key, []).append(value)
    return settings


# The unit


@needs("systemd-analyze")
def test_systemd_accepts_the_unit_without_a_warning(tmp_path: Path) -> None:
    """`systemd-analyze verify` finds nothing; the program is replaced by an installed one."""
    copy = tmp_path / "kiosk.service"
    copy.write_text(UNIT.read_text().replace("/opt/kiosk/venv/bin/kiosk", sys.executable))
    done = subprocess.run(
        ["systemd-analyze", "verify", str(copy)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs("systemd-analyze")
def test_the_sandbox_is_tight() -> None:
    """`systemd-analyze security` rates the exposure 2.0 or better (10 is worst)."""
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--no-pager", str(UNIT)],
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"Overall exposure level for kiosk.service: ([\d.]+)", done.stdout)
    assert found, done.stderr
    assert float(found[1]) <= 2.0


@needs("systemd-analyze")
@pytest.mark.parametrize("call", ["adjtimex", "clock_adjtime"])
def test_the_sandbox_allows_reading_the_clock_state(call: str) -> None:
    """The calls that return whether the clock is synchronised are allowed; to set it is not."""
    assert call in unit()["SystemCallFilter"][-1].split()
    assert "ProtectClock" not in unit()
    assert unit()["CapabilityBoundingSet"] == [""]


def test_the_kiosk_starts_without_a_network() -> None:
    """The unit waits neither for the network nor for the time."""
    waited_for = " ".join(
        value for key in ("After", "Wants", "Requires", "BindsTo") for value in unit().get(key, [])
    )
    assert not re.search(r"network|time", waited_for)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("Type", "notify"),
        ("Restart", "always"),
        ("StartLimitIntervalSec", "0"),
        ("LimitCORE", "0"),
        ("MemorySwapMax", "0"),
        ("RestartPreventExitStatus", "65 78"),
        ("ExecReload", "/opt/kiosk/venv/bin/kiosk reload --config /etc/kiosk/kiosk.toml"),
        ("RuntimeDirectory", "kiosk"),
        ("User", "kiosk"),
        ("SupplementaryGroups", "video"),
        ("StateDirectory", "kiosk"),
        ("DevicePolicy", "closed"),
    ],
)
def test_the_unit_has_the_settings_that_the_documents_promise(key: str, value: str) -> None:
    """Readiness, unlimited restarts, no core dump, no swap, one account, cameras only."""
    assert unit()[key] == [value]


@pytest.mark.parametrize("device", ["char-video4linux", "char-media", "char-dma_heap"])
def test_the_sandbox_allows_cameras(device: str) -> None:
    """The device classes that V4L2 and libcamera open are allowed for reading and writing."""
    assert f"{device} rw" in unit()["DeviceAllow"]


# The example configuration


def tables() -> configparser.ConfigParser:
    """Return the example's keys by table, including those that are commented out."""
    parser = configparser.ConfigParser(strict=True, inline_comment_prefixes=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(uncommented())
    return parser


def uncommented() -> str:
    """Return the example with all commented keys active."""
    return re.sub(r"^# (?=\[\[|\w+ = )", "", EXAMPLE.read_text(), flags=re.MULTILINE)


def fields() -> dict[str, set[str]]:
    """Return every key of the configuration, by table."""
    tables = {name: set(getattr(Config(), name).__struct_fields__) for name in sections()}
    return {**tables, "[lesson]": {"name", "days", "start", "end"}}


def sections() -> list[str]:
    return [name for name in Config.__struct_fields__ if name != "lesson"]


def test_the_example_equals_the_defaults() -> None:
    """The example gives the same configuration as no file."""
    assert load_config(EXAMPLE) == Config()


def test_the_example_contains_every_key() -> None:
    """The example has exactly the keys of the configuration, in their tables."""
    written = {name: set(table) for name, table in tables().items() if name != "DEFAULT"}
    assert written == fields()


def test_keys_with_a_default_are_active() -> None:
    """Only keys without a default, and the timetable, are commented out."""
    active = {n: set(t) for n, t in tomllib.loads(EXAMPLE.read_text()).items()}
    off = {
        f"{name}.{key}" for name in sections() for key in fields()[name] - active.get(name, set())
    }
    pins = {f"signals.{key}" for key in fields()["signals"] if key.endswith("_pin")}
    assert off == {"decision.threshold", "decision.unsure_threshold", *pins}
    assert "lesson" not in active


def test_the_example_is_valid_with_every_key_active() -> None:
    """The lines that are commented out are valid, too."""
    config = parse_config(uncommented().encode(), "kiosk.toml")
    assert config.decision.threshold is not None
    assert [s.name for s in config.lesson] == ["maths-7b"]


def test_every_key_is_explained() -> None:
    """A comment is above each key, or above the group of keys that it belongs to."""
    above = ""
    for line in EXAMPLE.read_text().splitlines():
        if re.match(r"\w+ = ", line):
            assert above.startswith("# ") or re.match(r"\w+ = ", above), line
        above = line
