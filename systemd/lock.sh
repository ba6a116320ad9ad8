#!/bin/sh
# Write the lock files in requirements/: each package that is installed, its version, and the hashes
# of its files. Run it in a checkout with .venv, after a change of the dependencies in pyproject.toml:
#
#   systemd/lock.sh              keep the versions that still fit
#   systemd/lock.sh --upgrade    take the newest
#
# Kiosk and register have the same packages on arm64 and amd64; otherwise this fails.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=systemd/installer/common.sh
. "$here/installer/common.sh"

uv=${UV:-$here/../.venv/bin/uv}
[ -x "$uv" ] || fail "$uv: missing; run tests/run once, or: .venv/bin/pip install uv" 69

# Compile one lock file: uv's arguments; the last but one is -o, and the last the file.
compile() {
    "$uv" pip compile --quiet --generate-hashes --only-binary :all: --no-annotate --no-header "$@"
}

# Compile a lock file for both architectures: name, release, uv's arguments.
compile_both() {
    name=$1-$2 python=$(python_of "$2")
    shift 2
    for machine in aarch64 x86_64; do
        cp "$here/requirements/$name.txt" "$work/$machine.txt" 2>/dev/null || true
        compile --python-version "$python" --python-platform "$machine-manylinux_2_36" \
            "$here/../pyproject.toml" "$@" -o "$work/$machine.txt"
    done
    cmp "$work/aarch64.txt" "$work/x86_64.txt" || fail "$name: arm64 and amd64 differ" 65
    cp "$work/aarch64.txt" "$here/requirements/$name.txt"
    rm "$work/aarch64.txt" "$work/x86_64.txt"
    say "requirements/$name.txt"
}

make_workplace
# uv does not read upper limits of Requires-Python: from 1.3 on this is for Python 3.10 and older.
echo 'backports-strenum<1.3' >"$work/limits.txt"
# Bookworm builds python3-picamera2 for numpy 1, and it cannot be imported with numpy 2.
echo 'numpy<2' >"$work/picamera2.txt"
set -- -c "$work/limits.txt" "$@"
compile_both kiosk bookworm -c "$work/picamera2.txt" "$@"
compile_both kiosk trixie "$@"
for release in bookworm trixie; do
    compile_both register "$release" --extra register --extra oidc "$@"
done
# What builds the kiosk's wheel; it runs on any machine and stays on none.
printf 'pip\nsetuptools>=77\n' >"$work/build.in"
compile --python-version 3.11 --universal "$work/build.in" "$@" -o "$here/requirements/build.txt"
say 'requirements/build.txt'
