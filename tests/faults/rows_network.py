"""Faults between kiosk and broker. Each function makes one happen, and returns how often."""

import time
from collections.abc import Callable

from tests.faults.network import Line, NetworkError, Quality
from tests.faults.stage import NotPossibleError, Stage
from tests.kiosk.mqtt.proxy import Proxy


def acknowledgements_are_swallowed(stage: Stage) -> int:
    """Drop every PUBACK of the broker for three times as long as the kiosk waits for one."""
    stage.start()
    stage.proxy.swallows.set()
    stage.kiosk.offer(stage.many(200))
    time.sleep(3 * stage.wait_s)
    stage.proxy.swallows.clear()
    return 1


def connection_is_half_open(stage: Stage) -> int:
    """Drop what either side sends, while both believe that they are connected."""
    stage.start()
    times = stage.many(3)
    for _ in range(times):
        count = stage.many(200)
        stage.kiosk.begin(count, count / 2.0)
        time.sleep(1.0)
        stage.proxy.forget()
        stage.kiosk.finish()
        time.sleep(stage.wait_s)
    return times


def connection_is_cut(stage: Stage) -> int:
    """End the kiosk's connection in the middle of a packet while people pass."""
    stage.start()
    times = stage.many(20)
    for _ in range(times):
        stage.kiosk.begin(100, 100.0)
        time.sleep(stage.chance.uniform(0.1, 0.9))
        stage.proxy.cut()
        stage.kiosk.finish()
    return times


def network_is_bad(quality: Quality) -> Callable[[Stage], int]:
    """Return a fault: kiosk and broker are on a line like this; it counts the packets harmed."""

    def happen(stage: Stage) -> int:
        try:
            line = Line()
        except NetworkError as exc:
            raise NotPossibleError(str(exc)) from exc
        stage.at_end.callback(line.close)
        proxy = stage.at_end.enter_context(Proxy(stage.broker.address, line.here))
        stage.kiosk.connect_to(line.here, proxy.port, line.inside)
        stage.start()
        line.quality = quality
        count = stage.many(2000)
        stage.kiosk.offer(count, 67.0)
        return line.harmed

    return happen
