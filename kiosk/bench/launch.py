"""Start a command from a small process, and report its peak memory.

Linux carries the memory of the process that starts a command over into the command's own
``ru_maxrss``. The benchmark is larger than the kiosk; this process is smaller.

It prints two lines: the command's process id with the monotonic time of its start (seconds), and
at the end its exit code with its peak memory (KiB).
"""

import resource
import subprocess
import sys
import time


def main() -> None:
    """Run the command that the arguments give."""
    start_s = time.monotonic()
    child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)  # noqa: S603  # the benchmark's own command
    _say(child.pid, start_s)
    code = child.wait()
    _say(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)


def _say(*facts: float) -> None:
    sys.stdout.write(" ".join(map(str, facts)) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
