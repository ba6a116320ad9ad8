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
retained() { mosquitto_sub -p 18830 -t 'kiosk/#' --retained-only -v -W 2 2>/dev/null | cut -c 1-70 || true; }
before=$(find . | sort | sha256sum)

step "systemd $(systemctl --version | head -n 1), $(cat /etc/debian_version), $(uname -m)"
step 'install --dry-run'
sh systemd/install.sh --dry-run --wheels /walk/stick | tail -n 3
test ! -e /opt/kiosk
step 'install from the stick, without a network'
sh systemd/install.sh --wheels /walk/stick
kiosk --version
step 'configure: broker, and photos instead of a camera'
sed -i -e 's/^host = ""/host = "127.0.0.1"/; s/^port = 1883/port = 18830/' \
    -e '/^\[camera\]/,/^\[detector\]/ {
        s/^backend = .*/backend = "replay"/; s|^source = .*|source = "/var/lib/kiosk/door"|
        s/^fps = .*/fps = 3.0/
    }' /etc/kiosk/kiosk.toml
mkdir /var/lib/kiosk/door
cp /walk/photos/0[6-9].png /var/lib/kiosk/door
for number in $(seq 1000 4000); do # at 3 pictures a second longer than the walk
    ln -s "0$((6 + number % 4)).png" "/var/lib/kiosk/door/$number.png"
done
chown -R kiosk: /var/lib/kiosk/door
step 'enrol'
kiosk enrol s-1041 /walk/photos/01.png /walk/photos/02.png /walk/photos/03.png
step 'check'
kiosk check || echo "(exit code $?)"
step 'start'
systemctl start kiosk
systemctl is-active kiosk
for _ in $(seq 30); do
    kiosk status >/dev/null && break
    sleep 1
done
kiosk status || echo "(exit code $?)"
retained
step 'reload'
sed -i 's/^margin_min = .*/margin_min = 0.06/' /etc/kiosk/kiosk.toml
systemctl reload kiosk
systemctl show kiosk -p StatusText
step 'update, built from the source'
first=$(readlink /opt/kiosk/venv)
sed -i 's/^version = "0.1.0"/version = "0.1.1"/' pyproject.toml
sh systemd/install.sh
sed -i 's/^version = "0.1.1"/version = "0.1.0"/' pyproject.toml
kiosk --version
readlink /opt/kiosk/venv /opt/kiosk/previous
systemctl is-active kiosk
ls -l "/proc/$(systemctl show kiosk -p MainPID --value)/exe"
test "$before" = "$(find . | sort | sha256sum)" && echo 'nothing was left in the checkout'
step 'an update that does not start: the old program stays'
mkdir /walk/broken
cp -R systemd pyproject.toml README.md LICENSE kiosk train convert /walk/broken
echo 'raise SystemExit(70)' >>/walk/broken/kiosk/daemon/signals.py
expect 69 sh /walk/broken/systemd/install.sh
kiosk --version
systemctl is-active kiosk
step 'go back'
sh systemd/install.sh --rollback
sh systemd/install.sh --rollback
[ "$(readlink /opt/kiosk/venv)" != "$first" ] || echo "in use: the first one"
systemctl is-active kiosk
step 'out of service: events wait, so nothing is removed without a yes'
ls /opt/kiosk
systemctl edit --help >/dev/null
mkdir -p /etc/systemd/system/kiosk.service.d
printf '[Service]\nNice=1\n' >/etc/systemd/system/kiosk.service.d/override.conf
waiting=$(kiosk status | grep -o '[0-9]* events wait' || true)
echo "$waiting"
if [ "${waiting%% *}" != 0 ]; then
    expect 75 sh systemd/install.sh --uninstall --purge </dev/null
    systemctl is-active kiosk
fi
sh systemd/install.sh --uninstall --purge --yes </dev/null
echo "retained at the broker: $(retained | wc -l)"
find / -xdev -name '*kiosk*' -not -path '/walk/*' -not -path '/proc/*'
id kiosk || true

step 'the register with its pages'
sh systemd/install.sh --register --wheels /walk/stick-register
sed -i 's/^port = 1883/port = 18830/' /etc/kiosk-register/register.toml
systemctl start kiosk-register kiosk-pages
sleep 8
systemctl is-active kiosk-register kiosk-pages
su -s /bin/sh kiosk-register -c 'kiosk-register gaps'
python3 -c 'import urllib.request as u; r = u.urlopen("http://127.0.0.1:8000/"); print(r.status, r.url)'
expect 75 sh systemd/install.sh --register --uninstall --purge </dev/null
systemctl is-active kiosk-register kiosk-pages
sh systemd/install.sh --register --uninstall --purge --yes </dev/null
find / -xdev -name '*kiosk*' -not -path '/walk/*' -not -path '/proc/*'
echo 'done'
