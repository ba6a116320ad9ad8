#!/bin/sh
# Install the attendance kiosk on Raspberry Pi OS (Bookworm or Trixie, 64-bit) as a service.
# It can be run again at any time, to update the program or to repair the installation.
set -eu

usage() {
    cat <<'USAGE'
Usage: sudo ./install.sh [OPTION]...

  --wheel FILE  install this wheel (default: the source tree of this script)
  --dry-run     print each command and run none
  --root DIR    install into the system under DIR (an image), not into the running one;
                starts nothing and installs no Debian package
  --uninstall   remove the program and the service; keep configuration and data
  --purge       with --uninstall: remove configuration, gallery, events and the account too
  --help        print this help
USAGE
}

fail() {
    printf 'install.sh: %s\n' "$1" >&2
    exit "${2:-1}"
}

say() { printf '%s\n' "$1"; }

# Run a command; with --dry-run, print it instead.
run() {
    if [ "$dry" = yes ]; then
        printf '+ %s\n' "$*"
    else
        "$@"
    fi
}

read_options() {
    wheel='' root='' dry=no action=install purge=no
    while [ $# -gt 0 ]; do
        case $1 in
            --wheel) [ $# -ge 2 ] || fail '--wheel: expected a file' 64; wheel=$2; shift ;;
            --root) [ $# -ge 2 ] || fail '--root: expected a folder' 64; root=${2%/}; shift ;;
            --dry-run) dry=yes ;;
            --uninstall) action=uninstall ;;
            --purge) purge=yes ;;
            --help) usage; exit 0 ;;
            *) usage >&2; fail "$1: unknown option" 64 ;;
        esac
        shift
    done
    case $root in
        '' | /*) ;;
        *) root=$(pwd)/$root ;;
    esac
    [ -z "$root" ] || [ -d "$root" ] || fail "--root: $root: no such folder" 66
    [ "$purge" = no ] || [ "$action" = uninstall ] || fail '--purge: only with --uninstall' 64
    [ "$dry" = yes ] || [ "$(id -u)" = 0 ] || fail 'must be run as root: sudo ./install.sh' 77
}

name_paths() {
    here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
    program=$root/opt/kiosk
    venv=$program/venv
    command=$root/usr/local/bin/kiosk
    configuration=$root/etc/kiosk
    state=$root/var/lib/kiosk
    unit=$root/etc/systemd/system/kiosk.service
    account=$root/usr/lib/sysusers.d/kiosk.conf
}

# Print a field of os-release without its quotes.
os_field() { sed -n "s/^$1=//p" "$root/etc/os-release" | tr -d "\"'"; }

check_machine() {
    [ -r "$root/etc/os-release" ] || fail "$root/etc/os-release: cannot be read" 66
    release=$(os_field VERSION_CODENAME)
    case $release in
        bookworm | trixie) ;;
        *) fail "Raspberry Pi OS Bookworm or Trixie is needed; this is $(os_field PRETTY_NAME)" 69 ;;
    esac
    # A 64-bit kernel can run 32-bit programs, so dpkg decides and not uname.
    architecture=$(dpkg --print-architecture) || fail 'dpkg is needed, but it failed' 69
    [ "$architecture" = arm64 ] ||
        fail "the 64-bit system (arm64) is needed; this one is $architecture" 69
    for file in kiosk.service kiosk.sysusers kiosk.toml; do
        [ -r "$here/$file" ] || fail "$here/$file: missing; run install.sh in its own folder" 66
    done
}

find_source() {
    if [ -n "$wheel" ]; then
        [ -r "$wheel" ] || fail "--wheel: $wheel: cannot be read" 66
        source=$wheel
    else
        source=$(dirname -- "$here")
        [ -r "$source/pyproject.toml" ] ||
            fail "$source/pyproject.toml: missing; give a wheel with --wheel FILE" 66
    fi
}

installed() { dpkg -s "$1" >/dev/null 2>&1; }

install_debian_packages() {
    [ -z "$root" ] || return 0
    if installed python3-venv && installed python3-picamera2; then
        return 0
    fi
    run apt-get update
    run apt-get install -y --no-install-recommends python3-venv
    run apt-get install -y --no-install-recommends python3-picamera2 ||
        say 'python3-picamera2 cannot be installed: only USB and network cameras will work'
}

install_program() {
    run mkdir -p "$program"
    # The environment includes the system's packages for python3-picamera2, which only Debian has.
    # For an existing environment this command repairs it, also after an upgrade of Python.
    run python3 -m venv --system-site-packages "$venv"
    # Bookworm builds python3-picamera2 for numpy 1, and it cannot be imported with numpy 2.
    numpy=numpy
    [ "$release" != bookworm ] || numpy='numpy<2'
    run "$venv/bin/python" -m pip install --quiet "$source" "$numpy"
    # Once more for the kiosk alone: pip skips a program whose version number did not change.
    run "$venv/bin/python" -m pip install --quiet --force-reinstall --no-deps "$source"
    run mkdir -p "$(dirname -- "$command")"
    run ln -sfn /opt/kiosk/venv/bin/kiosk "$command"
}

install_account() {
    run install -D -m 0644 "$here/kiosk.sysusers" "$account"
    run systemd-sysusers --root="${root:-/}" "$account"
}

# Print the number of the user (passwd) or group (group) kiosk in the target system.
number_of() {
    if [ -r "$root/etc/$1" ]; then
        found=$(awk -F: '$1 == "kiosk" { print $3 }' "$root/etc/$1")
    fi
    printf '%s' "${found:-kiosk}"
}

install_folders() {
    user=$(number_of passwd)
    group=$(number_of group)
    run install -d -m 0750 -o root -g "$group" "$configuration"
    run install -d -m 0700 -o "$user" -g "$group" "$state"
    if [ -e "$configuration/kiosk.toml" ]; then
        say "$configuration/kiosk.toml: unchanged"
    else
        run install -m 0640 -o root -g "$group" "$here/kiosk.toml" "$configuration/kiosk.toml"
    fi
}

install_service() {
    run install -D -m 0644 "$here/kiosk.service" "$unit"
    if [ -n "$root" ]; then
        run systemctl --root="$root" enable kiosk.service
    else
        run systemctl daemon-reload
        run systemctl enable kiosk.service
        run systemctl try-restart kiosk.service
    fi
}

install_all() {
    check_machine
    find_source
    install_debian_packages
    install_account
    install_program
    install_folders
    install_service
    say 'Installed. Next:'
    say '  sudo nano /etc/kiosk/kiosk.toml    set the broker (mqtt.host), camera and room'
    say '  sudo -u kiosk kiosk --help         list the commands: enrol people, check the model'
    say '  sudo systemctl start kiosk         then: journalctl -u kiosk -f'
}

uninstall_all() {
    if [ -n "$root" ]; then
        [ ! -e "$unit" ] || run systemctl --root="$root" disable kiosk.service
    elif [ -e "$unit" ]; then
        run systemctl disable --now kiosk.service
    fi
    run rm -f "$unit" "$command"
    run rm -rf "$program"
    [ -n "$root" ] || run systemctl daemon-reload
    if [ "$purge" = yes ]; then
        run rm -rf "$configuration" "$state" "$account"
        [ -n "$root" ] || ! id kiosk >/dev/null 2>&1 || run userdel kiosk
        say 'Removed, including configuration, gallery and events.'
    else
        say "Removed. Kept: $configuration, $state and the account kiosk (see --purge)."
    fi
}

read_options "$@"
name_paths
"${action}_all"
