# The program's environment: a new one is made beside the old one, and a link switches between them.
# shellcheck shell=sh disable=SC2154  # install.sh sets the names of paths and the options

# Find the kiosk's wheel or the source to build it of ($wheel, $source), and pip: $pip, $pip_options.
find_wheel() {
    if [ -n "$wheels" ]; then
        ln -s "$(realpath "$wheels")" "$work/wheels" # a path without blanks
        # The machine's own settings of pip name other places, which cannot be reached here.
        pip="env PIP_CONFIG_FILE=/dev/null python3 $(only_file "$work/wheels" 'pip-*.whl')/pip" || exit
        pip_options="--isolated --no-index --find-links=$work/wheels"
        [ -n "$wheel" ] || wheel=$(only_file "$work/wheels" 'attendance_kiosk-*.whl') || exit
    else
        pip="$work/tools/bin/python -m pip" pip_options=''
    fi
    [ -z "$wheel" ] || [ -r "$wheel" ] || fail "--wheel: $wheel: cannot be read" 66
    source=$(dirname -- "$here")
    [ -n "$wheel" ] || [ -r "$source/pyproject.toml" ] ||
        fail "$source/pyproject.toml: missing; give a wheel with --wheel FILE" 66
}

# Print the path of the one file in a folder that matches a pattern.
only_file() {
    found=$(find "$1/" -maxdepth 1 -name "$2")
    [ -f "$found" ] || fail "--wheels: $wheels: expected one file $2; wheels.sh fills the folder" 66
    printf '%s' "$found"
}

# Make $environment, a folder beside the one in use, with the locked packages and the kiosk. It is
# laid out by hand, since the machine may be of another architecture than this one.
build_environment() {
    [ -n "$wheels" ] || make_tools
    [ -n "$wheel" ] || {
        build_wheel "$source" "$work/wheel"
        [ "$dry" = yes ] && wheel=$work/wheel/attendance_kiosk-0-py3-none-any.whl ||
            wheel=$(only_file "$work/wheel" 'attendance_kiosk-*.whl')
    }
    version=${wheel##*attendance_kiosk-}
    python=python$(python_of "$release")
    environment=$program/venv-${version%%-*}-$(date -u +%Y%m%d-%H%M%S)-$$
    site=$environment/lib/$python/site-packages
    options="$pip_options $(target_options "$release" "$architecture")"
    unfinished=$environment
    run mkdir -p "$environment/bin" "$site"
    run ln -s "/usr/bin/$python" "$environment/bin/python"
    run ln -s python "$environment/bin/python3"
    write "$environment/pyvenv.cfg" "$(settings)"
    list_packages >"$work/packages.txt"
    # shellcheck disable=SC2086  # a command and several options
    run $pip install --quiet --root-user-action ignore --target "$site" --no-deps --no-compile --require-hashes $options \
        -r "$work/packages.txt"
    run rm -rf "$site/bin"
    write "$environment/bin/kiosk" "$(launcher)"
    run chmod 0755 "$environment/bin/kiosk"
    compile_modules
    run mkdir "$environment/units"
    for service in $services; do
        run cp "$here/$service" "$environment/units/$service"
    done
}

# Print what is installed: the locked packages, and the kiosk with a hash, which pip then asks for.
list_packages() {
    cat "$here/requirements/$part-$release.txt"
    [ "$dry" = no ] || return 0
    mkdir "$work/kiosk"
    cp "$wheel" "$work/kiosk"
    hash=$(sha256sum "$wheel")
    echo "$work/kiosk/${wheel##*/} --hash=sha256:${hash%% *}"
}

# Write a text into a file; with --dry-run, print that.
write() {
    if [ "$dry" = yes ]; then
        printf '+ write %s\n' "$1"
    else
        printf '%s\n' "$2" >"$1"
    fi
}

# The kiosk's environment includes the system's packages for python3-picamera2, which only Debian has.
settings() {
    echo 'home = /usr/bin'
    [ "$part" = kiosk ] && system=true || system=false
    echo "include-system-site-packages = $system"
    echo "version = $(python_of "$release")"
}

# A running kiosk keeps the environment that it started with, so the program names its own.
launcher() {
    echo "#!${environment#"$root"}/bin/python"
    echo 'import sys'
    echo 'from kiosk.__main__ import main'
    echo 'sys.exit(main())'
}

# Compile the modules, which the service may not write, by the Python of the target system.
compile_modules() {
    compiler=$python
    [ -n "$root" ] || compiler=$environment/bin/python
    # Asked, not looked for: a name on the path may stand for a Python that is not installed (pyenv).
    if [ "$dry" = yes ] || "$compiler" -c "" 2>/dev/null; then
        # Some packages have files that are no module and do not compile.
        run "$compiler" -m compileall -qq -s "$root" "$site" || true
    else
        say "There is no $python on this machine, so the modules are not compiled, and the program starts more slowly;"
        say "to compile them, once on the target: sudo python3 -m compileall -qq ${program#"$root"}/venv/lib"
    fi
}

# Run the new program once, before anything is switched; an image cannot be run here.
try_environment() {
    [ -z "$root" ] || return 0
    case $part in kiosk) modules='cv2, ai_edge_litert.interpreter' ;; *) modules='django, uvicorn' ;; esac
    run "$environment/bin/kiosk" --version &&
        run "$environment/bin/python" -c "import $modules" ||
        fail "the new program does not run on this machine; the old one stays in use" 69
}

install_command() {
    run mkdir -p "$(dirname -- "$command")"
    if [ "$part" = kiosk ]; then
        run ln -sfn /opt/kiosk/venv/bin/kiosk "$command"
    else
        write "$command" "$(printf '%s\n' '#!/bin/sh' 'exec /opt/kiosk-register/venv/bin/kiosk register "$@"')"
        run chmod 0755 "$command"
    fi
}

# Print the name of the environment that a link of $program leads to.
environment_of() { readlink "$program/$1" || true; }

# Have a link of $program lead to an environment, in one step.
point() {
    run ln -sfn "$2" "$program/$1.new"
    run mv -T "$program/$1.new" "$program/$1"
}

# Take an environment into use, and remember the one before: folder. If a service that ran does not
# start with it, take the old one back.
put_into_service() {
    if [ -d "$venv" ] && [ ! -L "$venv" ]; then # as installers before this one left it
        run mv "$venv" "$program/venv-before"
        run ln -s venv-before "$venv"
    fi
    before=$(environment_of venv) earlier=$(environment_of previous)
    # shellcheck disable=SC2086  # several services
    [ -z "$root" ] && systemctl --quiet is-active $services && ran=yes || ran=no
    [ "$dry" = yes ] || sync -f "$1"
    point venv "${1##*/}"
    unfinished=''
    [ -z "$before" ] || point previous "$before"
    install_units "$1"
    restart && return 0
    [ "$ran" = yes ] || {
        say "${services%% *} did not run before, and does not start now; see journalctl -u ${services%% *}"
        return 0
    }
    [ -n "$before" ] || fail "${services%.service}: does not start; see journalctl -u ${services%% *}" 69
    point venv "$before"
    [ -n "$earlier" ] && point previous "$earlier" || rm -f "$program/previous"
    [ "$action" = rollback ] || rm -rf "$1"
    install_units "$program/$before"
    restart || true
    fail "the service does not start with the new program, so the old one is in use again; \
see journalctl -u ${services%% *}" 69
}

# Install the units that came with an environment; that of an older installer has none.
install_units() {
    for service in $services; do
        [ "$dry" = no ] && [ ! -e "$1/units/$service" ] ||
            run install -D -m 0644 "$1/units/$service" "$units/$service"
    done
}

# Restart what runs.
restart() {
    [ -z "$root" ] || return 0
    run systemctl daemon-reload
    # shellcheck disable=SC2086  # several services
    run systemctl try-restart $services
}

# Remove all environments but the one in use and the one before it.
remove_old_environments() {
    for old in "$program"/venv-*; do
        case ${old##*/} in
            "$(environment_of venv)" | "$(environment_of previous)") ;;
            *) [ ! -d "$old" ] || run rm -rf "$old" ;;
        esac
    done
}

rollback_all() {
    previous=$(environment_of previous)
    [ -n "$previous" ] && [ -d "$program/$previous" ] ||
        fail "$program: there is no program of before" 69
    put_into_service "$program/$previous"
    [ "$dry" = yes ] && say 'Nothing was changed.' ||
        say "In use: $previous. Once more --rollback returns to $(environment_of previous)."
}
