"""The unit, the example configuration and the installer, with systemd's own tools."""

import configparser
import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from kiosk.config import Config, load_config, parse_config

SYSTEMD = Path(__file__).parents[1] / "systemd"
UNIT = SYSTEMD / "kiosk.service"
EXAMPLE = SYSTEMD / "kiosk.toml"
INSTALLER = SYSTEMD / "install.sh"


def needs(tool: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        shutil.which(tool) is None, reason=f"{tool} is not installed (apt-get install {tool})"
    )


def unit() -> dict[str, list[str]]:
    """The unit's settings; those that are given several times have several values."""
    settings: dict[str, list[str]] = {}
    for line in UNIT.read_text().splitlines():
        if "=" in line and not line.startswith("#"):
            key, value = line.split("=", 1)
            settings.setdefault(key, []).append(value)
    return settings


# The unit


@needs("systemd-analyze")
def test_systemd_takes_the_unit_without_a_complaint(tmp_path: Path) -> None:
    """`systemd-analyze verify` finds nothing; the program is replaced by one that is here."""
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
def test_the_sandbox_lets_the_clock_be_asked(call: str) -> None:
    """The calls that tell whether the clock is set are allowed; the power to set it is not."""
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
        ("RestartPreventExitStatus", "78"),
        ("User", "kiosk"),
        ("SupplementaryGroups", "video"),
        ("StateDirectory", "kiosk"),
        ("DevicePolicy", "closed"),
    ],
)
def test_the_unit_promises(key: str, value: str) -> None:
    """Readiness, restarts for ever, no core dump, no swap, one account, cameras only."""
    assert unit()[key] == [value]


@pytest.mark.parametrize("device", ["char-video4linux", "char-media", "char-dma_heap"])
def test_cameras_are_let_through(device: str) -> None:
    """The device classes that V4L2 and libcamera open are allowed for reading and writing."""
    assert f"{device} rw" in unit()["DeviceAllow"]


# The example configuration


def tables() -> configparser.ConfigParser:
    """The example's keys by table, those that are commented out included."""
    parser = configparser.ConfigParser(strict=True, inline_comment_prefixes=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(uncommented())
    return parser


def uncommented() -> str:
    """The example with everything switched on."""
    return re.sub(r"^# (?=\[\[|\w+ = )", "", EXAMPLE.read_text(), flags=re.MULTILINE)


def fields() -> dict[str, set[str]]:
    """Every key of the configuration, by table."""
    tables = {name: set(getattr(Config(), name).__struct_fields__) for name in sections()}
    return {**tables, "[session]": {"name", "days", "start", "end"}}


def sections() -> list[str]:
    return [name for name in Config.__struct_fields__ if name != "session"]


def test_the_example_equals_the_defaults() -> None:
    """As it is, the example changes nothing: it is what a kiosk without a file does."""
    assert load_config(EXAMPLE) == Config()


def test_the_example_holds_every_key() -> None:
    """Each key of the configuration stands in the example, in its table, and none is invented."""
    written = {name: set(table) for name, table in tables().items() if name != "DEFAULT"}
    assert written == fields()


def test_keys_with_a_default_are_switched_on() -> None:
    """Only keys without a default, and the timetable, are commented out."""
    active = {n: set(t) for n, t in tomllib.loads(EXAMPLE.read_text()).items()}
    off = {
        f"{name}.{key}" for name in sections() for key in fields()[name] - active.get(name, set())
    }
    assert off == {"decision.threshold", "decision.unsure_threshold"}
    assert "session" not in active


def test_the_example_stays_valid_with_everything_switched_on() -> None:
    """The lines that are commented out are right as well."""
    config = parse_config(uncommented().encode(), "kiosk.toml")
    assert config.decision.threshold is not None
    assert [s.name for s in config.session] == ["maths-7b"]


def test_every_key_is_explained() -> None:
    """Above each key, or above the group of keys that it belongs to, stands a comment."""
    above = ""
    for line in EXAMPLE.read_text().splitlines():
        if re.match(r"\w+ = ", line):
            assert above.startswith("# ") or re.match(r"\w+ = ", above), line
        above = line


# The installer


@needs("shellcheck")
def test_shellcheck_finds_nothing() -> None:
    """The installer is clean POSIX shell."""
    done = subprocess.run(
        ["shellcheck", str(INSTALLER)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def write_wheel(folder: Path, name: str, version: str, module: str, code: str) -> Path:
    """Write a wheel without dependencies whose module has a ``main``."""
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"{module}.py", code)
        archive.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/entry_points.txt", f"[console_scripts]\nkiosk={module}:main\n")
        archive.writestr(f"{info}/RECORD", "")
    return wheel


def write_kiosk(folder: Path, says: str) -> Path:
    """Write a wheel that stands in for the kiosk: its command says one word."""
    code = f"def main():\n    print({says!r})\n"
    return write_wheel(folder, "attendance_kiosk", "0.1.0", "kiosk_stub", code)


class Machine:
    """A Raspberry Pi's file system in a folder, and the commands that tell what it is.

    ``dpkg`` answers for the Pi's processor, which the machine of this test may not have; all else
    is real. pip finds its packages in a folder, so nothing is downloaded.
    """

    def __init__(
        self, folder: Path, release: str = "bookworm", architecture: str = "arm64"
    ) -> None:
        self.root = folder / "root"
        self.bin = folder / "bin"
        self.wheels = folder / "wheels"
        for path in (self.root / "etc", self.bin, self.wheels):
            path.mkdir(parents=True)
        (self.root / "etc/os-release").write_text(
            f'PRETTY_NAME="Debian GNU/Linux ({release})"\nVERSION_CODENAME={release}\nID=debian\n'
        )
        self._command("dpkg", f"echo {architecture}")
        self._command("python3", f'exec "{sys.executable}" "$@"')
        for version in ("1.26.4", "2.4.0"):
            write_wheel(self.wheels, "numpy", version, "numpy_stub", "")

    def _command(self, name: str, body: str) -> None:
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)

    def run(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Run the installer for this machine."""
        environment = {
            **os.environ,
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.wheels),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        }
        command = ["sh", str(INSTALLER), "--root", str(self.root), *options]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)

    def install(self, says: str) -> None:
        """Install a stand-in for the kiosk, and expect that to work."""
        done = self.run("--wheel", str(write_kiosk(self.wheels, says)))
        assert done.returncode == 0, done.stderr

    def files(self) -> set[str]:
        """Everything in the file system."""
        return {str(p.relative_to(self.root)) for p in self.root.rglob("*")}

    def says(self) -> str:
        """What the installed command prints."""
        command = [self.root / "opt/kiosk/venv/bin/kiosk"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def account(self) -> tuple[int, int]:
        """User and group number of the kiosk's account."""
        _, _, user, group, *_ = next(
            line.split(":")
            for line in (self.root / "etc/passwd").read_text().splitlines()
            if line.startswith("kiosk:")
        )
        return int(user), int(group)


needs_root = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("systemd-sysusers") or not shutil.which("systemctl"),
    reason="needs root, systemd-sysusers and systemctl to install into a folder",
)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """A Bookworm machine with the kiosk on it; tests only look at it."""
    machine = Machine(tmp_path_factory.mktemp("bookworm"))
    machine.install("first")
    return machine


def mode_and_owner(path: Path) -> tuple[int, int, int]:
    facts = path.stat()
    return stat.S_IMODE(facts.st_mode), facts.st_uid, facts.st_gid


@needs_root
def test_files_have_the_modes_that_keep_faces_in(installed: Machine) -> None:
    """State belongs to the kiosk, configuration to root; the kiosk's group reads, others do not."""
    user, group = installed.account()
    assert user != 0
    assert mode_and_owner(installed.root / "var/lib/kiosk") == (0o750, user, group)
    assert mode_and_owner(installed.root / "etc/kiosk") == (0o750, 0, group)
    assert mode_and_owner(installed.root / "etc/kiosk/kiosk.toml") == (0o640, 0, group)


@needs_root
def test_the_account_may_open_cameras_and_not_log_in(installed: Machine) -> None:
    """The kiosk's account is in group video and has no login shell."""
    groups = (installed.root / "etc/group").read_text()
    assert re.search(r"^video:[^:]*:\d+:kiosk$", groups, re.MULTILINE)
    users = (installed.root / "etc/passwd").read_text()
    assert re.search(r"^kiosk:.*:/var/lib/kiosk:.*nologin$", users, re.MULTILINE)


@needs_root
def test_the_service_is_there_and_enabled(installed: Machine) -> None:
    """The unit is installed as it is here, starts at boot, and finds the program it names."""
    folder = installed.root / "etc/systemd/system"
    assert (folder / "kiosk.service").read_text() == UNIT.read_text()
    assert (folder / "multi-user.target.wants/kiosk.service").is_symlink()
    program, *_, configuration = unit()["ExecStart"][0].split()
    assert os.access(installed.root / program.lstrip("/"), os.X_OK)
    assert (installed.root / configuration.lstrip("/")).is_file()


@needs_root
def test_the_command_is_on_the_path(installed: Machine) -> None:
    """Technicians type `kiosk`: the link leads into the environment of the installed system."""
    link = installed.root / "usr/local/bin/kiosk"
    assert link.readlink() == Path("/opt/kiosk/venv/bin/kiosk")
    assert installed.says() == "first"


@needs_root
def test_the_environment_sees_debians_packages(installed: Machine) -> None:
    """The environment lets in python3-picamera2, which only Debian packages."""
    settings = (installed.root / "opt/kiosk/venv/pyvenv.cfg").read_text()
    assert "include-system-site-packages = true" in settings


@needs_root
def test_bookworm_gets_the_numpy_that_picamera2_was_built_for(installed: Machine) -> None:
    """On Bookworm numpy stays below 2 in the kiosk's environment."""
    python = installed.root / "opt/kiosk/venv/bin/python"
    asked = [python, "-c", "from importlib.metadata import version; print(version('numpy'))"]
    done = subprocess.run(asked, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("1.")


@pytest.mark.parametrize(("release", "limited"), [("bookworm", True), ("trixie", False)])
def test_only_bookworm_limits_numpy(release: str, limited: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a column of the table
    """Trixie, whose picamera2 was built for numpy 2, takes any."""
    assert ("numpy<2" in Machine(tmp_path, release).run("--dry-run").stdout) is limited


@needs_root
def test_running_it_again_updates_the_program_and_keeps_the_rest(tmp_path: Path) -> None:
    """A second run brings the new program; settings and data stay until they are purged."""
    machine = Machine(tmp_path, release="trixie")
    machine.install("first")
    settings = machine.root / "etc/kiosk/kiosk.toml"
    gallery = machine.root / "var/lib/kiosk/gallery.npz"
    settings.write_text("# edited\n")
    gallery.write_text("faces")

    machine.install("second")
    assert machine.says() == "second"
    assert settings.read_text() == "# edited\n"
    assert gallery.read_text() == "faces"

    assert machine.run("--uninstall").returncode == 0
    assert settings.exists()
    assert gallery.exists()
    left = machine.files()
    assert not any("opt/kiosk" in f or f.endswith(("kiosk.service", "bin/kiosk")) for f in left)

    assert machine.run("--uninstall", "--purge").returncode == 0
    assert not any("etc/kiosk" in f or "lib/kiosk" in f for f in machine.files())


@needs_root
def test_a_program_that_cannot_be_installed_ends_the_installation(tmp_path: Path) -> None:
    """When pip fails, the installer fails, and no service is enabled."""
    machine = Machine(tmp_path)
    wheel = machine.wheels / "attendance_kiosk-0.1.0-py3-none-any.whl"
    wheel.write_text("broken")
    assert machine.run("--wheel", str(wheel)).returncode != 0
    assert not (machine.root / "etc/systemd").exists()


@pytest.mark.parametrize("options", [[], ["--uninstall"], ["--uninstall", "--purge"]])
def test_a_dry_run_tells_and_does_nothing(options: list[str], tmp_path: Path) -> None:
    """--dry-run prints each command and leaves the file system as it was."""
    machine = Machine(tmp_path)
    (machine.root / "etc/kiosk").mkdir()
    before = machine.files()
    done = machine.run("--dry-run", "--wheel", str(write_kiosk(machine.wheels, "x")), *options)
    assert done.returncode == 0, done.stderr
    commands = [line for line in done.stdout.splitlines() if line.startswith("+ ")]
    assert any("opt/kiosk" in command for command in commands)
    assert machine.files() == before


@pytest.mark.parametrize(
    ("release", "architecture", "status", "says"),
    [
        ("bookworm", "arm64", 0, ""),
        ("trixie", "arm64", 0, ""),
        ("bullseye", "arm64", 69, "Bookworm or Trixie is needed; this is Debian GNU/Linux (bul"),
        ("bookworm", "armhf", 69, "the 64-bit system (arm64) is needed; this one is armhf"),
    ],
)
def test_only_the_systems_that_work_are_accepted(
    release: str, architecture: str, status: int, says: str, tmp_path: Path
) -> None:
    """Another release, or a 32-bit system, is refused in words before anything is done."""
    machine = Machine(tmp_path, release, architecture)
    done = machine.run("--dry-run", "--wheel", str(write_kiosk(machine.wheels, "x")))
    assert done.returncode == status
    assert says in done.stderr


@pytest.mark.parametrize(
    ("options", "status", "says"),
    [
        (["--colour"], 64, "--colour: unknown option"),
        (["--wheel"], 64, "--wheel: expected a file"),
        (["--wheel", "absent.whl"], 66, "absent.whl: cannot be read"),
        (["--purge"], 64, "only with --uninstall"),
        (["--root", "/no/such/folder"], 66, "/no/such/folder: no such folder"),
    ],
)
def test_a_wrong_command_line_is_explained(
    options: Iterable[str], status: int, says: str, tmp_path: Path
) -> None:
    """Each wrong option ends with a message about it and its exit status, and does nothing."""
    machine = Machine(tmp_path)
    before = machine.files()
    done = machine.run("--dry-run", *options)
    assert (done.returncode, machine.files()) == (status, before)
    assert says in done.stderr


def test_without_a_wheel_the_source_tree_is_installed(tmp_path: Path) -> None:
    """The installer in a checkout installs the checkout."""
    done = Machine(tmp_path).run("--dry-run")
    assert f"pip install --quiet {SYSTEMD.parent} numpy<2" in done.stdout


def test_help_names_every_option() -> None:
    """--help lists the options that the installer reads."""
    done = subprocess.run(
        ["sh", str(INSTALLER), "--help"], capture_output=True, text=True, check=True
    )
    read = set(re.findall(r"^ +(--\w[\w-]*)\)", INSTALLER.read_text(), re.MULTILINE))
    assert read == set(re.findall(r"^  (--\w[\w-]*)", done.stdout, re.MULTILINE))
    assert len(read) == 6
