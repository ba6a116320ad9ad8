# Functions that install.sh, wheels.sh and lock.sh share.
# shellcheck shell=sh disable=SC2154  # dry, root and here are set by the script that reads this file

fail() {
    printf '%s: %s\n' "${0##*/}" "$1" >&2
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

# Print the version of Python that a release of Debian has.
python_of() {
    case $1 in
        bookworm) echo 3.11 ;;
        trixie) echo 3.13 ;;
        *) fail "$1: unknown release; expected bookworm or trixie" 64 ;;
    esac
}

# Print the options with which pip takes the wheels of a system (release, architecture), whatever
# machine pip itself runs on. Each wheel names the C library that it needs at least.
target_options() {
    case $1 in bookworm) newest=36 ;; *) newest=41 ;; esac
    case $2 in
        arm64) machine=aarch64 ;;
        amd64) machine=x86_64 ;;
        *) fail "$2: unknown architecture; expected arm64 or amd64" 64 ;;
    esac
    printf '%s' "--only-binary :all: --implementation cp --python-version $(python_of "$1")"
    printf ' --platform %s' "manylinux2014_$machine" "linux_$machine"
    libc=$newest
    while [ "$libc" -ge 17 ]; do
        printf ' --platform %s' "manylinux_2_${libc}_$machine"
        libc=$((libc - 1))
    done
}

# Make the folder $work, which is removed at the end, whatever happens.
make_workplace() {
    work=$(mktemp -d)
    unfinished=''
    trap 'rm -rf "$work" ${unfinished:+"$unfinished"}' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
}

# Make $tools, a Python with pip and setuptools at their locked versions.
make_tools() {
    tools=$work/tools/bin/python
    run python3 -m venv "$work/tools"
    run "$tools" -m pip install --quiet --require-hashes -r "$here/requirements/build.txt"
}

# Build the kiosk's wheel of a source tree in a folder: tree, folder. It is built from a copy: in the
# tree, `build/` would stay, from which modules that were deleted since get into the next wheel.
build_wheel() {
    run mkdir -p "$work/source"
    for item in kiosk train convert pyproject.toml README.md LICENSE; do
        run cp -R "$1/$item" "$work/source"
    done
    run "$tools" -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir "$2" "$work/source"
}
