"""A real Mosquitto on a port of its own, and a client that records what is published."""

import contextlib
import json
import queue
import shutil
import signal
import socket
import subprocess
import threading
from pathlib import Path

import pytest
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from kiosk.protocol.topics import ROOT

MOSQUITTO = Path("/usr/sbin/mosquitto")
PATIENCE_S = 20.0
"""How long a test waits for what must come; only a failing test waits this long."""


def kind_filter(kind: str) -> str:
    """Return the subscription to one kind of message of every kiosk."""
    return f"{ROOT}/+/+/+/{kind}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def absent() -> str:
    """Return why no Mosquitto can be started here, or an empty string."""
    if MOSQUITTO.exists() and shutil.which("mosquitto_passwd"):
        return ""
    return f"{MOSQUITTO} is absent; install the Debian package mosquitto"


class Mosquitto:
    """A broker process; ``configure`` and ``restart`` change its options."""

    host = "127.0.0.1"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._options = ["allow_anonymous true"]
        self._process: subprocess.Popen[str] | None = None
        self._listeners = contextlib.ExitStack()

    @property
    def address(self) -> tuple[str, int]:
        return self.host, self.port

    def listen(self, *filters: str, client_id: str = "") -> "Listener":
        """Start a client that hears these topics; it is closed with the broker."""
        listener = Listener(self.address, *filters, client_id=client_id)
        self._listeners.callback(listener.close)
        return listener

    def configure(self, *options: str) -> None:
        """Replace the options; lines of mosquitto.conf."""
        self._options = list(options)

    def password(self, username: str, password: str) -> None:
        """Ask for this password from the next start on."""
        path = self.folder / "passwords"
        command = ["mosquitto_passwd", "-b", "-c", str(path), username, password]
        subprocess.run(command, check=True, capture_output=True)
        self.configure("allow_anonymous false", f"password_file {path}")

    def persist(self) -> None:
        """Keep sessions and retained messages over a kill, from the next start on."""
        self.configure(
            "allow_anonymous true",
            "persistence true",
            f"persistence_location {self.folder}/",
            "autosave_on_changes true",
            "autosave_interval 1",
        )

    def use_tls(self, folder: Path) -> None:
        """Speak TLS with this folder's server.pem and server.key, from the next start on."""
        certificate, key = folder / "server.pem", folder / "server.key"
        self.configure("allow_anonymous true", f"certfile {certificate}", f"keyfile {key}")

    def forbid_subscriptions_except(self, topic_filter: str) -> None:
        """Refuse all other subscriptions, from the next start on; skips without the plugin."""
        plugin = next(Path("/usr/lib").glob("*/mosquitto_dynamic_security.so"), None)
        if plugin is None:
            pytest.skip("Mosquitto's plugin for dynamic security is absent")
        allowed = {"acltype": "subscribePattern", "topic": topic_filter, "allow": True}
        rules = {
            "defaultACLAccess": {"publishClientSend": True, "publishClientReceive": True},
            "roles": [{"rolename": "all", "acls": [allowed]}],
            "groups": [{"groupname": "all", "roles": [{"rolename": "all"}]}],
            "anonymousGroup": "all",
            "clients": [],
        }
        path = self.folder / "security.json"
        path.write_text(json.dumps(rules))
        self.configure("allow_anonymous true", f"plugin {plugin}", f"plugin_opt_config_file {path}")

    def reload(self) -> None:
        """Read passwords and access lists again, with all connections kept."""
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    def start(self) -> None:
        config = self.folder / "mosquitto.conf"
        listener = [f"listener {self.port} {self.host}", "user root", "log_type information"]
        config.write_text("\n".join([*listener, "log_type error", *self._options, ""]))
        self._process = subprocess.Popen(
            [MOSQUITTO, "-c", str(config)], stderr=subprocess.PIPE, text=True
        )
        assert self._process.stderr is not None
        log = self._process.stderr
        # The log also names the configuration's path, in which a test's name may say "running".
        ends = (line for line in log if line.endswith(" running\n") or "Error" in line)
        said = next(ends, "nothing")
        assert said.endswith(" running\n"), f"mosquitto did not start: {said}"
        threading.Thread(target=log.read, daemon=True).start()  # or the pipe would fill
        socket.create_connection((self.host, self.port), PATIENCE_S).close()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def close(self) -> None:
        """End the listeners and the process."""
        self._listeners.close()
        self.kill()

    def stop(self) -> None:
        """Stop cleanly; clients see the connection close."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        self.stop()
        self.start()

    def freeze(self) -> None:
        """Stop the process in its tracks: connections stay, nothing is read or answered."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        # Mosquitto loses a SIGTERM that comes between its line "running" and its main loop.
        for _ in range(int(PATIENCE_S)):
            self._process.send_signal(how)
            if how is not signal.SIGKILL:
                self._process.send_signal(signal.SIGCONT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1.0)
                break
        assert self._process.poll() is not None, f"{how.name} did not end mosquitto"
        self._process = None


class Listener:
    """A client that hears some topics; ``heard`` holds (topic, payload, retained)."""

    def __init__(self, broker: tuple[str, int], *filters: str, client_id: str = "") -> None:
        self.heard: queue.Queue[tuple[str, bytes, bool]] = queue.Queue()
        self._subscribed = threading.Event()
        # With a client id, the broker keeps the session while this client is away.
        self.client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id, clean_session=not client_id
        )
        self.client.reconnect_delay_set(0.05, 0.1)  # type: ignore[arg-type]
        self.client.on_connect = lambda client, *_: client.subscribe([(f, 1) for f in filters])
        self.client.on_subscribe = lambda *_: self._subscribed.set()
        self.client.on_message = lambda _client, _data, message: self.heard.put(
            (message.topic, bytes(message.payload), message.retain)
        )
        self.client.connect(*broker)
        self.client.loop_start()
        assert self._subscribed.wait(PATIENCE_S)

    def next(self, patience_s: float = PATIENCE_S) -> tuple[str, bytes, bool]:
        return self.heard.get(timeout=patience_s)

    def payloads(self, count: int) -> list[bytes]:
        return [self.next()[1] for _ in range(count)]

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()
