"""The installer, run into a folder with the file system of a Raspberry Pi."""

import ensurepip
import hashlib
import os
import re
import shutil
import stat
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

SYSTEMD = Path(__file__).parents[2] / "systemd"
UNIT = SYSTEMD / "kiosk.service"
INSTALLER = SYSTEMD / "install.sh"


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="apt-get install shellcheck")
def test_shellcheck_finds_nothing() -> None:
    """The scripts are clean POSIX shell."""
    scripts = [*SYSTEMD.glob("*.sh"), *Path(__file__).parent.glob("*.sh")]
    command = ["shellcheck", "-x", *map(str, scripts)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=SYSTEMD.parent)
    assert (done.returncode, done.stdout) == (0, "")
    assert len(scripts) >= 3


def write_wheel(folder: Path, name: str, version: str, files: dict[str, str]) -> Path:
    """Write a wheel without dependencies."""
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    facts = {
        "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": "",
    }
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in (
            files | {f"{info}/{path}": text for path, text in facts.items()}
        ).items():
            archive.writestr(path, text)
    return wheel


def write_kiosk(folder: Path, says: str) -> Path:
    """Write a wheel that replaces the kiosk: its command prints one word."""
    main = f"def main():\n    print({says!r})\n"
    files = {"kiosk/__init__.py": "", "kiosk/__main__.py": main}
    return write_wheel(folder, "attendance_kiosk", "0.1.0", files)


def pip_wheel() -> Path:
    """Find the pip that this Python makes environments with; Debian's is in another folder."""
    bundled = Path(ensurepip.__file__).parent / "_bundled"
    folder = Path(sysconfig.get_config_var("WHEEL_PKG_DIR") or bundled)
    return next(folder.glob("pip-*.whl"))


class Machine:
    """A Raspberry Pi's file system in a folder, and a stick with all that is installed.

    The installer is a copy whose lock files name one package, ``locked``. All commands are real,
    and pip has its packages from the stick, so nothing is downloaded.
    """

    def __init__(
        self, folder: Path, release: str = "bookworm", architecture: str = "arm64"
    ) -> None:
        self.root = folder / "root"
        self.path: Path | None = None
        self.stick = folder / "memory stick"
        self.systemd = folder / "source" / "systemd"
        for path in (self.root / "etc", self.root / "var/lib/dpkg", self.stick):
            path.mkdir(parents=True)
        (self.root / "etc/os-release").write_text(
            f'PRETTY_NAME="Debian GNU/Linux ({release})"\nVERSION_CODENAME={release}\nID=debian\n'
        )
        (self.root / "var/lib/dpkg/status").write_text(
            "Package: apt\nArchitecture: all\n\n"
            f"Package: dpkg\nStatus: install ok installed\nArchitecture: {architecture}\n"
        )
        shutil.copytree(SYSTEMD, self.systemd)
        (self.systemd.parent / "pyproject.toml").touch()
        self.lock(write_wheel(self.stick, "locked", "1.0", {"locked.py": ""}))
        shutil.copy(pip_wheel(), self.stick)
        write_kiosk(self.stick, "first")

    def lock(self, wheel: Path) -> None:
        """Have the lock files name a wheel with its hash."""
        name, version, *_ = wheel.name.split("-")
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        for path in (self.systemd / "requirements").glob("*-*.txt"):
            path.write_text(f"{name}=={version} --hash=sha256:{digest}\n")

    def run(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Run the installer for this machine."""
        command = ["sh", str(self.systemd / "install.sh"), "--root", str(self.root), *options]
        # Not by the shims of pyenv, which are slow.
        path = f"{Path(sys.executable).parent}:{Path(sys.base_prefix) / 'bin'}:{os.environ['PATH']}"
        path = str(self.path or path)
        return subprocess.run(
            command, capture_output=True, text=True, check=False, env={**os.environ, "PATH": path}
        )

    def hide(self, program: str) -> None:
        """Have the installer's machine lack a program."""
        self.path = self.root.with_name("bin")
        self.path.mkdir()
        for folder in map(Path, ("/usr/sbin", "/usr/bin", "/sbin", "/bin")):
            for one in folder.iterdir():
                link = self.path / one.name
                if one.name != program and not link.is_symlink():
                    link.symlink_to(one)

    def install(self, *options: str) -> None:
        """Install from the stick; the installation must succeed."""
        done = self.run("--wheels", str(self.stick), *options)
        assert done.returncode == 0, done.stderr

    def update(self, says: str) -> None:
        """Install another replacement for the kiosk."""
        write_kiosk(self.stick, says)
        self.install()

    def files(self) -> set[str]:
        """Return all paths in the file system."""
        return {str(p.relative_to(self.root)) for p in self.root.rglob("*")}

    def says(self) -> str:
        """Return what the installed command prints."""
        (module,) = (self.root / "opt/kiosk/venv/").glob("lib/*/site-packages/kiosk/__main__.py")
        return module.read_text().split("'")[1]

    def environments(self) -> set[str]:
        """Return the environments that are there."""
        return {path.name for path in (self.root / "opt/kiosk").glob("venv-*")}

    def link(self, name: str) -> str:
        """Return the environment that a link names."""
        return str((self.root / "opt/kiosk" / name).readlink())

    def account(self, name: str = "kiosk") -> tuple[int, int]:
        """Return user and group number of an account."""
        _, _, user, group, *_ = next(
            line.split(":")
            for line in (self.root / "etc/passwd").read_text().splitlines()
            if line.startswith(f"{name}:")
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
    machine.install()
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
    """The command `kiosk` is a link into the environment in use, whose program names that."""
    link = installed.root / "usr/local/bin/kiosk"
    assert link.readlink() == Path("/opt/kiosk/venv/bin/kiosk")
    program = installed.root / "opt/kiosk/venv/bin/kiosk"
    assert os.access(program, os.X_OK)
    first, *_ = program.read_text().splitlines()
    assert first == f"#!/opt/kiosk/{installed.link('venv')}/bin/python"


@pytest.mark.slow
@needs_root
def test_the_environment_is_that_of_the_image(installed: Machine) -> None:
    """It has the Python of the image's release, and Debian's packages, for python3-picamera2."""
    environment = installed.root / "opt/kiosk/venv"
    assert (environment / "bin/python").readlink() == Path("/usr/bin/python3.11")
    assert "include-system-site-packages = true" in (environment / "pyvenv.cfg").read_text()
    site = environment / "lib/python3.11/site-packages"
    assert {path.stem for path in site.glob("*.py")} == {"locked"}


@pytest.mark.slow
@needs_root
def test_an_image_is_made_without_the_pi_s_python(tmp_path: Path) -> None:
    """A workstation of another release installs all the same, and says what that costs."""
    machine = Machine(tmp_path, release="trixie")
    machine.hide("python3.13")
    done = machine.run("--wheels", str(machine.stick))
    assert done.returncode == 0, done.stderr
    assert "There is no python3.13 on this machine, so the modules are not compiled" in done.stdout
    assert "sudo python3 -m compileall -qq /opt/kiosk/venv/lib" in done.stdout
    assert (machine.root / "opt/kiosk/venv/bin/kiosk").exists()
    assert not list((machine.root / "opt").rglob("__pycache__"))


@pytest.mark.slow
@needs_root
def test_the_installed_program_runs(installed: Machine) -> None:
    """Where this machine has the Python of the image, it runs the program that was laid out."""
    environment = installed.root / "opt/kiosk/venv"
    if not Path("/usr/bin/python3.11").exists():
        pytest.skip("there is no /usr/bin/python3.11 here")
    command = [
        str(environment / "bin/python"),
        "-c",
        "import locked, kiosk.__main__ as k; k.main()",
    ]
    bare = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=installed.root, env=bare
    )
    assert done.stdout == "first\n"


@pytest.mark.slow
@needs_root
def test_an_update_switches_and_a_rollback_goes_back(tmp_path: Path) -> None:
    """The program before stays, with its unit; older ones go; settings and data stay."""
    machine = Machine(tmp_path, release="trixie")
    unit = machine.root / "etc/systemd/system/kiosk.service"
    machine.install()
    kept = [machine.root / "etc/kiosk/kiosk.toml", machine.root / "var/lib/kiosk/gallery.npz"]
    for path in kept:
        path.write_text("# edited\n")
    for says in ("second", "third"):
        before = machine.link("venv")
        (machine.systemd / "kiosk.service").write_text(f"# {says}\n")
        machine.update(says)
        assert machine.says() == says
        assert machine.link("previous") == before
        assert machine.environments() == {before, machine.link("venv")}
    for says in ("second", "third"):
        done = machine.run("--rollback")
        assert done.returncode == 0, done.stderr
        assert machine.says() == says
        assert unit.read_text() == f"# {says}\n"
    assert [path.read_text() for path in kept] == ["# edited\n"] * 2


@pytest.mark.slow
@needs_root
def test_an_environment_of_an_older_installer_is_the_one_to_go_back_to(tmp_path: Path) -> None:
    """Its folder `venv` is renamed, and becomes a link."""
    machine = Machine(tmp_path)
    site = machine.root / "opt/kiosk/venv/lib/python3.11/site-packages/kiosk"
    site.mkdir(parents=True)
    (site / "__main__.py").write_text("print('older')\n")
    machine.install()
    assert machine.says() == "first"
    assert machine.run("--rollback").returncode == 0
    assert machine.says() == "older"


@needs_root
def test_without_an_earlier_program_a_rollback_is_an_error(tmp_path: Path) -> None:
    """The message names the folder."""
    done = Machine(tmp_path).run("--rollback")
    assert done.returncode == 69
    assert "opt/kiosk: there is no program of before" in done.stderr


@pytest.mark.slow
@needs_root
@pytest.mark.parametrize("fault", ["wheel", "hash", "absent"])
def test_a_failure_midway_leaves_the_old_program(
    fault: str, installed: Machine, tmp_path: Path
) -> None:
    """A broken wheel, or a package with another hash or none, changes nothing that is in use."""
    stick = tmp_path / "stick"
    shutil.copytree(installed.stick, stick)
    if fault == "wheel":
        next(stick.glob("attendance_kiosk-*")).write_text("broken")
    elif fault == "hash":
        write_wheel(stick, "locked", "1.0", {"locked.py": "import forged"})
    else:
        next(stick.glob("locked-*")).unlink()
    before = installed.files()
    assert installed.run("--wheels", str(stick)).returncode != 0
    assert installed.files() == before
    assert installed.says() == "first"


@pytest.mark.slow
@needs_root
def test_a_first_installation_that_fails_enables_nothing(tmp_path: Path) -> None:
    """Neither unit nor environment is left."""
    machine = Machine(tmp_path)
    next(machine.stick.glob("attendance_kiosk-*")).write_text("broken")
    assert machine.run("--wheels", str(machine.stick)).returncode != 0
    assert not (machine.root / "etc/systemd").exists()
    assert machine.environments() == set()


@pytest.mark.slow
@needs_root
def test_uninstalling_keeps_settings_and_data_until_purge(
    installed: Machine, tmp_path: Path
) -> None:
    """--purge removes them, and the changes of `systemctl edit` and the credential."""
    machine = Machine(tmp_path)
    shutil.rmtree(machine.root)
    shutil.copytree(installed.root, machine.root, symlinks=True)
    extra = [
        machine.root / "etc/systemd/system/kiosk.service.d/override.conf",
        machine.root / "etc/credstore.encrypted/kiosk-gallery",
    ]
    for path in extra:
        path.parent.mkdir(parents=True)
        path.touch()
    data = ["etc/kiosk/kiosk.toml", "var/lib/kiosk"]
    assert machine.run("--uninstall").returncode == 0
    left = machine.files()
    assert {*data, *(str(path.relative_to(machine.root)) for path in extra)} <= left
    assert not any("opt/kiosk" in f or f.endswith(("kiosk.service", "bin/kiosk")) for f in left)
    assert machine.run("--uninstall", "--purge").returncode == 0
    assert not any(re.search(r"/kiosk(\b|-)", path) for path in machine.files())


@pytest.mark.slow
@needs_root
def test_the_register_is_installed_with_its_pages(tmp_path: Path) -> None:
    """Its own folder, account and command; both units are enabled; a kiosk may be beside it."""
    machine = Machine(tmp_path, "trixie", "amd64")
    (machine.root / "opt/kiosk/venv").mkdir(parents=True)
    machine.install("--register")
    user, group = machine.account("kiosk-register")
    assert mode_and_owner(machine.root / "var/lib/kiosk-register") == (0o700, user, group)
    assert mode_and_owner(machine.root / "etc/kiosk-register/register.toml") == (0o640, 0, group)
    for unit in ("kiosk-register.service", "kiosk-pages.service"):
        folder = machine.root / "etc/systemd/system"
        assert (folder / unit).read_text() == (SYSTEMD / unit).read_text()
        assert (folder / "multi-user.target.wants" / unit).is_symlink()
    command = machine.root / "usr/local/bin/kiosk-register"
    assert os.access(command, os.X_OK)
    assert 'exec /opt/kiosk-register/venv/bin/kiosk register "$@"' in command.read_text()
    settings = (machine.root / "opt/kiosk-register/venv/pyvenv.cfg").read_text()
    assert "include-system-site-packages = false" in settings
    assert machine.run("--register", "--uninstall", "--purge").returncode == 0
    left = machine.files()
    assert not any("kiosk-register" in path or "kiosk-pages" in path for path in left)
    assert "opt/kiosk/venv" in left


@pytest.mark.parametrize("options", [[], ["--uninstall"], ["--uninstall", "--purge"]])
def test_a_dry_run_prints_commands_and_runs_none(options: list[str], tmp_path: Path) -> None:
    """--dry-run prints each command and leaves the file system unchanged."""
    machine = Machine(tmp_path)
    (machine.root / "etc/kiosk").mkdir()
    before = machine.files()
    done = machine.run("--dry-run", "--wheels", str(machine.stick), *options)
    assert done.returncode == 0, done.stderr
    assert "nstalled" not in done.stdout
    assert done.stdout.endswith("Nothing was changed.\n")
    commands = [line for line in done.stdout.splitlines() if line.startswith("+ ")]
    assert any("opt/kiosk" in command for command in commands)
    assert machine.files() == before


@pytest.mark.parametrize(
    ("release", "architecture", "status", "says"),
    [
        ("bookworm", "arm64", 0, ""),
        ("trixie", "arm64", 0, ""),
        ("bullseye", "arm64", 69, "Bookworm or Trixie is needed; this is Debian GNU/Linux (bul"),
        ("trixie", "amd64", 0, ""),
        ("bookworm", "armhf", 69, "a 64-bit system (arm64, amd64) is needed; this one is armhf"),
    ],
)
def test_only_supported_systems_are_accepted(
    release: str, architecture: str, status: int, says: str, tmp_path: Path
) -> None:
    """Another release or a 32-bit system is an error before anything is changed."""
    machine = Machine(tmp_path, release, architecture)
    done = machine.run("--dry-run", "--wheels", str(machine.stick))
    assert done.returncode == status
    assert says in done.stderr


@pytest.mark.parametrize(
    ("options", "status", "says"),
    [
        (["--colour"], 64, "--colour: unknown option"),
        (["--wheel"], 64, "--wheel: expected a file"),
        (["--wheel", "absent.whl"], 66, "absent.whl: cannot be read"),
        (["--wheels", "/no/such/stick"], 66, "/no/such/stick: no such folder"),
        (["--wheels", "/etc/systemd"], 66, "/etc/systemd: expected one file pip-*.whl"),
        (["--purge"], 64, "only with --uninstall"),
        (["--yes"], 64, "only with --purge"),
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
    """The installer in a source tree builds and installs that tree, from a copy."""
    machine = Machine(tmp_path)
    done = machine.run("--dry-run")
    built = re.search(r"pip wheel .*--wheel-dir \S+ (\S+)$", done.stdout, re.MULTILINE)
    assert built
    assert f"+ cp -R {machine.systemd.parent}/kiosk {built[1]}" in done.stdout
    assert not Path(built[1]).is_relative_to(machine.systemd.parent)


@pytest.mark.source
@pytest.mark.slow
def test_a_build_leaves_nothing_in_the_checkout(tmp_path: Path) -> None:
    """The wheel is built from a copy, so a module that was deleted is in no later wheel."""
    pytest.importorskip("setuptools")
    source = tmp_path / "source"
    for name in ("kiosk", "train", "convert"):
        (source / name).mkdir(parents=True)
        (source / name / "__init__.py").touch()
    (source / "kiosk/deleted.py").touch()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(SYSTEMD.parent / name, source)
    (source / "kiosk/default.kiosk-model.NOTICE").touch()
    wheels: list[set[str]] = []
    for number in (1, 2):
        before = set(source.rglob("*"))
        script = (
            f'. "{SYSTEMD}/installer/common.sh"; set -eu; dry=no here="{SYSTEMD}"; make_workplace;'
            f'tools="{sys.executable}"; build_wheel "{source}" "{tmp_path}/{number}"'
        )
        subprocess.run(["sh", "-c", script], check=True, capture_output=True)
        assert set(source.rglob("*")) == before
        (wheel,) = (tmp_path / str(number)).glob("*.whl")
        wheels.append(set(zipfile.ZipFile(wheel).namelist()))
        (source / "kiosk/deleted.py").unlink(missing_ok=True)
    assert {path for path in wheels[0] ^ wheels[1] if path.endswith(".py")} == {"kiosk/deleted.py"}


def test_help_lists_every_option() -> None:
    """--help lists the options that the installer reads."""
    done = subprocess.run(
        ["sh", str(INSTALLER), "--help"], capture_output=True, text=True, check=True
    )
    read = set(re.findall(r"^ +(--\w[\w-]*)\)", INSTALLER.read_text(), re.MULTILINE))
    assert read == set(re.findall(r"^  (--\w[\w-]*)", done.stdout, re.MULTILINE))
    assert len(read) == 10
