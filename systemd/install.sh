#!/bin/sh
# Install the attendance kiosk on Raspberry Pi OS (Bookworm or Trixie, 64-bit) as a service, or, with
# --register, the central register and its pages on a server (Debian 12 or 13).
# It can be run again at any time, to update the program or to repair the installation.
set -eu

usage() {
    cat <<'USAGE'
Usage: sudo systemd/install.sh [OPTION]...

  --register    the register and its pages, not the kiosk
  --wheel FILE  install this wheel (default: the source tree of this script)
  --wheels DIR  install from this folder, without a network; wheels.sh fills it
  --dry-run     print each command and run none
  --root DIR    install into the system under DIR (an image, also of another architecture), not into
                the running one; starts nothing and installs no Debian package
  --rollback    go back to the program before the last update
  --uninstall   remove the program and the service; keep configuration and data
  --purge       with --uninstall: remove configuration, data and the account too
  --yes         with --purge: do not ask
  --help        print this help
USAGE
}

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
for file in common environment remove; do
    [ -r "$here/installer/$file.sh" ] || {
        echo "install.sh: $here/installer/$file.sh: missing; copy the whole folder systemd" >&2
        exit 66
    }
done
# shellcheck source=systemd/installer/common.sh
. "$here/installer/common.sh"
# shellcheck source=systemd/installer/environment.sh
. "$here/installer/environment.sh"
# shellcheck source=systemd/installer/remove.sh
. "$here/installer/remove.sh"

read_options() {
    part=kiosk wheel='' wheels='' root='' dry=no action=install purge=no yes=no
    while [ $# -gt 0 ]; do
        case $1 in
            --register) part=register ;;
            --wheel) [ $# -ge 2 ] || fail '--wheel: expected a file' 64; wheel=$2; shift ;;
            --wheels) [ $# -ge 2 ] || fail '--wheels: expected a folder' 64; wheels=$2; shift ;;
            --root) [ $# -ge 2 ] || fail '--root: expected a folder' 64; root=${2%/}; shift ;;
            --dry-run) dry=yes ;;
            --rollback) action=rollback ;;
            --uninstall) action=uninstall ;;
            --purge) purge=yes ;;
            --yes) yes=yes ;;
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
    [ -z "$wheels" ] || [ -d "$wheels" ] || fail "--wheels: $wheels: no such folder" 66
    [ "$purge" = no ] || [ "$action" = uninstall ] || fail '--purge: only with --uninstall' 64
    [ "$yes" = no ] || [ "$purge" = yes ] || fail '--yes: only with --purge' 64
    [ "$dry" = yes ] || [ "$(id -u)" = 0 ] || fail 'must be run as root: sudo systemd/install.sh' 77
}

name_paths() {
    if [ "$part" = kiosk ]; then
        name=kiosk services='kiosk.service' example=kiosk.toml
    else
        name=kiosk-register services='kiosk-register.service kiosk-pages.service'
        example=register.toml
    fi
    program=$root/opt/$name
    venv=$program/venv
    command=$root/usr/local/bin/$name
    configuration=$root/etc/$name
    state=$root/var/lib/$name
    units=$root/etc/systemd/system
    account=$root/usr/lib/sysusers.d/$name.conf
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
    # A 64-bit kernel can run 32-bit programs, so the system's own dpkg counts and not uname.
    architecture=$(awk '/^Package: /{ found = $2 } /^Architecture: / && found == "dpkg" { print $2 }' \
        "$root/var/lib/dpkg/status") || fail "$root/var/lib/dpkg/status: cannot be read" 66
    case $architecture in
        arm64 | amd64) ;;
        *) fail "a 64-bit system (arm64, amd64) is needed; this one is ${architecture:-unknown}" 69 ;;
    esac
    for file in $services "$name.sysusers" "$example" "requirements/$part-$release.txt"; do
        [ -r "$here/$file" ] || fail "$here/$file: missing; copy the whole folder systemd" 66
    done
}

installed() { dpkg -s "$1" >/dev/null 2>&1; }

install_debian_packages() {
    [ -z "$root" ] || return 0
    [ -n "$wheels" ] || installed python3-venv || {
        run apt-get update
        run apt-get install -y --no-install-recommends python3-venv
    }
    if [ "$part" = register ] || installed python3-picamera2; then
        return 0
    fi
    [ -n "$wheels" ] || run apt-get install -y --no-install-recommends python3-picamera2 ||
        say 'python3-picamera2 cannot be installed: only USB and network cameras will work'
}

install_account() {
    run install -D -m 0644 "$here/$name.sysusers" "$account"
    run systemd-sysusers --root="${root:-/}" "$account"
}

# Print the number of the account's user (passwd) or group (group) in the target system.
number_of() {
    if [ -r "$root/etc/$1" ]; then
        found=$(awk -F: -v name="$name" '$1 == name { print $3 }' "$root/etc/$1")
    fi
    printf '%s' "${found:-$name}"
}

install_folders() {
    user=$(number_of passwd)
    group=$(number_of group)
    run install -d -m 0750 -o root -g "$group" "$configuration"
    run install -d -m 0700 -o "$user" -g "$group" "$state"
    if [ -e "$configuration/$example" ]; then
        say "$configuration/$example: unchanged"
    else
        run install -m 0640 -o root -g "$group" "$here/$example" "$configuration/$example"
    fi
}

enable_services() {
    if [ -n "$root" ]; then
        run mkdir -p "$units/multi-user.target.wants"
        for service in $services; do
            run ln -sf "/etc/systemd/system/$service" "$units/multi-user.target.wants/$service"
        done
    else
        # shellcheck disable=SC2086  # several services
        run systemctl enable $services
    fi
}

install_all() {
    check_machine
    make_workplace
    find_wheel
    install_debian_packages
    install_account
    build_environment
    try_environment
    install_folders
    install_command
    put_into_service "$environment"
    enable_services
    remove_old_environments
    if [ "$dry" = yes ]; then
        say 'Nothing was changed.'
    else
        say_next
    fi
}

say_next() {
    if [ "$part" = kiosk ]; then
        say 'Installed. Next:'
        say '  sudo nano /etc/kiosk/kiosk.toml    set the broker (mqtt.host), camera and room'
        say '  sudo kiosk --help                  list the commands: enrol people, check everything'
        say '  sudo systemctl start kiosk         then: sudo kiosk status'
    else
        say 'Installed. Next:'
        say '  sudo nano /etc/kiosk-register/register.toml    set broker, time zone and pages.url'
        say '  sudo systemctl start kiosk-register kiosk-pages'
        say '  sudo -u kiosk-register kiosk-register account invite NAME --role administrator'
    fi
}

read_options "$@"
name_paths
"${action}_all"
