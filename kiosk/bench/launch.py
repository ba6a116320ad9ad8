"""Start a command from a small process, and report its peak memory.

On Linux the ``ru_maxrss`` of a command includes the memory of the process that started it. The
benchmark is larger than the kiosk; this process is smaller.

It prints two lines: the command's process id and the monotonic time of its start (seconds); at the
end its exit code and its peak memory (KiB).
"""

import resource
import subprocess
import sys
import time


def main() -> None:
    """Run the command in the arguments."""
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
