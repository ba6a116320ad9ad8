#!/bin/sh
# Fill a folder (a memory stick) with all that install.sh --wheels needs, for a machine without a
# network. Run it on any Linux machine with a network and Python 3.11 or later.
set -eu

usage() {
    cat <<'USAGE'
Usage: systemd/wheels.sh [OPTION]... DIR

  --release NAME       bookworm or trixie, of the machine to install (default: trixie)
  --architecture NAME  arm64 (a Raspberry Pi, the default) or amd64
  --register           the packages of the register, not of a kiosk
  --help               print this help
USAGE
}

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=systemd/installer/common.sh
. "$here/installer/common.sh"

release=trixie architecture=arm64 part=kiosk folder='' dry=no
while [ $# -gt 0 ]; do
    case $1 in
        --release) [ $# -ge 2 ] || fail '--release: expected a name' 64; release=$2; shift ;;
        --architecture) [ $# -ge 2 ] || fail '--architecture: expected a name' 64; architecture=$2; shift ;;
        --register) part=register ;;
        --help) usage; exit 0 ;;
        -*) usage >&2; fail "$1: unknown option" 64 ;;
        *) [ -z "$folder" ] || fail "$1: one folder is expected" 64; folder=$1 ;;
    esac
    shift
done
[ -n "$folder" ] || { usage >&2; fail 'expected a folder' 64; }
python_of "$release" >/dev/null || exit
options=$(target_options "$release" "$architecture") || exit

make_workplace
make_tools
mkdir -p "$work/wheels" "$folder"
build_wheel "$(dirname -- "$here")" "$work/wheels"
# shellcheck disable=SC2086  # several options
"$tools" -m pip download --quiet --no-deps --require-hashes --dest "$work/wheels" $options \
    -r "$here/requirements/$part-$release.txt"
# pip itself is there, too: a machine without a network may lack it.
"$tools" -m pip download --quiet --no-deps --require-hashes --dest "$work/wheels" \
    -r "$here/requirements/build.txt"
rm -f "$folder"/attendance_kiosk-*.whl "$folder"/pip-*.whl
cp "$work/wheels"/*.whl "$folder"
say "$folder: filled for $release, $architecture. There, with this version's folder systemd:"
say "  sudo systemd/install.sh$([ "$part" = kiosk ] || echo ' --register') --wheels $folder"
