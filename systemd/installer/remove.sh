# Removing: the program, and with --purge everything of the installation.
# shellcheck shell=sh disable=SC2154  # install.sh sets the names of paths and the options

uninstall_all() {
    stop_services
    [ "$purge" = no ] || prepare_purge
    for service in $services; do
        run rm -f "$units/$service" "$units/multi-user.target.wants/$service"
    done
    run rm -f "$command"
    run rm -rf "$program"
    [ "$purge" = no ] || purge_all
    [ -n "$root" ] || run systemctl daemon-reload
    if [ "$dry" = yes ]; then
        say 'Nothing was changed.'
    elif [ "$purge" = yes ]; then
        say 'Removed, including configuration and data.'
    else
        say "Removed. Kept: $configuration, $state and the account $name (see --purge)."
    fi
}

stop_services() {
    [ -z "$root" ] || return 0
    was_active=''
    for service in $services; do
        [ -e "$units/$service" ] || continue
        ! systemctl --quiet is-active "$service" || was_active="$was_active $service"
        run systemctl disable --now "$service"
    done
}

# Ask before data are lost; --yes answers.
prepare_purge() {
    [ -z "$root" ] || return 0
    if [ "$part" = kiosk ]; then
        retire_kiosk
    elif [ -d "$state" ]; then
        agree "$state: the whole register is deleted, unless it is in a PostgreSQL"
    fi
}

agree() {
    [ "$dry" = no ] && [ "$yes" = no ] || return 0
    say "$1."
    if [ -t 0 ]; then
        printf 'Type "yes" to go on: '
        read -r answer
        [ "$answer" != yes ] || return 0
    fi
    restore_services
    fail 'nothing was removed; --yes goes on without asking' 75
}

# What ran before runs again.
restore_services() {
    [ -z "$root" ] || return 0
    # shellcheck disable=SC2086  # several services
    systemctl --quiet enable $services
    # shellcheck disable=SC2086  # several services
    [ -z "$was_active" ] || systemctl start $was_active
}

# Have the kiosk look for events that wait, and clear its last words at the broker.
retire_kiosk() {
    if [ ! -x "$venv/bin/kiosk" ]; then
        agree 'The program is not there, so events that wait are not counted, and the broker keeps the last words'
        return 0
    fi
    [ "$yes" = no ] && sure='' || sure=--yes
    code=0
    # shellcheck disable=SC2086  # one option or none
    run "$venv/bin/kiosk" retire $sure || code=$?
    case $code in
        0) ;;
        69) say 'The broker keeps the last words of this kiosk; see "Taking a kiosk out of service".' ;;
        75)
            restore_services
            fail 'nothing was removed; --yes goes on without asking' 75
            ;;
        *) agree 'Events that wait could not be counted, and the broker may keep the last words' ;;
    esac
}

purge_all() {
    for service in $services; do
        run rm -rf "$units/$service.d"
    done
    run rm -rf "$configuration" "$state" "$account"
    [ "$part" = register ] || run rm -f "$root/etc/credstore.encrypted/kiosk-gallery"
    [ -n "$root" ] || ! id "$name" >/dev/null 2>&1 || run userdel "$name"
}
