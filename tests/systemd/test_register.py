"""The register's unit, checked with systemd's own tools, and its example configuration."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from kiosk.config.file import Section
from kiosk.register.config import REGISTER_FILE, OidcSection, RegisterConfig, SiteSection
from kiosk.register.rules.codes import CODES, Code, CodeSection

SYSTEMD = Path(__file__).parents[2] / "systemd"
UNIT = SYSTEMD / "kiosk-register.service"
UNITS = [UNIT, SYSTEMD / "kiosk-pages.service"]
EXAMPLE = SYSTEMD / "register.toml"
LISTS: dict[str, type[Section]] = {
    "code": CodeSection,
    "oidc": OidcSection,
    "site": SiteSection,
}
"""The tables of which there may be several, and which the example comments out."""

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


@needs_systemd
def test_systemd_accepts_the_units_without_a_warning(tmp_path: Path) -> None:
    """`systemd-analyze verify` finds nothing; the program is replaced by an installed one."""
    copies = [tmp_path / unit.name for unit in UNITS]
    program = "/opt/kiosk-register/venv/bin/kiosk"
    for unit, copy in zip(UNITS, copies, strict=True):
        text = unit.read_text().replace(f"ExecStart={program}", f"ExecStart={sys.executable}")
        copy.write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", *map(str, copies)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_the_sandbox_is_tight(unit: Path) -> None:
    """`systemd-analyze security` rates the exposure 1.5 or better (10 is worst)."""
    command = ["systemd-analyze", "security", "--offline=yes", "--no-pager", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"Overall exposure level for .*: ([\d.]+)", done.stdout)
    assert found, done.stderr
    assert float(found[1]) <= 1.5


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_the_units_name_the_paths_of_the_configuration(unit: Path) -> None:
    """The folder that systemd creates is the one that the register writes to."""
    text = unit.read_text()
    assert "\nStateDirectory=kiosk-register\n" in text
    assert " --config /etc/kiosk-register/register.toml\n" in text
    assert RegisterConfig().database.path.startswith("/var/lib/kiosk-register/")
    assert (SYSTEMD / "kiosk-register.sysusers").read_text().splitlines()[-1].startswith(
        "u kiosk-register "
    )  # fmt: skip


def test_the_example_equals_the_defaults() -> None:
    """The example gives the same configuration as no file, and has every key."""
    assert REGISTER_FILE.load(EXAMPLE) == RegisterConfig()
    written = {name: set(table) for name, table in tomllib.loads(EXAMPLE.read_text()).items()}
    assert written == {
        name: set(getattr(RegisterConfig(), name).__struct_fields__)
        for name in RegisterConfig.__struct_fields__
        if name not in LISTS
    }


def test_the_example_shows_every_key_of_the_lists() -> None:
    """The lines that are commented out are valid, and say what is the default."""
    text = re.sub(r"^# (?=\[\[|\w+ = )", "", EXAMPLE.read_text(), flags=re.MULTILINE)
    written = tomllib.loads(text)
    for name, section in LISTS.items():
        assert [set(one) for one in written[name]] == [set(section.__struct_fields__)]
    config = REGISTER_FILE.parse(text.encode(), "register.toml")
    assert [one.facts for one in config.code] == [CODES[Code.EXCUSED]]
    assert config.zone_of("tijuana").key == "America/Tijuana"


def test_every_key_is_explained() -> None:
    """A comment is above each key."""
    above = ""
    for line in EXAMPLE.read_text().splitlines():
        if re.match(r"\w+ = ", line):
            assert above.startswith("# "), line
        if re.match(r"# \w+ = ", line):
            assert re.match(r"# [A-Z]", above), line
        above = line
