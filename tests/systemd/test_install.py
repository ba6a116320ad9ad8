"""The installer, run into a folder with the file system of a Raspberry Pi."""

import os
import re
import shutil
import stat
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

SYSTEMD = Path(__file__).parents[2] / "systemd"
UNIT = SYSTEMD / "kiosk.service"
INSTALLER = SYSTEMD / "install.sh"


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="apt-get install shellcheck")
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
    """Write a wheel that replaces the kiosk: its command prints one word."""
    code = f"def main():\n    print({says!r})\n"
    return write_wheel(folder, "attendance_kiosk", "0.1.0", "kiosk_stub", code)


class Machine:
    """A Raspberry Pi's file system in a folder, and the commands that describe the system.

    ``dpkg`` is replaced and prints the Pi's architecture, which this machine may not have; all
    other commands are real. pip finds its packages in a folder, so nothing is downloaded.
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
        """Install a replacement for the kiosk; the installation must succeed."""
        done = self.run("--wheel", str(write_kiosk(self.wheels, says)))
        assert done.returncode == 0, done.stderr

    def files(self) -> set[str]:
        """Return all paths in the file system."""
        return {str(p.relative_to(self.root)) for p in self.root.rglob("*")}

    def says(self) -> str:
        """Return what the installed command prints."""
        command = [self.root / "opt/kiosk/venv/bin/kiosk"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    def account(self) -> tuple[int, int]:
        """Return user and group number of the kiosk's account."""
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
    """A Bookworm machine with the kiosk installed; tests do not change it."""
    machine = Machine(tmp_path_factory.mktemp("bookworm"))
    machine.install("first")
    return machine


def mode_and_owner(path: Path) -> tuple[int, int, int]:
    facts = path.stat()
    return stat.S_IMODE(facts.st_mode), facts.st_uid, facts.st_gid


@pytest.mark.slow
@needs_root
def test_only_the_kiosks_account_and_root_can_read_its_files(installed: Machine) -> None:
    """The kiosk alone uses the state; root owns the configuration, and its group reads that."""
    user, group = installed.account()
    assert user != 0
    assert mode_and_owner(installed.root / "var/lib/kiosk") == (0o700, user, group)
    assert mode_and_owner(installed.root / "etc/kiosk") == (0o750, 0, group)
    assert mode_and_owner(installed.root / "etc/kiosk/kiosk.toml") == (0o640, 0, group)


@pytest.mark.slow
@needs_root
def test_the_account_can_open_cameras_and_not_log_in(installed: Machine) -> None:
    """The kiosk's account is in group video and has no login shell."""
    groups = (installed.root / "etc/group").read_text()
    assert re.search(r"^video:[^:]*:\d+:kiosk$", groups, re.MULTILINE)
    users = (installed.root / "etc/passwd").read_text()
    assert re.search(r"^kiosk:.*:/var/lib/kiosk:.*nologin$", users, re.MULTILINE)


@pytest.mark.slow
@needs_root
def test_the_service_is_installed_and_enabled(installed: Machine) -> None:
    """The unit is copied unchanged, starts at boot, and its program and configuration exist."""
    folder = installed.root / "etc/systemd/system"
    assert (folder / "kiosk.service").read_text() == UNIT.read_text()
    assert (folder / "multi-user.target.wants/kiosk.service").is_symlink()
    started = re.search(r"^ExecStart=(\S+) .* (\S+)$", UNIT.read_text(), re.MULTILINE)
    assert started
    program, configuration = started.groups()
    assert os.access(installed.root / program.lstrip("/"), os.X_OK)
    assert (installed.root / configuration.lstrip("/")).is_file()


@pytest.mark.slow
@needs_root
def test_the_command_is_on_the_path(installed: Machine) -> None:
    """The command `kiosk` is a link into the environment of the installed system."""
    link = installed.root / "usr/local/bin/kiosk"
    assert link.readlink() == Path("/opt/kiosk/venv/bin/kiosk")
    assert installed.says() == "first"


@pytest.mark.slow
@needs_root
def test_the_environment_includes_debians_packages(installed: Machine) -> None:
    """The environment can import python3-picamera2, which only Debian packages."""
    settings = (installed.root / "opt/kiosk/venv/pyvenv.cfg").read_text()
    assert "include-system-site-packages = true" in settings


@pytest.mark.slow
@needs_root
def test_bookworm_gets_the_numpy_that_picamera2_was_built_for(installed: Machine) -> None:
    """On Bookworm the kiosk's environment has a numpy below 2."""
    python = installed.root / "opt/kiosk/venv/bin/python"
    asked = [str(python), "-c", "from importlib.metadata import version; print(version('numpy'))"]
    done = subprocess.run(asked, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("1.")


@pytest.mark.parametrize(("release", "limited"), [("bookworm", True), ("trixie", False)])
def test_only_bookworm_limits_numpy(release: str, limited: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a column of the table
    """On Trixie, whose picamera2 was built for numpy 2, any version is installed."""
    assert ("numpy<2" in Machine(tmp_path, release).run("--dry-run").stdout) is limited


@pytest.mark.slow
@needs_root
def test_a_second_run_updates_the_program_and_keeps_the_rest(tmp_path: Path) -> None:
    """The program is replaced; settings and data stay until --purge removes them."""
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


@pytest.mark.slow
@needs_root
def test_a_failure_of_pip_ends_the_installation(tmp_path: Path) -> None:
    """When pip fails, the installer fails, and no service is enabled."""
    machine = Machine(tmp_path)
    wheel = machine.wheels / "attendance_kiosk-0.1.0-py3-none-any.whl"
    wheel.write_text("broken")
    assert machine.run("--wheel", str(wheel)).returncode != 0
    assert not (machine.root / "etc/systemd").exists()


@pytest.mark.parametrize("options", [[], ["--uninstall"], ["--uninstall", "--purge"]])
def test_a_dry_run_prints_commands_and_runs_none(options: list[str], tmp_path: Path) -> None:
    """--dry-run prints each command and leaves the file system unchanged."""
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
def test_only_supported_systems_are_accepted(
    release: str, architecture: str, status: int, says: str, tmp_path: Path
) -> None:
    """Another release or a 32-bit system is an error before anything is changed."""
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
def test_a_wrong_option_is_an_error(
    options: Iterable[str], status: int, says: str, tmp_path: Path
) -> None:
    """The message names the option, the exit status is its own, and nothing is changed."""
    machine = Machine(tmp_path)
    before = machine.files()
    done = machine.run("--dry-run", *options)
    assert (done.returncode, machine.files()) == (status, before)
    assert says in done.stderr


def test_without_a_wheel_the_source_tree_is_installed(tmp_path: Path) -> None:
    """The installer in a source tree installs that tree."""
    done = Machine(tmp_path).run("--dry-run")
    assert f"pip install --quiet {SYSTEMD.parent} numpy<2" in done.stdout


def test_help_lists_every_option() -> None:
    """--help lists the options that the installer reads."""
    done = subprocess.run(
        ["sh", str(INSTALLER), "--help"], capture_output=True, text=True, check=True
    )
    read = set(re.findall(r"^ +(--\w[\w-]*)\)", INSTALLER.read_text(), re.MULTILINE))
    assert read == set(re.findall(r"^  (--\w[\w-]*)", done.stdout, re.MULTILINE))
    assert len(read) == 6
