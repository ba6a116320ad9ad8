"""Faults between broker and register. Each function makes one happen, and returns how often."""

import os
import signal
import time
from typing import Final

from tests.faults.stage import Stage

_PIECE: Final = 1_000
"""People who pass before the kiosk answers."""

HOSTILE: Final = (
    b"[" * 15_000,
    b'{"a":' * 3_000 + b"1" + b"}" * 3_000,
    b'{"sequence": ' + b"9" * 4_301 + b"}",
    b'{"schema_version": 1, "type": "\\u0000\x1b[2J"}',
    b"\x00\xff\xfe",
    b"x" * 1_000_000,
    b"null",
)


def nobody_subscribes(stage: Stage) -> int:
    """Let people pass before any register has ever subscribed."""
    stage.kiosk.start()
    stage.kiosk.offer(stage.many(500))
    time.sleep(1.0)  # the broker has answered
    stage.register.start()
    return 1


def register_is_away(stage: Stage) -> int:
    """Let three times as many people pass as the broker keeps messages."""
    return _without_register(stage, stage.many(3000))


def register_is_away_for_a_day(stage: Stage) -> int:
    """Let as many people pass as in a large school on a day."""
    return _without_register(stage, stage.many(50_000))


def register_is_slow(stage: Stage) -> int:
    """Stop the register for 99 % of the time while people pass."""
    stage.start()
    stage.kiosk.begin(stage.many(3000))
    while stage.kiosk.is_busy:
        os.kill(stage.register.pid, signal.SIGSTOP)
        time.sleep(0.99)
        os.kill(stage.register.pid, signal.SIGCONT)
        time.sleep(0.01)
    stage.kiosk.finish()
    return 1


def broker_is_killed(stage: Stage) -> int:
    """Kill the broker while people pass; it saved its state when it ended in order last."""
    return _end_broker(stage, times=stage.many(5))


def broker_loses_its_state(stage: Stage) -> int:
    """Stop the broker, delete its state and start it, without the register for 5 s."""
    stage.start()
    count = stage.many(1000)
    stage.kiosk.begin(count, count / 10.0)
    time.sleep(4.0)
    stage.register.stop()
    stage.broker.stop()
    (stage.broker.folder / "mosquitto.db").unlink()
    stage.broker.start()
    time.sleep(5.0)
    stage.register.start()
    stage.kiosk.finish()
    return 1


def access_list_denies(stage: Stage) -> int:
    """Forbid the kiosk to publish anything, and allow it later."""
    return _deny(
        stage,
        "topic read #\ntopic write kiosk/v1/+/+/+/confirmed\ntopic write kiosk/v1/+/+/+/replay\n",
    )


def access_list_denies_register(stage: Stage) -> int:
    """Forbid the register to confirm and to request anything, and allow it later."""
    kinds = ("attendance", "replayed", "replay-done", "health", "availability")
    rules = [f"topic write kiosk/v1/+/+/+/{kind}\n" for kind in kinds]
    return _deny(stage, "".join(["topic read #\n", *rules]))


def broker_is_silent(stage: Stage) -> int:
    """Stop the broker's process for a while; connections stay, nothing is answered."""
    stage.start()
    count = stage.many(200)
    stage.kiosk.begin(count, count / 4.0)
    time.sleep(1.0)
    stage.broker.freeze()
    time.sleep(3 * stage.wait_s)
    stage.broker.thaw()
    stage.kiosk.finish()
    return 1


def somebody_is_hostile(stage: Stage) -> int:
    """Publish what no parser expects, retained where it stays, in the name of the kiosk."""
    stage.start()
    listener = stage.broker.listen("none")
    count = stage.many(200)
    stage.kiosk.begin(count, count / 4.0)
    for kind in ("attendance", "replayed", "health", "availability", "replay-done", "confirmed"):
        for payload in HOSTILE:
            topic = f"kiosk/v1/school/room-1/kiosk-1/{kind}"
            listener.client.publish(topic, payload, qos=1, retain=True).wait_for_publish(10.0)
    stage.kiosk.finish()
    stage.register.kill()
    stage.kiosk.kill()
    stage.kiosk.start()
    stage.register.start()
    return 6 * len(HOSTILE)


def _without_register(stage: Stage, people: int) -> int:
    stage.subscribe_register()
    stage.kiosk.start()
    for start in range(0, people, _PIECE):
        stage.kiosk.offer(min(_PIECE, people - start))
    time.sleep(1.0)
    stage.register.start()
    return 1


def _deny(stage: Stage, denied: str) -> int:
    rules = stage.folder / "access"
    rules.write_text("topic readwrite #\n")
    rules.chmod(0o644)
    stage.configure("allow_anonymous true", f"acl_file {rules}")
    stage.broker.restart()
    stage.start()
    rules.write_text(denied)
    stage.broker.reload()
    stage.kiosk.offer(stage.many(200))
    time.sleep(2.0)
    rules.write_text("topic readwrite #\n")
    stage.broker.reload()
    return 1


def _end_broker(stage: Stage, *, times: int) -> int:
    stage.start()
    for _ in range(times):
        stage.kiosk.begin(300, 100.0)
        time.sleep(stage.chance.uniform(0.5, 2.5))
        stage.broker.kill()
        time.sleep(0.5)
        stage.broker.start()
        stage.kiosk.finish()
    return times
