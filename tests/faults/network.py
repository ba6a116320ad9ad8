"""A network namespace of its own for a kiosk, on a line that loses, delays and repeats packets.

The line is two TUN devices and a thread between them: it needs no `netem`, which many kernels lack.
"""

import fcntl
import heapq
import itertools
import os
import random
import select
import struct
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import Final

_TUNSETIFF: Final = 0x400454CA
_IFF_TUN_WITHOUT_HEAD: Final = 0x1001
_PACKET: Final = 65_536


class NetworkError(Exception):
    """This machine cannot make such a line."""


@dataclass(slots=True)
class Quality:
    """How bad the line is, in either direction.

    Attributes:
        loss: Share of the packets that are lost.
        repeated: Share that comes twice.
        delay_s: Delay, seconds; each packet has between half and one and a half of it, so that
            they overtake each other.
    """

    loss: float = 0.0
    repeated: float = 0.0
    delay_s: float = 0.0


class Line:
    """The line; one at a time in a process.

    Attributes:
        here: The address of this end.
        quality: How bad it is; may be changed at any time.
        harmed: How many packets were lost, repeated or delayed.

    Raises:
        NetworkError: This machine cannot make it.
    """

    def __init__(self) -> None:
        self.quality = Quality()
        self.harmed = 0
        number = os.getpid()
        self._name = f"kiosk-{number}"
        self.here = f"10.213.{number % 256}.1"
        there = f"10.213.{number % 256}.2"
        ends = f"kh{number}", f"kt{number}"
        self._chance = random.Random(0)
        self._is_open = True
        try:
            _ip("netns", "add", self._name)
            self._ends = [_tun(one) for one in ends]
            _ip("link", "set", ends[1], "netns", self._name)
            _ip("addr", "add", f"{self.here}/30", "dev", ends[0])
            _ip("link", "set", ends[0], "up")
            _ip("-n", self._name, "addr", "add", f"{there}/30", "dev", ends[1])
            for device in ("lo", ends[1]):
                _ip("-n", self._name, "link", "set", device, "up")
        except (OSError, subprocess.CalledProcessError) as exc:
            raise NetworkError("a network namespace cannot be made here (root may)") from exc
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    @property
    def inside(self) -> tuple[str, ...]:
        """What a command begins with to run at the other end."""
        return ("ip", "netns", "exec", self._name)

    def close(self) -> None:
        """Take the line down."""
        self._is_open = False
        self._thread.join()
        for end in self._ends:
            os.close(end)
        subprocess.run(["ip", "netns", "del", self._name], check=False)

    def _carry(self) -> None:
        """Pass packets on when they are due."""
        order = itertools.count()
        waiting: list[tuple[float, int, int, bytes]] = []
        while self._is_open:
            wait_s = min(0.1, max(0.0, waiting[0][0] - time.monotonic())) if waiting else 0.1
            for end in select.select(self._ends, [], [], wait_s)[0]:
                packet = os.read(end, _PACKET)
                other = self._ends[1 - self._ends.index(end)]
                for due_s in self._fate():
                    heapq.heappush(waiting, (due_s, next(order), other, packet))
            while waiting and waiting[0][0] <= time.monotonic():
                _, _, end, packet = heapq.heappop(waiting)
                os.write(end, packet)

    def _fate(self) -> list[float]:
        """Return when a packet arrives, for each time that it does."""
        quality, chance = self.quality, self._chance
        times = 1
        if chance.random() < quality.loss:
            times = 0
        elif chance.random() < quality.repeated:
            times = 2
        self.harmed += times != 1 or quality.delay_s > 0
        return [time.monotonic() + quality.delay_s * chance.uniform(0.5, 1.5) for _ in range(times)]


def _tun(name: str) -> int:
    device = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH", name.encode(), _IFF_TUN_WITHOUT_HEAD))
    return device


def _ip(*command: str) -> None:
    subprocess.run(["ip", *command], check=True, capture_output=True)
