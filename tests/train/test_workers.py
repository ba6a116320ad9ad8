"""The processes of a pool end with the process that they work for."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]

# Prints the numbers of two workers, and waits.
POOL = """
import os, time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import active_children, get_context
from train.workers import prepare_worker

if __name__ == "__main__":
    pool = ProcessPoolExecutor(2, get_context("spawn"), initializer=prepare_worker)
    for future in [pool.submit(time.sleep, 1) for _ in range(2)]:
        future.result()
    print(*(child.pid for child in active_children()), flush=True)
    time.sleep(600)
"""


def runs(pid: int) -> bool:
    """Say whether a process runs; one that has ended and that nobody has asked about does not."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def wait_until_gone(pids: list[int]) -> bool:
    end = time.monotonic() + 30
    while any(map(runs, pids)) and time.monotonic() < end:
        time.sleep(0.05)
    return not any(map(runs, pids))


def start(tmp_path: Path) -> tuple["subprocess.Popen[str]", list[int]]:
    script = tmp_path / "pool.py"  # a new process imports the script that started it
    script.write_text(POOL)
    process = subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip
    assert process.stdout is not None
    return process, [int(pid) for pid in process.stdout.readline().split()]


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    """As when memory runs out; nothing is left that waits for work."""
    process, workers = start(tmp_path)
    assert len(workers) == 2
    assert all(map(runs, workers))
    process.kill()
    process.wait()
    assert wait_until_gone(workers)


def test_workers_leave_control_c_to_their_parent(tmp_path: Path) -> None:
    """They print nothing and live on until it ends them."""
    process, workers = start(tmp_path)
    for pid in workers:
        os.kill(pid, signal.SIGINT)
    time.sleep(0.5)
    assert all(map(runs, workers))
    process.kill()
    process.wait()
    assert wait_until_gone(workers)
