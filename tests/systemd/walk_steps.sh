#!/bin/sh
# The steps of walk.sh, within the container. Each prints what a technician would see.
set -eu
cd /walk/source

step() { printf '\n-- %s\n' "$1"; }
expect() { # exit code, command
    wanted=$1 code=0
    shift
    "$@" || code=$?
    [ "$code" = "$wanted" ] || { echo "$*: exit code $code, expected $wanted"; exit 1; }
}
within() { # seconds, command: until it succeeds
    left=$1
    shift
    until "$@" >/dev/null; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || { echo "$*: not within the time"; exit 1; }
        sleep 1
    done
}
retained() { mosquitto_sub -p 18830 -t 'kiosk/#' --retained-only -v -W 2 2>/dev/null | cut -c 1-70 || true; }
version_is() { # of command and running service
    [ "$(kiosk --version | sed 's/attendance-kiosk \(.*\),.*/\1/')" = "$1" ]
    kiosk status | grep -q "version $1,"
    echo "in use: $1"
}
nothing_waits() { kiosk status | grep -q ' 0 events waiting'; }
left() { find / -xdev -name '*kiosk*' -not -path '/walk/*' -not -path '/proc/*'; }
before=$(find . | sort | sha256sum)

step "systemd $(systemctl --version | head -n 1), $(cat /etc/debian_version), $(uname -m)"
step 'install --dry-run'
sh systemd/install.sh --dry-run --wheels /walk/stick | tail -n 3
test ! -e /opt/kiosk
step 'install from the stick, without a network'
sh systemd/install.sh --wheels /walk/stick
kiosk --version
step 'check before anything is set: what is missing'
expect 65 kiosk check
step 'configure: broker, and photos instead of a camera'
sed -i -e 's/^host = ""/host = "127.0.0.1"/; s/^port = 1883/port = 18830/' \
    -e '/^\[camera\]/,/^\[detector\]/ {
        s/^backend = .*/backend = "replay"/; s|^source = .*|source = "/var/lib/kiosk/door"|
        s/^fps = .*/fps = 3.0/
    }' /etc/kiosk/kiosk.toml
mkdir /var/lib/kiosk/door
cp /walk/photos/0[6-9].png /var/lib/kiosk/door
for number in $(seq 1000 7000); do # at 3 pictures a second longer than the walk
    ln -s "0$((6 + number % 4)).png" "/var/lib/kiosk/door/$number.png"
done
chown -R kiosk: /var/lib/kiosk/door
step 'start without a gallery: the service waits'
systemctl start kiosk
systemctl is-active kiosk
expect 65 kiosk status
step 'enrol; the running kiosk takes the gallery in by itself'
kiosk enrol s-1041 /walk/photos/01.png /walk/photos/02.png /walk/photos/03.png
within 60 kiosk status
step 'check'
kiosk check
step 'start'
systemctl restart kiosk
within 30 kiosk status
kiosk status
retained
step 'reload: a threshold, and a timetable in a file of its own'
sed -i 's/^margin_min = .*/margin_min = 0.06/' /etc/kiosk/kiosk.toml
cat >/walk/timetable.toml <<'TIMETABLE'
[[lesson]]
name = "maths-7b"
days = ["mon"]
start = "08:00"
end = "08:45"
TIMETABLE
install -D -m 0644 /walk/timetable.toml /etc/kiosk/kiosk.toml.d/timetable.toml
systemctl reload kiosk
systemctl show kiosk -p StatusText
step 'a reload that cannot be done says so, and the old files stay in force'
sed -i 's/^start = .*/start = "25:00"/' /etc/kiosk/kiosk.toml.d/timetable.toml
expect 1 systemctl reload kiosk
expect 78 kiosk reload
systemctl is-active kiosk
cp /walk/timetable.toml /etc/kiosk/kiosk.toml.d/timetable.toml
kiosk reload
step 'what needs somebody, in the journal'
journalctl -b -u kiosk -p warning --no-pager -o cat | sort | uniq -c
step 'speed on this machine, as installed'
kiosk bench >/walk/bench 2>/walk/bench.log
head -n 14 /walk/bench
step 'update, built from the source'
first=$(readlink /opt/kiosk/venv)
sed -i 's/^version = "0.1.0"/version = "0.1.1"/' pyproject.toml
sh systemd/install.sh
sed -i 's/^version = "0.1.1"/version = "0.1.0"/' pyproject.toml
within 30 kiosk status
version_is 0.1.1
readlink /opt/kiosk/venv /opt/kiosk/previous
test "$before" = "$(find . | sort | sha256sum)" && echo 'nothing was left in the checkout'
step 'an update that does not start: the old program stays'
mkdir /walk/broken
cp -R systemd pyproject.toml README.md LICENSE kiosk train convert /walk/broken
echo 'raise SystemExit(70)' >>/walk/broken/kiosk/daemon/signals.py
expect 69 sh /walk/broken/systemd/install.sh
within 30 kiosk status
version_is 0.1.1
step 'go back, live'
sh systemd/install.sh --rollback
within 30 kiosk status
version_is 0.1.0
[ "$(readlink /opt/kiosk/venv)" = "$first" ] || exit 1
sh systemd/install.sh --rollback
within 30 kiosk status
version_is 0.1.1
step 'out of service: events wait, so nothing is removed without a yes'
kiosk status | grep outbox
expect 75 sh systemd/install.sh --uninstall --purge </dev/null
within 30 kiosk status
expect 75 kiosk retire

step 'the register with its pages'
sh systemd/install.sh --register --wheels /walk/stick-register
sed -i 's/^port = 1883/port = 18830/' /etc/kiosk-register/register.toml
systemctl start kiosk-register kiosk-pages
within 150 nothing_waits # the kiosk asks a broker that had no register again after a minute
systemctl is-active kiosk-register kiosk-pages
su -s /bin/sh kiosk-register -c 'kiosk-register list'
su -s /bin/sh kiosk-register -c 'kiosk-register gaps'
python3 -c 'import urllib.request as u; r = u.urlopen("http://127.0.0.1:8000/"); print(r.status, r.url)'

step 'out of service: the register has everything'
kiosk status | grep outbox
systemctl stop kiosk
kiosk retire
echo "retained of the kiosk at the broker: $(retained | grep -cE 'health|availability' || true)"
mkdir -p /etc/systemd/system/kiosk.service.d
printf '[Service]\nNice=1\n' >/etc/systemd/system/kiosk.service.d/override.conf
sh systemd/install.sh --uninstall --purge </dev/null
expect 1 id kiosk
step 'the register, too'
expect 75 sh systemd/install.sh --register --uninstall --purge </dev/null
systemctl is-active kiosk-register kiosk-pages
sh systemd/install.sh --register --uninstall --purge --yes </dev/null
echo "left on the machine: $(left | wc -l) files"
[ -z "$(left)" ]
echo 'done'
